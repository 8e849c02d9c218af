import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypg.data import data_version, dataset_spec, load_dataset
from raypg.data.imagenet import ImagenetConfig
from raypg.errors import DataError
from tests.data.raw_files import write_folder, write_tiny_imagenet


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    write_tiny_imagenet(tmp_path / "tiny-imagenet-200")
    return tmp_path / "tiny-imagenet-200"


def test_tiny_imagenet_has_its_classes_from_the_annotations(tiny: Path) -> None:
    config = ImagenetConfig(root=str(tiny.parent))
    data = load_dataset(config, tiny.parent / "cache")
    assert data.image_shape == (3, 64, 64)
    assert data.class_names == ("goldfish", "European fire", "bullfrog")
    assert (len(data.train), len(data.val), len(data.test)) == (27, 3, 9)
    with Image.open(tiny / "val" / "images" / "val_1.JPEG") as image:
        expected = np.asarray(image).transpose(2, 0, 1)
    same = (data.test.images_NCHW == expected).all((1, 2, 3))
    assert data.test.labels_N[same].tolist() == [1, 1, 1]
    assert dataset_spec(config).num_train == 27


def test_a_subset_has_the_first_classes_at_another_size(tiny: Path) -> None:
    config = ImagenetConfig(root=str(tiny), num_classes=2, image_size=16)
    data = load_dataset(config, tiny.parent / "cache")
    assert data.image_shape == (3, 16, 16)
    assert (len(data.train), len(data.val), len(data.test)) == (18, 2, 6)
    assert data.class_names == ("goldfish", "European fire")


def test_imagenet_s_validation_images_are_the_test_split(tmp_path: Path) -> None:
    write_folder(tmp_path / "train", "n01", "n02", "n03", num=10, size=70)
    write_folder(tmp_path / "val", "n01", "n02", "n03", num=4, size=40)
    config = ImagenetConfig(name="imagenet", root=str(tmp_path), num_classes=2)
    data = load_dataset(config, tmp_path / "cache")
    assert (len(data.train), len(data.val), len(data.test)) == (18, 2, 8)
    assert data.class_names == ("n01", "n02")


def test_images_to_test_on_that_are_in_no_class_folder_are_an_error(
    tmp_path: Path,
) -> None:
    write_folder(tmp_path / "train", "n01", "n02", size=70)
    write_folder(tmp_path, "val")
    config = ImagenetConfig(name="imagenet", root=str(tmp_path))
    with pytest.raises(DataError, match="val: must hold a folder for each class"):
        load_dataset(config, tmp_path / "cache")


def test_an_image_without_an_annotation_is_an_error(tiny: Path) -> None:
    source = tiny / "val" / "images" / "val_0.JPEG"
    shutil.copy(source, source.with_name("val_99.JPEG"))
    with pytest.raises(DataError, match=r"val_annotations.*none for .*val_99"):
        load_dataset(ImagenetConfig(root=str(tiny)), tiny)


def test_what_is_not_here_has_the_published_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYPG_DATA", str(tmp_path))
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path))
    spec = dataset_spec(ImagenetConfig(fraction=0.1))
    assert (spec.num_train, spec.num_val, spec.num_test) == (9_000, 10_000, 10_000)
    assert (spec.image_shape, spec.num_classes) == ((3, 64, 64), 200)
    assert data_version(ImagenetConfig()) == "tiny_imagenet-1"
    with pytest.raises(DataError, match=r"imagenet/train: .*training images of Imag"):
        load_dataset(ImagenetConfig(name="imagenet"))
    with pytest.raises(DataError, match=r"nowhere.*Set data\.root=FOLDER"):
        data_version(ImagenetConfig(root=str(tmp_path / "nowhere")))


def test_tiny_imagenet_is_fetched_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYPG_DATA", str(tmp_path))
    asked = []

    def fetch(url: str, root: str, md5: str) -> None:
        asked.append((url, md5))
        if len(asked) == 1:
            raise OSError("no route")
        write_tiny_imagenet(Path(root) / "tiny-imagenet-200")

    utils = "torchvision.datasets.utils.download_and_extract_archive"
    monkeypatch.setattr(utils, fetch)
    with pytest.raises(DataError, match=r"could not fetch it \(no route\)"):
        load_dataset(ImagenetConfig(image_size=8), tmp_path / "cache")
    data = load_dataset(ImagenetConfig(image_size=8), tmp_path / "cache")
    assert len(data.test) == 9
    url = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
    assert asked == [(url, "90528d7ca1a48142e341f4ef8d21d0de")] * 2
