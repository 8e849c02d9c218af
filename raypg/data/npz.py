"""A NumPy archive of images and labels: any .npz.

Arrays are told by their names: of a split, `x_train` and `y_train`, `train_images` and
`train_labels` (also `val`/`valid` and `test`), or of all in one, `images` and `labels`,
`x` and `y`. `data.image_array` and `data.label_array` name others. Where there are
`class_names`, labels are their places.
"""

import hashlib
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from raypg.data.arrays import save_images, save_labels
from raypg.data.config import DividedConfig
from raypg.data.dataset import DatasetSpec
from raypg.data.divide import divide
from raypg.data.labels import empty_classes, encode_labels
from raypg.data.npz_file import NpzFile, Pairs
from raypg.data.recipe import Recipe, Written
from raypg.data.splits import IntArray
from raypg.errors import DataError
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class NpzConfig(DividedConfig):
    """The `data.*` names under `npz`; `data.root` is the file."""

    name: Literal["npz"] = "npz"
    image_array: str = ""
    """Name of the array of images, where all are in one and it has another name."""
    label_array: str = ""
    """The same, of their labels."""


def _path(config: NpzConfig) -> Path:
    path = Path(config.root).expanduser()
    if not config.root or not path.is_file():
        rule, fix = "must be the file of data.name=npz", "Write data.root=FILE.npz."
        raise DataError("data.root", rule, f'"{config.root}"', fix)
    return path


def _stamp(config: NpzConfig) -> str:
    path = _path(config)
    stat = path.stat()
    return f"{path.absolute()}:{stat.st_size}:{stat.st_mtime_ns}"


def _spec(config: NpzConfig) -> DatasetSpec:
    path = _path(config)
    with NpzFile(path) as file:
        pairs = file.pairs(config.image_array, config.label_array)
        labels, names = _labels(path, file, pairs)
        shape = file.image_shape(pairs["train"][0])
    parts, _ = divide(str(path), labels, config)
    return DatasetSpec(
        image_shape=shape,
        num_classes=len(names),
        num_train=len(parts["train"].index_N),
        num_val=len(parts["val"].index_N),
        num_test=len(parts["test"].index_N),
    )


def _write(config: NpzConfig, folder: Path) -> Written:
    path = _path(config)
    with NpzFile(path) as file:
        pairs = file.pairs(config.image_array, config.label_array)
        labels, names = _labels(path, file, pairs)
        images = {split: file.read_images(name) for split, (name, _) in pairs.items()}
    for split, given in images.items():
        if given.shape[1:] != images["train"].shape[1:]:
            where = f"{path}: {pairs[split][0]}"
            rule = f"must be of {_by(images['train'].shape[1:])} as in training"
            raise DataError(where, rule, _by(given.shape[1:]), "Write it again.")
    parts, notes = divide(str(path), labels, config)
    for split in ("val", "test", "train"):
        part = parts[split]
        sums = save_images(folder, split, images[part.given][part.index_N])
        save_labels(folder, split, labels[part.given][part.index_N])
    mean, std = sums.mean_and_std()  # of train, the last one
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "md5").hexdigest()[:8]
    trained_N = labels["train"][parts["train"].index_N]
    return Written(names, mean, std, digest, notes + empty_classes(trained_N, names))


def _labels(
    path: Path, file: NpzFile, pairs: Pairs
) -> tuple[dict[str, IntArray], tuple[str, ...]]:
    """Class indices of each split, one an image, and the names of the classes."""
    found = {split: file.read(label) for split, (_, label) in pairs.items()}
    for split, (images, label) in pairs.items():
        num = file.shape_of(images)[:1]
        if found[split].size != sum(num):
            where, rule = f"{path}: {label}", f"must label each image of {images}"
            sizes = f"{found[split].size:,} labels, {sum(num):,} images"
            raise DataError(where, rule, sizes, "Write it again.")
    return encode_labels(str(path), found, file.class_names())


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(str(size) for size in shape)


NPZ = Recipe(
    title="a .npz archive",
    revision=1,
    stamp=_stamp,
    spec=_spec,
    write=_write,
    place=lambda config: str(_path(config).absolute()),
)
