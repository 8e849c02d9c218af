import pickle
from pathlib import Path

import numpy as np
import pytest

from raypg.data import DataConfig, load_dataset
from raypg.errors import DataError
from tests.data.raw_files import (
    cifar10_files,
    cifar100_files,
    random_images,
    write_archive,
    write_files,
)


def load_cifar10(root: Path) -> None:
    load_dataset(DataConfig(name="cifar10", root=str(root)), root / "cache")


@pytest.mark.parametrize("is_archive", [False, True])
def test_cifar10_is_read_from_batches_and_from_the_archive(
    tmp_path: Path, is_archive: bool
) -> None:
    if is_archive:
        archive = tmp_path / "cifar-10-python.tar.gz"
        write_archive(archive, "cifar-10-batches-py", cifar10_files())
    else:
        write_files(tmp_path / "cifar-10-batches-py", cifar10_files())
    config = DataConfig(name="cifar10", root=str(tmp_path))
    cifar = load_dataset(config, tmp_path / "cache")
    expected = random_images(20, 3072, seed=9).reshape(20, 3, 32, 32)
    assert np.array_equal(cifar.test.images_NCHW, expected)
    assert (len(cifar.train), len(cifar.val)) == (90, 10)
    assert cifar.class_names[3] == "class 3"


def test_cifar100_has_the_fine_labels(tmp_path: Path) -> None:
    write_files(tmp_path / "cifar-100-python", cifar100_files())
    config = DataConfig(name="cifar100", root=str(tmp_path))
    cifar = load_dataset(config, tmp_path / "cache")
    assert cifar.num_classes == len(cifar.class_names) == 100
    assert sorted(set(cifar.test.labels_N.tolist())) == list(range(100))


def test_truncated_batch_is_named(tmp_path: Path) -> None:
    files = cifar10_files()
    write_files(tmp_path, files | {"data_batch_3": files["data_batch_3"][:30_000]})
    expected = "data_batch_3: .*31,035,999 bytes.* found 30,000 bytes"
    with pytest.raises(DataError, match=expected):
        load_cifar10(tmp_path)


def test_truncated_archive_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "cifar-10-python.tar.gz"
    write_archive(archive, "cifar-10-batches-py", cifar10_files())
    archive.write_bytes(archive.read_bytes()[:50_000])
    expected = r"tar\.gz: .* tar\.gz, 170,498,071 bytes.* found 50,000 bytes"
    with pytest.raises(DataError, match=expected):
        load_cifar10(tmp_path)


def test_archive_without_a_batch_is_refused(tmp_path: Path) -> None:
    files = cifar10_files()
    del files["test_batch"]
    write_archive(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", files)
    with pytest.raises(DataError, match="must hold test_batch, 31,035,526 bytes"):
        load_cifar10(tmp_path)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1/0",)


def test_pickle_that_calls_a_function_is_refused(tmp_path: Path) -> None:
    bomb = pickle.dumps({"data": Bomb(), "labels": [0]}, protocol=2)
    write_files(tmp_path, cifar10_files() | {"data_batch_1": bomb})
    expected = r"data_batch_1: .*eval is not allowed"
    with pytest.raises(DataError, match=expected):
        load_cifar10(tmp_path)


def test_batch_with_too_few_labels_is_refused(tmp_path: Path) -> None:
    wrong = pickle.dumps({"data": random_images(3, 3072), "labels": [0]})
    write_files(tmp_path, cifar10_files() | {"data_batch_1": wrong})
    with pytest.raises(DataError, match="must hold 1 rows of 3,072 bytes"):
        load_cifar10(tmp_path)
