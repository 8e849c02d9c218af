import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypg.config import load, parse_overrides
from raypg.data import Dataset, data_version, dataset_spec, load_dataset
from raypg.data import decoding as decoding_module
from raypg.data.folder import FolderConfig
from raypg.errors import DataError
from tests.data.raw_files import write_folder, write_picture


def load_folder(root: Path, **keys: object) -> Dataset:
    config = FolderConfig(root=str(root), **keys)  # type: ignore[arg-type]
    return load_dataset(config, root.parent / "cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few images there are, they are decoded by processes."""
    monkeypatch.setattr(decoding_module, "FEW", 0)
    monkeypatch.setattr(decoding_module, "CHUNK", 4)


def test_classes_are_folders_and_missing_splits_are_drawn_and_said(root: Path) -> None:
    write_folder(root, "b/deeper", "a", num=10)
    data = load_folder(root, test_fraction=0.2)
    assert data.class_names == ("a", "b")
    assert (len(data.train), len(data.val), len(data.test)) == (14, 2, 4)
    assert np.bincount(data.test.labels_N).tolist() == [2, 2]
    assert [note[:30] for note in data.notes] == [
        "no test split: 4 of its 20 tra",
        "no val split: 2 of its 20 trai",
    ]


def test_given_splits_are_taken_as_they_are(root: Path) -> None:
    for split, num in (("train", 6), ("valid", 3), ("test", 2)):
        write_folder(root / split, "x", "y", num=num, size=8)
    data = load_folder(root)
    assert (len(data.train), len(data.val), len(data.test)) == (12, 6, 4)
    assert data.notes == ()
    expected = np.asarray(Image.open(root / "valid" / "y" / "001.png"))
    assert np.array_equal(data.val.images_NCHW[4], expected.transpose(2, 0, 1))


def test_files_are_the_images_that_torchvision_finds(root: Path) -> None:
    from torchvision.datasets import ImageFolder

    write_folder(root, "a", "b/c", num=5)
    (root / "a" / "notes.txt").write_text("no image")
    theirs = ImageFolder(str(root))
    data = load_folder(root)
    ours = sorted(
        (image.tobytes(), int(label))
        for split in (data.train, data.val, data.test)
        for image, label in zip(split.images_NCHW, split.labels_N, strict=True)
    )
    expected = sorted(
        (np.asarray(image).transpose(2, 0, 1).tobytes(), label)
        for image, label in theirs
    )
    assert ours == expected


@pytest.mark.usefixtures("processes")
def test_processes_write_what_one_would(root: Path, tmp_path: Path) -> None:
    write_folder(root, "a", "b", "c", num=20)
    config = FolderConfig(root=str(root))
    many = load_dataset(config, tmp_path / "many")
    decoding_module.FEW = 1000
    alone = load_dataset(config, tmp_path / "alone")
    for one, other in ((many.train, alone.train), (many.test, alone.test)):
        assert np.array_equal(one.images_NCHW, other.images_NCHW)
        assert np.array_equal(one.labels_N, other.labels_N)
    assert (many.mean, many.std, many.version) == (alone.mean, alone.std, alone.version)
    pixels = many.train.images_NCHW / 255
    assert np.allclose(many.mean, pixels.mean((0, 2, 3)), rtol=1e-12)
    assert np.allclose(many.std, pixels.std((0, 2, 3)), rtol=1e-9)


@pytest.mark.parametrize(("height", "width"), [(30, 50), (41, 17), (9, 9)])
def test_images_are_resized_and_cut_as_torchvision_does(
    root: Path, height: int, width: int
) -> None:
    from torchvision.transforms import functional

    for index in range(8):
        write_picture(root / "ab"[index % 2] / f"{index}.png", height, width, 3)
    data = load_folder(root, image_size=16)
    with Image.open(root / "a" / "0.png") as image:
        resized = functional.resize(image, [16])
        expected = functional.center_crop(resized, [16, 16])
    assert np.array_equal(
        data.test.images_NCHW[0], np.asarray(expected).transpose(2, 0, 1)
    )


def test_a_large_jpeg_is_resized_to_what_it_shows(root: Path) -> None:
    for label, level in (("a", 40), ("b", 200)):
        for index in range(5):
            write_picture(root / label / f"{index}.jpg", 300, 400, 3, level=level)
    data = load_folder(root, image_size=8)
    levels = data.train.images_NCHW.mean((1, 2, 3))
    assert np.allclose(levels, np.where(data.train.labels_N, 200, 40), atol=2)


def test_grey_palette_and_transparent_images_become_what_is_asked_for(
    root: Path,
) -> None:
    for label in ("a", "b"):
        write_picture(root / label / "grey.png", 9, 9)
        write_picture(root / label / "colour.bmp", 9, 9, 3)
        write_picture(root / label / "clear.png", 9, 9, 4)
        for mode in ("P", "1", "CMYK"):
            path = root / label / f"{mode}.tif"
            Image.new(mode, (9, 9), 1).save(path)
    assert load_folder(root).image_shape == (3, 9, 9)
    assert load_folder(root, channels=1).image_shape == (1, 9, 9)


def test_sizes_that_differ_are_an_error_that_names_the_file(root: Path) -> None:
    write_folder(root, "a", "b")
    write_picture(root / "b" / "large.png", 20, 30, 3)
    expected = (
        r"b/large\.png: must have 9×9 pixels as the first image has, or be resized;"
        r" found 20×30\. Set data\.image_size=9, or another size\."
    )
    with pytest.raises(DataError, match=expected):
        load_folder(root)
    assert load_folder(root, image_size=9).image_shape == (3, 9, 9)


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_a_broken_image_is_named_and_left_out_where_asked(
    root: Path, content: bytes | None
) -> None:
    write_folder(root, "a", "b", size=40, ending="jpg")
    broken = root / "b" / "004.jpg"
    cut = broken.read_bytes()[:900]
    broken.write_bytes(cut if content is None else content)
    with pytest.raises(DataError, match=r"b/004\.jpg: must be a whole image; found"):
        load_folder(root)
    data = load_folder(root, skip_broken=True)
    sizes = [len(split) for split in (data.train, data.val, data.test)]
    assert sum(sizes) == 19
    assert f"1 broken images are left out, the first {broken}" in data.notes[-1]
    for split in (data.train, data.val, data.test):
        assert len(split.images_NCHW) == len(split.labels_N)
        assert split.images_NCHW.any((1, 2, 3)).all()


def test_examples_and_labels_stay_together_where_one_is_left_out(root: Path) -> None:
    for label, level in (("a", 10), ("b", 20)):
        for index in range(20):
            write_picture(root / label / f"{index:02}.png", 8, 8, level=level)
    (root / "a" / "03.png").write_bytes(b"")
    (root / "a" / "00.png").write_bytes(b"")
    data = load_folder(root, skip_broken=True)
    for split in (data.train, data.val, data.test):
        assert np.array_equal(split.images_NCHW[:, 0, 0, 0], 10 + 10 * split.labels_N)


def test_all_broken_is_an_error_all_the_same(root: Path) -> None:
    write_folder(root, "a", "b")
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="whole images; found none that can be read"):
        load_folder(root, skip_broken=True)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ((), "two or more; found nothing"),
        (("a",), r"two or more; found a\."),
        (
            ("train/a", "train/b", "test/c"),
            r"test: must hold classes that are in train",
        ),
    ],
)
def test_a_folder_that_is_no_data_set_is_an_error(
    root: Path, classes: tuple[str, ...], message: str
) -> None:
    root.mkdir()
    write_folder(root, *classes)
    with pytest.raises(DataError, match=message):
        load_folder(root)


def test_a_class_may_be_called_train(root: Path) -> None:
    write_folder(root, "car", "test", "train")
    assert load_folder(root).class_names == ("car", "test", "train")


def test_a_folder_that_cannot_be_read_is_an_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(root, "a", "b")

    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("raypg.data.listing.os.scandir", refuse)
    expected = "pictures: must be readable; found Permission denied"
    with pytest.raises(DataError, match=expected):
        load_folder(root)


def test_images_without_class_folders_are_told_the_layout(root: Path) -> None:
    write_folder(root, ".")
    with pytest.raises(DataError, match=r"a folder of images for each class.*000\.png"):
        load_folder(root)


def test_classes_without_an_image_are_named(root: Path) -> None:
    write_folder(root, "a", "b")
    for name in ("c", "d"):
        (root / name).mkdir()
    (root / "c" / "readme.txt").touch()
    expected = r"pictures/c: must hold images.*found none, nor in 1 more classes"
    with pytest.raises(DataError, match=expected):
        load_folder(root)


def test_a_missing_folder_is_found_as_the_config_is_read(tmp_path: Path) -> None:
    override = ["data.name=folder", f"data.root={tmp_path}/nowhere"]
    with pytest.raises(DataError, match=r'data\.root: must be a folder.*nowhere"'):
        load([parse_overrides(override)])
    with pytest.raises(DataError, match=r'found ""\. Write data\.root=FOLDER\.'):
        load([parse_overrides(["data.name=folder"])])


def test_spec_is_what_is_loaded(root: Path) -> None:
    write_folder(root, "a", "b", num=17)
    config = FolderConfig(root=str(root), fraction=0.5)
    spec, data = dataset_spec(config), load_dataset(config, root.parent / "cache")
    sizes = (len(data.train), len(data.val), len(data.test))
    assert sizes == (spec.num_train, spec.num_val, spec.num_test)
    assert (data.image_shape, data.num_classes) == (spec.image_shape, spec.num_classes)


def test_version_follows_the_content_not_the_place_nor_the_time(root: Path) -> None:
    write_folder(root, "a", "b")
    there = root.parent / "there"
    shutil.copytree(root, there)
    os.utime(there / "a" / "000.png", (1, 1))
    first = data_version(FolderConfig(root=str(root)), root.parent / "cache")
    copied = data_version(FolderConfig(root=str(there)), root.parent / "cache")
    assert first == copied != "folder-1"
    write_picture(there / "a" / "000.png", 9, 9, 3, seed=77)
    changed = data_version(FolderConfig(root=str(there)), root.parent / "cache")
    (there / "b" / "000.png").rename(there / "a" / "b.png")
    moved = data_version(FolderConfig(root=str(there)), root.parent / "cache")
    assert len({first, changed, moved}) == 3


def test_decoded_images_are_asked_for_again_without_decoding(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(root, "a", "b")
    first = load_folder(root)
    monkeypatch.setattr("raypg.data.pictures.decode_images", None)
    assert np.array_equal(load_folder(root).train.images_NCHW, first.train.images_NCHW)
    assert load_folder(root, flip=True).version == first.version


@pytest.mark.usefixtures("processes")
def test_a_process_that_dies_leaves_no_half_cache(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(root, "a", "b")
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(DataError, match=r"000\.png: .*found exit code 1 within"):
        load_folder(root)
    left = [path.suffix for path in (root.parent / "cache").iterdir()]
    assert left == [".lock"]


MEASURE = """
import resource, sys
from raypg.data import load_dataset
from raypg.data.folder import FolderConfig
from raypg.data.pipeline import Batches
import torch
torch.set_num_threads(1)
lines = open("/proc/self/status").read().splitlines()
used = int(next(line for line in lines if line.startswith("VmData")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + BOUND, used + BOUND))
try:
    bytearray(BOUND + 2**22)
except MemoryError:
    print("limited")
data = load_dataset(FolderConfig(root=sys.argv[1], image_size=SIZE, crop_padding=2))
print(data.train.images_NCHW.nbytes > BOUND)
batches = Batches(data.train, data, FolderConfig(crop_padding=2), batch_size_global=4,
    rank=0, num_workers=1, seed=0, device=torch.device("cpu"), channels_last=False,
    train=True)
print(sum(len(labels) for _, labels in batches.epoch(0)) == len(data.train))
"""


def test_images_larger_than_memory_are_decoded_and_trained_on(
    root: Path, tmp_path: Path
) -> None:
    """A process whose own memory is limited below the size of its data set."""
    write_folder(root, "a", "b", num=150, size=2)
    script = MEASURE.replace("BOUND", str(64 * 2**20)).replace("SIZE", "320")
    done = subprocess.run(
        [sys.executable, "-c", script, str(root)],
        env={**os.environ, "RAYPG_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["limited", "True", "True"], done.stderr
