import errno
import multiprocessing
import os
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from raypg.data import DataConfig, load_dataset, prepare
from raypg.errors import DataError
from tests.data.raw_files import write_idx_set


@pytest.fixture
def config(tmp_path: Path) -> DataConfig:
    write_idx_set(tmp_path)
    return DataConfig(name="mnist", root=str(tmp_path))


def entry_of(cache: Path) -> Path:
    (entry,) = (path for path in cache.iterdir() if path.is_dir())
    return entry


def test_second_load_maps_what_the_first_wrote(
    config: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_dataset(config, tmp_path / "cache")
    monkeypatch.setattr(
        "raypg.data.published.read_files", None
    )  # would be called to decode
    second = load_dataset(config, tmp_path / "cache")
    assert isinstance(second.train.images_NCHW, np.memmap)
    assert np.array_equal(second.train.images_NCHW, first.train.images_NCHW)
    assert (second.mean, second.std, second.version) == (
        first.mean,
        first.std,
        first.version,
    )


def test_a_cache_on_a_file_system_without_locks_works_all_the_same(
    config: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", fail)
    load_dataset(config, tmp_path / "cache")
    assert entry_of(tmp_path / "cache")


def test_replaced_raw_file_gives_another_entry(
    config: DataConfig, tmp_path: Path
) -> None:
    load_dataset(config, tmp_path / "cache")
    write_idx_set(tmp_path, num_train=80)
    assert len(load_dataset(config, tmp_path / "cache").train) == 73
    assert sum(path.is_dir() for path in (tmp_path / "cache").iterdir()) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train_images.npy", b"cut off"),
        ("val_labels.npy", None),
        ("about.json", b"{"),
        ("about.json", b'{"files": {}}'),
        ("about.json", None),
    ],
)
def test_damaged_entry_is_built_again(
    config: DataConfig, tmp_path: Path, name: str, content: bytes | None
) -> None:
    first = load_dataset(config, tmp_path / "cache")
    kept = first.train.images_NCHW.copy()
    damaged = entry_of(tmp_path / "cache") / name
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(content)
    again = load_dataset(config, tmp_path / "cache")
    assert np.array_equal(again.train.images_NCHW, kept)
    assert np.array_equal(first.train.images_NCHW, kept)  # still mapped


def test_nothing_is_left_behind_when_decoding_fails(
    config: DataConfig, tmp_path: Path
) -> None:
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte"):
        load_dataset(config, tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_what_a_killed_process_left_is_removed_and_a_living_one_s_is_not(
    config: DataConfig, tmp_path: Path
) -> None:
    load_dataset(config, tmp_path / "cache")
    entry = entry_of(tmp_path / "cache")
    shutil.rmtree(entry)
    ended = subprocess.Popen(["true"])
    ended.wait()
    host = socket.gethostname()
    dead, alive, away = (
        entry.with_name(f"{entry.name}.{mark}-0a1b2c3d")
        for mark in (f"{host}-{ended.pid}", f"{host}-{os.getpid()}", f"x{host}-1")
    )
    for folder in (dead, alive, away):
        folder.mkdir()
    load_dataset(config, tmp_path / "cache")
    assert entry.is_dir()
    assert [dead.exists(), alive.exists(), away.exists()] == [False, True, True]


def test_a_large_part_is_mapped_and_holds_what_a_copy_would(
    config: DataConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = replace(config, fraction=0.5)
    copied = load_dataset(half, tmp_path / "cache").train
    monkeypatch.setattr(prepare, "COPIED_BYTES", 100)
    mapped, again = (load_dataset(half, tmp_path / "cache").train for _ in range(2))
    for one in (mapped, again):
        assert isinstance(one.images_NCHW, np.memmap)
        assert np.array_equal(one.images_NCHW, copied.images_NCHW)
        assert np.array_equal(one.labels_N, copied.labels_N)
        assert not one.images_NCHW.flags.writeable
    names = [path.name for path in entry_of(tmp_path / "cache").iterdir()]
    assert sum("0.5" in name for name in names) == 1


def test_cache_that_cannot_be_written_is_an_error(
    config: DataConfig, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="must be writable.*Set RAYPG_CACHE"):
        load_dataset(config, tmp_path / "file" / "cache")


def load_and_sum(root: str, cache: str) -> tuple[int, float]:
    dataset = load_dataset(DataConfig(name="mnist", root=root), Path(cache))
    return int(dataset.train.images_NCHW.sum()), dataset.mean[0]


def test_processes_that_build_at_once_agree_on_one_entry(
    config: DataConfig, tmp_path: Path
) -> None:
    arguments = [(str(tmp_path), str(tmp_path / "cache"))] * 8
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        results = pool.starmap(load_and_sum, arguments)
    assert len(set(results)) == 1
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [
        "",
        ".lock",
    ]
