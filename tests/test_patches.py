"""What the code has beside its commit is kept, so that it can be made again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from raypg.patches import CHANGES, MOST_BYTES, keep_changes, read_left_out
from raypg.store import Store
from tests.repositories import checkout, run_git

__all__ = ["checkout"]

Keep = Callable[..., str]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "runs"))


@pytest.fixture
def told() -> list[str]:
    """What keeping has said."""
    return []


@pytest.fixture
def keep(checkout: Path, store: Store, told: list[str]) -> Keep:
    """Keep the changes of the checkout; the patch's name."""

    def keep(*files: str) -> str:
        from raypg.provenance import provenance

        provenance.cache_clear()
        return keep_changes(store, "sweep", files, told.append)

    return keep


def start_anew(checkout: Path) -> None:
    """As its commit has it, without what it does not track."""
    run_git(checkout, "checkout", "--quiet", ".")
    run_git(checkout, "clean", "-ffdxq")


def apply(checkout: Path, store: Store, name: str) -> None:
    start_anew(checkout)
    run_git(checkout, "apply", store.path("sweep", name))


def test_the_changes_that_are_kept_make_the_code_again(
    checkout: Path, store: Store, keep: Keep, told: list[str]
) -> None:
    changed = {
        "nets/my_net.py": b"class MyNet: ...",
        "raypg/__init__.py": b"one\n\n  two  \n\n",
        "raypg/latin.py": "# Gr\xf6\xdfe".encode("latin-1"),
        "raypg/image.bin": bytes(range(256)),
        "raypg/models/mine.py": b"class Mine: ...\r\n",
        "raypg/models/my own.py": b"",
        "spaces/depth.py": b"SPACE = 1",
    }
    for name, content in changed.items():
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_bytes(content)
    for setting in ("diff.noprefix", "diff.relative"):
        run_git(checkout, "config", setting, "true")
    run_git(checkout, "config", "color.ui", "always")
    own = [str(checkout / name) for name in ("nets/my_net.py", "spaces/depth.py")]
    assert keep(*own) == CHANGES
    apply(checkout, store, CHANGES)
    assert {name: (checkout / name).read_bytes() for name in changed} == changed
    assert told == []


def test_a_module_that_git_is_told_to_ignore_is_kept_all_the_same(
    checkout: Path, store: Store, keep: Keep
) -> None:
    (checkout / ".git" / "info" / "exclude").write_text("mine.py\n")
    (checkout / "raypg" / "mine.py").write_text("x = 1\n")
    apply(checkout, store, keep())
    assert (checkout / "raypg" / "mine.py").read_text() == "x = 1\n"


def test_what_trains_nothing_is_not_kept(
    checkout: Path, tmp_path: Path, keep: Keep
) -> None:
    (checkout / "notes.txt").write_text("mine")
    (checkout / "other_space.py").write_text("SPACE = 1")
    (tmp_path / "elsewhere.py").write_text("SPACE = 2")
    assert keep(str(tmp_path / "elsewhere.py")) == ""
    assert keep(str(checkout / "nowhere.py")) == ""


def test_a_space_alone_is_kept_beside_a_clean_checkout(
    checkout: Path, store: Store, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "space.py").write_text("SPACE = 1\n")
    monkeypatch.chdir(checkout)
    apply(checkout, store, keep("space.py"))
    assert (checkout / "space.py").read_text() == "SPACE = 1\n"
    run_git(checkout, "add", "space.py")
    run_git(checkout, "commit", "--quiet", "--message", "y")
    assert keep("space.py") == ""


def test_a_file_that_is_too_large_or_has_a_key_is_left_out_and_named(
    checkout: Path, store: Store, keep: Keep, told: list[str]
) -> None:
    (checkout / "raypg" / "optim.py").write_text("lr = 0.1\n")
    (checkout / "raypg" / "latin.py").write_text("x = '1'\n" * (MOST_BYTES // 8))
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    (checkout / "raypg" / "mine.py").write_text(f"client = connect({key!r})\n")
    assert keep() == CHANGES
    assert told == [
        "not kept of the code beside its commit: raypg/mine.py (it holds what looks "
        "like a key)",
        "not kept of the code beside its commit: raypg/latin.py (1.1 MB, and all that "
        "is kept has 1 MB at most)",
    ]
    patch = store.read(f"sweep/{CHANGES}")
    assert key.encode() not in patch
    assert [line.split()[0] for line in read_left_out(patch)] == [
        "raypg/mine.py",
        "raypg/latin.py",
    ]
    apply(checkout, store, CHANGES)
    assert (checkout / "raypg" / "optim.py").read_text() == "lr = 0.1\n"
    assert (checkout / "raypg" / "latin.py").read_text() == ""


def test_a_binary_file_is_not_searched_for_keys(
    checkout: Path, store: Store, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "raypg" / "image.bin").write_bytes(bytes(range(256)))
    monkeypatch.setenv("SOME_TOKEN", "GIT binary patch")
    apply(checkout, store, keep())
    assert (checkout / "raypg" / "image.bin").read_bytes() == bytes(range(256))


def test_where_nothing_can_be_kept_there_is_no_patch(
    checkout: Path, store: Store, keep: Keep, told: list[str]
) -> None:
    (checkout / "raypg" / "optim.py").write_text("x" * (MOST_BYTES + 1))
    assert keep() == ""
    assert len(told) == 1
    assert not store.has_file(f"sweep/{CHANGES}")


def test_each_state_of_the_code_has_a_patch_of_its_own(
    checkout: Path, store: Store, keep: Keep
) -> None:
    names = []
    for state in ("one", "one", "two", "one", "three"):
        (checkout / "raypg" / "optim.py").write_text(f"{state}\n")
        names.append(keep())
    assert names == [CHANGES, CHANGES, "code-2.diff", CHANGES, "code-3.diff"]
    assert b"+two" in store.read("sweep/code-2.diff")


def test_a_repository_without_a_commit_has_no_changes_beside_it(
    tmp_path: Path, store: Store, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from raypg.provenance import provenance

    (tmp_path / "code").mkdir()
    run_git(tmp_path / "code", "init", "--quiet")
    monkeypatch.chdir(tmp_path / "code")
    monkeypatch.setattr("raypg.git.PACKAGE", tmp_path / "nowhere" / "raypg")
    (tmp_path / "code" / "space.py").write_text("SPACE = 1\n")
    provenance.cache_clear()
    assert keep_changes(store, "sweep", ["space.py"], told.append) == ""
    provenance.cache_clear()
