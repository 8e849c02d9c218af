"""SVHN, STL-10 and EMNIST, each in its publisher's own format."""

from pathlib import Path

import numpy as np
import pytest

from raypg.data import DataConfig, data_version, dataset_spec, load_dataset
from raypg.data.emnist import EmnistConfig
from raypg.data.stl10 import IMAGE_SIZE
from raypg.errors import DataError
from tests.data.raw_files import (
    random_images,
    stl10_files,
    write_archive,
    write_emnist,
    write_files,
    write_svhn,
)


def test_svhn_is_what_torchvision_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import SVHN

    write_svhn(tmp_path)
    monkeypatch.setattr(SVHN, "_check_integrity", lambda self: True)
    theirs = SVHN(str(tmp_path), split="test")
    config = DataConfig(name="svhn", root=str(tmp_path))
    ours = load_dataset(config, tmp_path / "cache").test
    assert np.array_equal(ours.images_NCHW, theirs.data)
    assert ours.labels_N.tolist() == theirs.labels.tolist()
    assert set(ours.labels_N.tolist()) == set(range(10))


def test_stl10_is_what_torchvision_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import STL10

    write_files(tmp_path / "stl10_binary", stl10_files())
    names = "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck"
    (tmp_path / "stl10_binary" / "class_names.txt").write_text(names)
    monkeypatch.setattr(STL10, "_check_integrity", lambda self: True)
    theirs = STL10(str(tmp_path), split="test")
    config = DataConfig(name="stl10", root=str(tmp_path))
    data = load_dataset(config, tmp_path / "cache")
    assert np.array_equal(data.test.images_NCHW, theirs.data)
    assert data.test.labels_N.tolist() == theirs.labels.tolist()
    assert list(data.class_names) == theirs.classes
    assert (len(data.train), len(data.val)) == (18, 2)


def test_stl10_is_read_from_its_archive(tmp_path: Path) -> None:
    files = stl10_files() | {"unlabeled_X.bin": b"none of ours"}
    write_archive(tmp_path / "stl10_binary.tar.gz", "stl10_binary", files)
    config = DataConfig(name="stl10", root=str(tmp_path))
    data = load_dataset(config, tmp_path / "cache")
    expected = random_images(10, 3, 96, 96, seed=10)
    assert np.array_equal(data.test.images_NCHW, expected)


@pytest.mark.parametrize(
    ("split", "num_classes", "first"),
    [("letters", 26, 1), ("byclass", 62, 0), ("digits", 10, 0)],
)
def test_emnist_is_upright_and_its_labels_start_at_zero(
    tmp_path: Path, split: str, num_classes: int, first: int
) -> None:
    from torchvision.datasets import EMNIST

    write_emnist(tmp_path / "EMNIST" / "raw", split, num_classes, first)
    config = EmnistConfig(root=str(tmp_path), split=split)  # type: ignore[arg-type]
    data = load_dataset(config, tmp_path / "cache")
    theirs = EMNIST(str(tmp_path), split=split, train=False)
    turned = theirs.data.numpy().swapaxes(1, 2)
    assert np.array_equal(data.test.images_NCHW[:, 0], turned)
    for label, named in zip(data.test.labels_N, theirs.targets.tolist(), strict=True):
        assert data.class_names[label] == theirs.classes[named]
    assert data.num_classes == dataset_spec(config).num_classes == num_classes


def test_the_sets_of_emnist_have_entries_and_versions_of_their_own(
    tmp_path: Path,
) -> None:
    for split, num in (("digits", 10), ("mnist", 10)):
        write_emnist(tmp_path, split, num)
        config = EmnistConfig(root=str(tmp_path), split=split)  # type: ignore[arg-type]
        assert data_version(config, tmp_path / "cache").startswith("emnist-1+")
    entries = [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert len(entries) == 2


def test_a_missing_set_of_emnist_is_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(root: str, download: bool, split: str) -> None:
        asked.append(split)
        write_emnist(Path(root) / "EMNIST" / "raw", split, 26, 1)

    monkeypatch.setattr("torchvision.datasets.EMNIST", fetch)
    monkeypatch.setenv("RAYPG_DATA", str(tmp_path))
    data = load_dataset(EmnistConfig(split="letters"), tmp_path / "cache")
    assert (asked, len(data.test)) == (["letters"], 26)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("test_X.bin", b"\0" * 99, f"whole images of {IMAGE_SIZE:,} bytes.*found 99"),
        ("test_y.bin", b"\1", "a label for each of 10 images; found 1"),
        ("test_y.bin", b"\0" * 10, r"has labels 0 to 9; found -1"),
    ],
)
def test_a_wrong_file_of_stl10_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    write_files(tmp_path, stl10_files() | {name: content})
    config = DataConfig(name="stl10", root=str(tmp_path))
    with pytest.raises(DataError, match=message):
        load_dataset(config, tmp_path / "cache")


@pytest.mark.parametrize("keep", [0, 100, 5_000])
def test_a_cut_file_of_svhn_is_named(tmp_path: Path, keep: int) -> None:
    write_svhn(tmp_path)
    cut = tmp_path / "train_32x32.mat"
    cut.write_bytes(cut.read_bytes()[:keep])
    config = DataConfig(name="svhn", root=str(tmp_path))
    message = r"train_32x32\.mat: must be a whole file of Matlab's.* 182,040,794 bytes"
    with pytest.raises(DataError, match=message):
        load_dataset(config, tmp_path / "cache")
