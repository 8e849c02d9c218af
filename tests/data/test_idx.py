from pathlib import Path

import numpy as np
import pytest

from raypg.data import DataConfig, load_dataset
from raypg.errors import DataError
from tests.data.raw_files import idx_bytes, random_images, write_idx_set

IMAGES = "train-images-idx3-ubyte"


def load_mnist(root: Path) -> int:
    config = DataConfig(name="mnist", root=str(root))
    return len(load_dataset(config, root / "cache").train)


@pytest.mark.parametrize("folder", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_are_found_in_each_layout(
    tmp_path: Path, folder: str, zipped: bool
) -> None:
    write_idx_set(tmp_path / folder, zipped=zipped)
    config = DataConfig(name="mnist", root=str(tmp_path))
    mnist = load_dataset(config, tmp_path / "cache")
    expected = random_images(20, 28, 28, seed=20)
    assert np.array_equal(mnist.test.images_NCHW[:, 0], expected)
    assert mnist.test.labels_N.tolist() == [n % 10 for n in range(20)]
    assert (len(mnist.train), len(mnist.val)) == (55, 5)


def test_truncated_file_is_named_with_both_sizes(tmp_path: Path) -> None:
    write_idx_set(tmp_path)
    content = (tmp_path / IMAGES).read_bytes()
    (tmp_path / IMAGES).write_bytes(content[:10_000])
    with pytest.raises(DataError, match=rf"{IMAGES}: .* 47,056 bytes.*found 10,000"):
        load_mnist(tmp_path)


def test_truncated_gzip_file_is_named_with_both_sizes(tmp_path: Path) -> None:
    write_idx_set(tmp_path, zipped=True)
    path = tmp_path / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:20_000])
    expected = rf"{IMAGES}\.gz: .* 47,056 bytes.* found [12]\d,"
    with pytest.raises(DataError, match=expected):
        load_mnist(tmp_path)


def test_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    write_idx_set(tmp_path, zipped=True)
    path = tmp_path / f"{IMAGES}.gz"
    path.write_bytes(b"no gzip at all")
    expected = rf"{IMAGES}\.gz: must be a gzip file of .* found 14 bytes"
    with pytest.raises(DataError, match=expected):
        load_mnist(tmp_path)


def test_missing_file_is_named_with_its_size_and_what_to_do(tmp_path: Path) -> None:
    write_idx_set(tmp_path / "mnist")
    (tmp_path / "mnist" / IMAGES).unlink()
    with pytest.raises(DataError, match=rf"mnist/{IMAGES}: .*47,040,016.*make data"):
        load_mnist(tmp_path)


def test_file_of_another_format_is_refused(tmp_path: Path) -> None:
    write_idx_set(tmp_path)
    (tmp_path / IMAGES).write_bytes(b"<html>404</html>" * 9)
    with pytest.raises(DataError, match="must begin with 00 00 08 03 and 3 lengths"):
        load_mnist(tmp_path)


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    write_idx_set(tmp_path)
    (tmp_path / IMAGES).write_bytes(idx_bytes(random_images(60, 27, 28)))
    with pytest.raises(DataError, match="must be 28×28; found 27×28"):
        load_mnist(tmp_path)


def test_labels_that_do_not_match_are_refused(tmp_path: Path) -> None:
    write_idx_set(tmp_path)
    (tmp_path / IMAGES).write_bytes(idx_bytes(random_images(61, 28, 28)))
    with pytest.raises(DataError, match="a label for each of 61 images; found 60"):
        load_mnist(tmp_path)


def test_label_beyond_the_classes_is_refused(tmp_path: Path) -> None:
    write_idx_set(tmp_path)
    labels = np.full(60, 10, dtype=np.uint8)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match="labels 0 to 9; found 10 to 10"):
        load_mnist(tmp_path)
