"""Whatever is wrong with what was typed: one readable error, and nothing was begun."""

import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from raypg.cluster import prepare
from raypg.store import Store
from raypg.tune import main
from tests.buckets import denying, each_kind, new_bucket
from tests.command import GOOD, Command, Said
from tests.data.raw_files import write_idx_set
from tests.results.sweeps import new_store

__all__ = ["denying"]

SEARCH = """from raypg import *
SPACE = Search(axes={"optimizer.lr": uniform(0.1, 1)}, trials=4)
"""


def check(said: Said, start: str, *parts: str) -> None:
    """Exactly one error: its first line says it all, and no traceback follows."""
    first, *rest = said.err.splitlines()
    assert (said.code, said.out) == (2, "")
    assert first.startswith(start)
    for part in parts:
        assert part in said.err
    assert "Traceback" not in said.err
    assert all(line.startswith(("  line", start.split(":")[0])) for line in rest)


@pytest.mark.parametrize(
    ("source", "start", "part"),
    [
        ("", "space.py: must define SPACE; found an empty file", "Write SPACE ="),
        ("x = 1", "space.py: must define SPACE; found none", "Write SPACE ="),
        (f"{GOOD}{GOOD}", "space.py: must hold one space", "lines 2, 4"),
        ("SPACE = 3", "space.py: SPACE: must be an Ablation or a Search", "found int"),
        (
            "def f():\n    return 1 / 0\nSPACE = f()",
            "space.py:2: must import without an error; found ZeroDivisionError",
            "  line 3, in <module>: SPACE = f()\n  line 2, in f: return 1 / 0",
        ),
        ("import nothere", "space.py:1: must import without an error", "nothere"),
        ("SPACE = (", "space.py:1: must be Python", "never closed"),
        ("x = '\0'", "space.py: must be Python", "null bytes"),
        (
            GOOD.replace("hidden", "hiden"),
            'space.py: axes["model.hiden"]: must name a field of "model"',
            'Did you mean "hidden"?',
        ),
        (
            GOOD.replace("[8, 16]", '["a"]'),
            'space.py: axes["model.hidden"]: must be a whole number; found "a"',
            "",
        ),
        (GOOD.replace("8, 16", "-8"), 'space.py: axes["model.hidden"]', "at least 1"),
        (GOOD.replace("8, 16", ""), 'space.py: axes["model.hidden"]', "found none"),
        (
            GOOD.replace('"mlp"', '"mpl"'),
            'space.py: base["model.name"]: must be a known model; found "mpl"',
            'Did you mean "mlp"?',
        ),
        (
            'from raypg import *\nSPACE = Ablation(axes={"model.depth": [21]})',
            'space.py: axes["model.depth"]: must be 3n+4',
            "(nearest: 19 and 22); found 21",
        ),
        (
            SEARCH.replace("0.1, 1", "1, 0.1"),
            'space.py: axes["optimizer.lr"]: low must be below high',
            "found 1 and 0.1",
        ),
    ],
)
def test_a_wrong_space(tune: Command, source: str, start: str, part: str) -> None:
    Path("space.py").write_text(source)
    check(tune("space.py"), start, part)
    assert tune.is_untouched()


@pytest.mark.parametrize(
    ("arguments", "start", "part"),
    [
        ("", "command line: must name a space file", "search_spaces"),
        ("nowhere.py", "nowhere.py: must be a readable file; found no such file", ""),
        (".", ".: must be a readable file; found is a directory", ""),
        ("space.py other.py", "command line: must name one file", "KEY=VALUE"),
        ("space.py --preset papr", '--preset: must be known; found "papr"', "paper"),
        ("space.py --config no.yaml", "no.yaml: must be a readable file", ""),
        ("space.py --fresch", "command line: No such option: --fresch", "--fresh"),
        ("space.py --name ../x", "--name: must start with a letter", '"../x"'),
        (f"space.py --name {'x' * 101}", "--name: must have at most 100", "101"),
        ("space.py --name=", "command line: Invalid value for '--name'", "empty"),
        ("space.py --workers-per-trial 0", "--workers-per-trial: must be", "found 0"),
        ("space.py --workers-per-trial x", "command line: Invalid value for", "'--wo"),
        ("space.py --cpus-per-worker nan", "--cpus-per-worker: must be", "found nan"),
        ("space.py --gpus-per-worker -2", "--gpus-per-worker: must be", "found -2"),
        ("space.py --gpus-per-worker 1.5", "--gpus-per-worker: must be whole", "1.5"),
        ("space.py --checkpoint-every inf", "--checkpoint-every: must be", "inf"),
        ("space.py --hang-timeout 1", "--hang-timeout: must be 0, which is", "found 1"),
        ("space.py --hang-timeout nan", "--hang-timeout: must be a number", "nan"),
        ("space.py --keep-checkpoints none", "--keep-checkpoints: must be", '"none"'),
        ("space.py --keep-checkpoints 0", "--keep-checkpoints: must be", '"0"'),
        ("space.py --keep-checkpoints -1", "--keep-checkpoints: must be", '"-1"'),
        ("space.py --keep-checkpoints=", "command line: Invalid value for", "'--keep"),
        ("space.py --checkpoint-disk 50", "--checkpoint-disk: must be a size", "unit"),
        ("space.py --checkpoint-disk 50G", "--checkpoint-disk: must be", "Write 50GB."),
        ("space.py --checkpoint-disk 0GB", "--checkpoint-disk: must be", '"0GB"'),
        ("space.py --checkpoint-disk -5GB", "--checkpoint-disk: must be", '"-5GB"'),
        ("space.py --checkpoint-disk 5XB --plan", "--checkpoint-disk: must be", "5XB"),
        ("space.py --checkpoint-disk=", "command line: Invalid value for", "'--check"),
        ("--resume x --workers-per-trial 2", "--resume x: must stand alone", "--work"),
        ("--resume x --preset smoke", "--resume x: must stand alone", "--preset"),
        ("space.py --cpus-per-worker 9999", "--workers-per-trial, --cpus", "9999 CPUs"),
        ("space.py --workers-per-trial 9999", "--workers-per-trial", "9999 CPUs"),
        ("space.py --gpus-per-worker 99", "--workers-per-trial, --cpus", "99 GPUs"),
        ("space.py --plan=counts", "command line: Option '--plan'", ""),
        ("--resume x a=1", "--resume x: must stand alone", "found a=1"),
        ("--resume x space.py a=1", "--resume x: must stand alone", "space.py a=1"),
        ("--resume x space.py", "x: must be a sweep", "no sweep yet"),
        ("--resume x --fresh", "--resume x: must stand alone", "found --fresh"),
        ("--resume ../x", "../x: must be a sweep", "no sweep yet"),
        ("--resume=", "command line: Invalid value for '--resume'", "empty"),
        ("space.py --retry-failed", "--retry-failed: must stand beside", "--resume"),
        ("--resume x --retry-failed cdoe", "--retry-failed: must be a", '"code"?'),
        ("--resume x --retry-failed=", "command line: Invalid value for", "empty"),
        ("--retry-failed --resume x", "x: must be a sweep", "no sweep yet"),
    ],
)
def test_a_wrong_command(tune: Command, arguments: str, start: str, part: str) -> None:
    check(tune(*arguments.split()), start, part)
    assert tune.is_untouched()


@pytest.mark.parametrize(
    ("override", "start", "part"),
    [
        ("train.epohcs=3", '"train.epohcs": must name a field', '"train.epochs"?'),
        ("epochs=3", '"epochs": must start with a section', '"train.epochs"?'),
        ("tränen=3", '"tränen": must start with a section', "Known: data, model"),
        ("=3", "must be KEY=VALUE", '"=3"'),
        ("train.epochs=", '"train.epochs": must be a whole number; found ""', ""),
        ("train.epochs==3", '"train.epochs": must be a whole number', 'found "=3"'),
        ("train.epochs=-3", '"train.epochs": must be at least 1', 'found "-3"'),
        ("optimizer.lr=nan", '"optimizer.lr": must be finite', ""),
        ("optimizer.lr=½", '"optimizer.lr": must be a number; found "½"', ""),
        ("data.name=cifar", '"data.name": must be a known data', '"cifar10"?'),
        ("optimizer.name=adamv", '"optimizer.name": must be a known opt', '"adam"?'),
        ("train.batch_size=5000", '"train.batch_size": must be at most the 1197', ""),
        ("model.hidden=4", '"model.hidden": must not be an axis', "space.py varies it"),
        ("seed=4", '"seed": must not be an axis', "space.py varies it in seeds"),
        ("model.depth=22", '"model.depth": must name a field', "belongs to densenet"),
    ],
)
def test_a_wrong_override(tune: Command, override: str, start: str, part: str) -> None:
    check(tune("space.py", override), f"command line: {start}", part)
    assert tune.is_untouched()


def test_an_override_of_a_model_that_the_axes_do_not_fit(tune: Command) -> None:
    said = tune("space.py", "model.name=resnet")
    check(said, 'space.py: axes["model.hidden"]: must name a field', "under resnet")


def test_a_batch_smaller_than_the_workers(tune: Command) -> None:
    said = tune("space.py", "train.batch_size=1", "--workers-per-trial", "2")
    check(said, '"train.batch_size": must be at least the 2 workers', "found 1")


def test_a_data_file_that_is_missing_or_cut_off(tune: Command) -> None:
    folder = Path("data/FashionMNIST/raw")
    write_idx_set(folder)
    labels = folder / "train-labels-idx1-ubyte"
    arguments = ("space.py", "data.name=fashion_mnist", "data.root=data")
    labels.write_bytes(labels.read_bytes()[:-7])
    check(tune(*arguments), f"{labels}: must hold 68 bytes unpacked", "found 61")
    labels.unlink()
    check(tune(*arguments), f"{labels}: must be a file of Fashion", "60,008 bytes")
    assert tune.is_untouched()


def test_a_store_that_cannot_be_written(tune: Command) -> None:
    Path("file").write_text("")
    for place in ("file", "file/runs"):
        said = Command(main, place, tune.capsys, tune.monkeypatch)("space.py")
        where = f"--store {Path(place).absolute()}: must be writable; found not a dir"
        check(said, where)
    # Of the kernel: nobody may write there, not even root.
    said = Command(main, "/proc/runs", tune.capsys, tune.monkeypatch)("space.py")
    check(said, "--store /proc/runs: must be writable; found ", "its permissions")
    said = Command(main, "ftp://host", tune.capsys, tune.monkeypatch)("space.py")
    check(said, "--store: must be a folder", '"ftp://…"')


@pytest.mark.parametrize("options", [("space.py",), ("--resume", "space")])
def test_keys_that_a_bucket_refuses(
    tune: Command, denying: None, options: tuple[str, ...]
) -> None:
    said = replace(tune, store="s3://bucket/runs")(*options)
    found = "found access denied. Check the credentials"
    check(said, "--store s3://bucket/runs: must be", found)


@each_kind
@pytest.mark.parametrize("options", [("space.py",), ("--resume", "space")])
def test_a_bucket_that_is_not_there(
    tune: Command, kind: str, options: tuple[str, ...]
) -> None:
    new_bucket(kind, tune.monkeypatch)
    uri = f"{kind}://no-such-bucket-anywhere/runs"
    said = replace(tune, store=uri)(*options)
    check(said, f"--store {uri}: must be", "found no such bucket. Make the bucket")


def test_names_of_sweeps_that_are_there_or_not(tune: Command, tmp_path: Path) -> None:
    new_store(tmp_path, "densenet_depth")
    before = sorted(map(str, Path("runs").rglob("*")))
    said = tune("space.py", "--name", "densenet_depth")
    resume = f"python -m raypg.tune --resume densenet_depth --store {tune.store}"
    check(said, "--name densenet_depth: must be new", resume)
    said = tune("--resume", "densnet_depth")
    check(said, "densnet_depth: must be a sweep in", 'Did you mean "densenet_depth"?')
    assert sorted(map(str, Path("runs").rglob("*"))) == before


@pytest.fixture
def connecting(tune: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, which does reach for Ray."""
    from raypg.cluster.connect import connect

    monkeypatch.setattr(prepare, "connect", connect)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    return tune


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("nowhere", 'found "nowhere". The port is 6379'),
        ("http://127.0.0.1:8265", 'found "http://127.0.0.1:8265"'),
        ("127.0.0.1:9", "found connection refused after 0 s. Check host and port"),
        ("ray://127.0.0.1:9", "ray job submit"),
    ],
)
def test_a_cluster_that_does_not_answer(
    connecting: Command, address: str, found: str
) -> None:
    said = connecting("space.py", "--address", address)
    check(said, f"--address {address}: must be", found)
    assert connecting.is_untouched()


def test_a_cluster_that_has_died_here_is_not_waited_for(
    connecting: Command, tmp_path: Path
) -> None:
    connecting.monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    connecting.monkeypatch.setattr(
        "ray._private.services.find_gcs_addresses", lambda: set()
    )
    said = connecting("space.py", "--address", "auto")
    check(said, "--address auto: must be", "find any running Ray instance")
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:9")
    said = connecting("space.py", "--address", "auto")
    check(said, "--address auto: must be", "127.0.0.1:9: connection refused after 0 s")
    assert connecting.is_untouched()


def test_an_address_from_the_environment_is_named_as_such(
    connecting: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    check(connecting("space.py"), "RAY_ADDRESS=127.0.0.1:9: must be", "refused")


def test_who_listens_and_is_no_cluster_is_not_waited_for(connecting: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        said = connecting("space.py", "--address", address)
        assert time.monotonic() - began < 15
    check(said, f"--address {address}: must be", "found no answer after 5 s")
    assert connecting.is_untouched()


@pytest.mark.parametrize(("columns", "num_lines"), [(80, 47), (100, 44)])
def test_help_fits_a_screen_and_shows_examples(
    tune: Command, columns: int, num_lines: int
) -> None:
    tune.monkeypatch.setenv("COLUMNS", str(columns))
    tune.capsys.readouterr()
    said = tune("--help")
    assert said.code == 0
    assert len(said.out.splitlines()) <= num_lines
    assert max(map(len, said.out.splitlines())) <= columns
    assert "python -m raypg.tune search_spaces/densenet_depth.py" in said.out


def test_the_command_itself_ends_with_2_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "space.py").write_text(GOOD)
    done = subprocess.run(
        [sys.executable, "-m", "raypg.tune", "space.py", "train.epohcs=3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    check(Said(done.returncode, done.stdout, done.stderr), 'command line: "train.ep')
    assert sorted(path.name for path in tmp_path.iterdir()) == ["space.py"]


def test_a_folder_of_something_else_is_not_gone_on_with(
    tune: Command, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "runs"))
    store.create_sweep("theirs")
    store.write_description("theirs", {"kind": "ablation"})
    said = tune("--resume", "theirs")
    check(said, "--resume theirs: must be a sweep that raypg wrote", "without layers")
