from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raypg.data import data_version, dataset_spec, load_dataset
from raypg.data.npz import NpzConfig
from raypg.errors import DataError
from tests.data.raw_files import cycling_labels, random_images, write_npz


def npz(path: Path, **arrays: Any) -> NpzConfig:  # noqa: ANN401
    np.savez(path, **arrays)
    return NpzConfig(root=str(path))


def test_keras_names_give_train_and_test_and_a_drawn_val(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz")
    config = NpzConfig(root=str(tmp_path / "a.npz"))
    data = load_dataset(config, tmp_path / "cache")
    assert (len(data.train), len(data.val), len(data.test)) == (54, 6, 20)
    expected = random_images(20, 12, 10, seed=20)[:, None]
    assert np.array_equal(data.test.images_NCHW, expected)
    assert data.notes == (
        "no val split: 6 of its 60 training images are kept to validate on"
        " (data.val_fraction=0.1)",
    )


def test_medmnist_names_give_all_three_splits(tmp_path: Path) -> None:
    arrays = {}
    for split, num in (("train", 30), ("val", 20), ("test", 10)):
        arrays[f"{split}_images"] = random_images(num, 28, 28, 3)
        arrays[f"{split}_labels"] = cycling_labels(num, 4)[:, None]
    data = load_dataset(npz(tmp_path / "a.npz", **arrays), tmp_path / "cache")
    assert (len(data.train), len(data.val), len(data.test)) == (30, 20, 10)
    assert data.image_shape == (3, 28, 28)
    expected = arrays["val_images"].transpose(0, 3, 1, 2)
    assert np.array_equal(data.val.images_NCHW, expected)
    assert data.notes == ()


def test_labels_are_sorted_where_they_are_texts_or_start_elsewhere(
    tmp_path: Path,
) -> None:
    images = random_images(40, 3, 9, 9)
    for labels, names in (
        (np.array(["dog", "cat"] * 20), ("cat", "dog")),
        (np.array([7.0, 5.0] * 20), ("5", "7")),
    ):
        path = tmp_path / f"{names[0]}.npz"
        data = load_dataset(npz(path, images=images, labels=labels), tmp_path / "c")
        assert data.class_names == names
        found = np.concatenate([data.train.labels_N, data.val.labels_N])
        assert set(found.tolist()) == {0, 1}
        first = np.flatnonzero((data.train.images_NCHW == images[0]).all((1, 2, 3)))
        assert data.train.labels_N[first].tolist() in ([1], [])


def test_named_classes_keep_their_places_and_an_empty_one_is_said(
    tmp_path: Path,
) -> None:
    labels = np.array([0, 2] * 20)
    names = np.array(["a", "b", "c"])
    config = npz(tmp_path / "a.npz", x=random_images(40, 8, 8), y=labels, names=names)
    data = load_dataset(config, tmp_path / "cache")
    assert data.class_names == ("a", "b", "c")
    assert data.notes[-1] == "1 of 3 classes have no training image: b"


def test_version_follows_the_content_not_the_place(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    versions = []
    for place, num in (("a.npz", 60), ("there/b.npz", 60), ("c.npz", 61)):
        write_npz(tmp_path / place, num_train=num)
        config = NpzConfig(root=str(tmp_path / place))
        versions.append(data_version(config, tmp_path / "cache"))
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": 1, "y": 1}, "must hold images and labels.*found pictures, y"),
        ({"x": np.zeros((9, 4, 4)), "y": np.arange(9)}, "0 to 255; found 144 values"),
        ({"x": np.zeros((9, 4), np.uint8), "y": np.arange(9)}, "N×H×W.*found 9×4"),
        ({"x": random_images(9, 4, 4), "y": np.arange(8)}, "8 labels, 9 images"),
        ({"x": random_images(9, 4, 4), "y": np.zeros(9)}, "two classes or more"),
        ({"x": random_images(9, 4, 4), "y": np.arange(9) / 2}, "whole numbers or"),
        ({"x": random_images(2, 4, 4), "y": np.arange(2)}, "images to train on"),
        ({"x": random_images(9, 4, 4), "y": np.array([None] * 9)}, "objects are not"),
    ],
)
def test_a_wrong_array_is_named(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    config = npz(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load_dataset(config, tmp_path / "cache")


def test_other_names_are_given_by_keys(tmp_path: Path) -> None:
    arrays = {"pictures": random_images(40, 8, 8), "kinds": cycling_labels(40)}
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    root = str(tmp_path / "a.npz")
    config = NpzConfig(root=root, image_array="pictures", label_array="kinds")
    assert dataset_spec(config).num_train == 32
    wrong = NpzConfig(root=root, image_array="pics", label_array="kinds")
    with pytest.raises(DataError, match="hold pics and kinds; found pictures, kinds"):
        load_dataset(wrong, tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no archive at all"])
def test_what_is_no_archive_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"must be a readable \.npz archive"):
        load_dataset(NpzConfig(root=str(tmp_path / "a.npz")), tmp_path)


def test_root_must_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'data\.root: must be the file.*found ""'):
        dataset_spec(NpzConfig())
