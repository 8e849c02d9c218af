"""A store in a folder and stores in buckets keep the same promises."""

import errno
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raypg import bucket, lease
from raypg.errors import ResultsError, StoreError
from raypg.store import Store
from tests.buckets import KINDS, denying, each_kind, new_bucket

__all__ = ["denying"]


@pytest.fixture(params=["folder", *KINDS])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Store:
    if request.param == "folder":
        return Store(str(tmp_path / "runs"))
    return Store(f"{new_bucket(request.param, monkeypatch)}/some/prefix")


def test_what_was_written_is_read(store: Store) -> None:
    store.write_whole("a/b.bin", b"one")
    store.write_whole("a/b.bin", b"two", durable=True)
    assert store.read("a/b.bin") == b"two"
    assert store.files("a") == ["b.bin"]
    assert store.folders() == ["a"]


def test_sizes_are_those_of_every_file_below_a_folder(store: Store) -> None:
    store.write_whole("a/b/c.bin", b"four")
    store.write_whole("a/d.bin", b"")
    store.write_whole("ab/e.bin", b"x")
    assert store.sizes("a") == {"b/c.bin": 4, "d.bin": 0}
    assert store.sizes("nowhere") == {}


def test_what_is_not_there_is_a_missing_file(store: Store) -> None:
    assert store.files("nowhere") == store.folders("nowhere") == []
    with pytest.raises(FileNotFoundError, match="nothing"):
        store.read("nothing")
    store.delete("nothing")


def test_a_file_grows_by_whole_pieces(store: Store) -> None:
    file = store.append_to("a/live.arrows")
    file.append(b"one")
    assert store.read("a/live.arrows") == b"one"
    file.append(b"two")
    file.close()
    assert store.read("a/live.arrows") == b"onetwo"


def test_a_name_is_given_out_once(store: Store) -> None:
    store.create_sweep("depth")
    with pytest.raises(StoreError, match="--resume depth"):
        store.create_sweep("depth")
    assert store.create_next_sweep("depth") == "depth-2"
    assert store.has_sweep("depth-2")
    assert not store.has_sweep("depth-3")


def test_no_two_that_claim_at_once_get_the_same_name(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(store.create_next_sweep, ["depth"] * 8))
    assert len(set(names)) == 8


def test_a_sweep_is_listed_once_it_is_described(store: Store) -> None:
    store.create_sweep("depth")
    assert store.sweeps() == []
    store.write_description("depth", {"kind": "ablation"})
    assert store.sweeps() == ["depth"]
    assert store.read_description("depth") == {"kind": "ablation"}


def test_an_unknown_sweep_is_answered_with_the_nearest(store: Store) -> None:
    store.write_description("densenet_depth", {})
    with pytest.raises(ResultsError, match='Did you mean "densenet_depth"'):
        store.read_description("densenet_dept")


def test_a_deleted_sweep_leaves_nothing(store: Store) -> None:
    store.create_sweep("depth")
    store.write_description("depth", {})
    store.delete_sweep("depth")
    assert not store.has_sweep("depth")
    assert store.sweeps() == []


def test_a_check_leaves_nothing(store: Store) -> None:
    store.check_writable()
    assert not store.exists()
    assert store.files("") == []


def test_a_store_crosses_processes_as_its_name(store: Store) -> None:
    store.write_whole("a.bin", b"one")
    assert pickle.loads(pickle.dumps(store)).read("a.bin") == b"one"


@pytest.mark.parametrize(
    "name", ["../out", ".hidden", "-flag", "a/b", "", "a b", "..."]
)
def test_a_name_cannot_leave_the_store(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="must start with a letter"):
        Store(str(tmp_path)).create_sweep(name)


def test_a_store_below_a_file_is_refused_before_anything_is_made(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    store = Store(str(tmp_path / "file" / "runs"))
    with pytest.raises(StoreError, match="must be writable"):
        store.check_writable()
    with pytest.raises(StoreError, match="must be writable"):
        store.create_sweep("depth")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_an_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(StoreError, match="s3://"):
        Store("ftp://host/runs")


@pytest.mark.parametrize("uri", ["s3:/bucket/runs", "gs:/bucket", "s3:bucket"])
def test_a_bucket_with_a_slash_too_few_is_no_folder(uri: str) -> None:
    with pytest.raises(StoreError, match=f"Write {uri[:2]}://, or ./{uri[:2]}:"):
        Store(uri)
    assert Store(f"./{uri}").is_local


def test_a_write_that_fails_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path))
    store.write_whole("a.bin", b"old")
    monkeypatch.setattr("os.fsync", _fail)
    with pytest.raises(OSError, match="full"):
        store.write_whole("a.bin", b"new", durable=True)
    assert store.read("a.bin") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_sweep_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    lock = store.lock_sweep("depth")
    assert store.is_being_written("depth")
    by_whom = f"must be written by one process; found process {os.getpid()} on .* since"
    for _ in range(2):
        with pytest.raises(StoreError, match=by_whom):
            store.lock_sweep("depth")
    lock.close()
    assert not store.is_being_written("depth")
    store.lock_sweep("depth").close()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_folder_without_locks_has_a_lease_and_one_process_that_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("fcntl.flock", _raises(number))
    for name, seconds in {"BEAT_S": 0.1, "LOOK_S": 0.05, "SETTLE_S": 0.1}.items():
        monkeypatch.setattr(lease, name, seconds)
    store = Store(str(tmp_path))
    lock = store.lock_sweep("depth")
    assert store.is_being_written("depth")
    assert lock.is_held()
    told: list[str] = []
    by_whom = f"must be written by one process; found process {os.getpid()} on .* since"
    with pytest.raises(StoreError, match=by_whom):
        store.lock_sweep("depth", tell=told.append)
    assert "waiting up to" in told[0]
    lock.close()
    assert not store.is_being_written("depth")
    store.lock_sweep("depth").close()
    assert not store.is_being_written("depth")


def test_a_folder_that_fails_is_not_taken_for_one_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcntl.flock", _raises(errno.EIO))
    with pytest.raises(OSError, match="no lock for you"):
        Store(str(tmp_path)).lock_sweep("depth")


def _raises(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, "no lock for you")

    return fail


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("densenet_depth", "densenet_depth"),
        ("my space (2)", "my_space_2_"),
        ("tiefe-ä", "tiefe-_"),
        ("ä", "sweep_"),
        (".x", "sweepx"),
        ("-x", "sweep-x"),
    ],
)
def test_any_file_gives_its_sweep_a_name(tmp_path: Path, stem: str, name: str) -> None:
    assert Store(str(tmp_path)).create_next_sweep(stem) == name


def test_a_long_file_name_is_cut(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    first, second = (store.create_next_sweep("x" * 300) for _ in range(2))
    assert len(first) < len(second) <= 100


def test_a_sweep_of_another_store_is_no_sweep_of_this_one(tmp_path: Path) -> None:
    Store(str(tmp_path / "other")).write_description("depth", {})
    with pytest.raises(ResultsError, match="none of that name"):
        Store(str(tmp_path / "own")).read_description("../other/depth")


def test_a_damaged_description_names_its_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_whole("depth/sweep.json", b'{"kind": ')
    with pytest.raises(ResultsError, match=r"depth/sweep.json: must be a sweep's JSON"):
        store.read_description("depth")


def _fail(descriptor: int) -> None:
    raise OSError(28, "disk full")


@pytest.mark.parametrize(
    "uri", ["s3://AKIA0:sesame@bucket/runs", "s3://bucket/runs?secret_key=sesame"]
)
def test_keys_in_a_uri_are_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(StoreError, match="in the environment") as error:
        Store(uri)
    assert "sesame" not in str(error.value)


@pytest.mark.parametrize("text", ["[]", "{", "3"])
def test_a_description_that_is_none_is_said(tmp_path: Path, text: str) -> None:
    store = Store(str(tmp_path))
    store.create_sweep("depth")
    store.write_whole("depth/sweep.json", text.encode())
    with pytest.raises(ResultsError, match="must be a sweep's JSON"):
        store.read_description("depth")


@pytest.mark.parametrize("check", [Store.check_place, Store.check_writable])
def test_wrong_credentials_are_named_as_such(
    denying: None, check: Callable[[Store], None]
) -> None:
    found = r"^--store s3://bucket/x: must be \w+; found access denied. Check the cred"
    with pytest.raises(StoreError, match=found):
        check(Store("s3://bucket/x"))


@each_kind
def test_a_bucket_that_is_not_there_is_told_from_an_empty_one(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(f"{new_bucket(kind, monkeypatch)}/nothing/here").check_place()
    nowhere = Store(f"{kind}://no-such-bucket-anywhere/x")
    for check in (nowhere.check_place, nowhere.check_writable):
        with pytest.raises(StoreError, match="found no such bucket. Make the bucket"):
            check()


def test_google_without_credentials_says_so_soon(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    # No key file, and nobody who would hand out keys on this machine.
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_ROOT", "127.0.0.1:9")
    monkeypatch.setattr(bucket, "FIRST_LOOK_S", 0.2)
    with pytest.raises(StoreError, match="no credentials. Set GOOGLE_APPLICATION_C"):
        Store("gs://some-bucket/x").check_place()
