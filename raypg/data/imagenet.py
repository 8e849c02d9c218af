"""ImageNet, whole or in part, and Tiny-ImageNet: folders named by WordNet.

ImageNet (Russakovsky et al. 2015, arXiv 1409.0575) as torchvision lays it out:
`train/n01440764/*.JPEG` and `val/n01440764/*.JPEG`; so are its subsets, as Imagenette.
Tiny-ImageNet (Stanford's CS231n) has 200 classes of 64×64 pixels, 500 to train on and
50 to validate on, whose classes stand in `val/val_annotations.txt`. The labels of both
test splits are kept by the publishers: what they validate on is our test split, and
ours for validation is drawn from training, as it is everywhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from raypg.data.dataset import DatasetSpec
from raypg.data.download import Archive, download_archive
from raypg.data.folder import spec_listing, write_listing
from raypg.data.images import PicturesConfig
from raypg.data.listing import Listing, list_images, list_splits, stamp_listing
from raypg.data.places import default_cache_dir, download_folder
from raypg.data.recipe import Recipe
from raypg.errors import DataError
from raypg.strict import STRICT

_TINY = Archive(
    "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    "90528d7ca1a48142e341f4ef8d21d0de",
)
_FOLDERS = {"tiny_imagenet": "tiny-imagenet-200", "imagenet": "imagenet"}
_TITLES = {"tiny_imagenet": "Tiny-ImageNet", "imagenet": "ImageNet"}
_PUBLISHED = {
    "tiny_imagenet": (200, 100_000, 10_000),
    "imagenet": (1_000, 1_281_167, 50_000),
}
"""Classes, training images, and those that the publishers validate on."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class ImagenetConfig(PicturesConfig):
    """The `data.*` names under `tiny_imagenet` and `imagenet`, and subsets of both."""

    name: Literal["tiny_imagenet", "imagenet"] = "tiny_imagenet"
    image_size: int = Field(default=64, ge=8, le=4_096)
    """Height and width: the shorter side is made so long, and the middle is cut out."""
    num_classes: int = Field(default=0, ge=0)
    """The first so many classes by their WordNet number; 0: all that are there."""


def _find(config: ImagenetConfig) -> Path:
    """The folder that holds `train`.

    Raises:
        DataError: there is none.
    """
    if config.root:
        bases = [Path(config.root).expanduser().absolute()]
    else:
        bases = [download_folder().absolute(), default_cache_dir().absolute() / "raw"]
    own = _FOLDERS[config.name]
    folders = [place for base in bases for place in (base / own, base)]
    for folder in folders:
        is_own = bool(config.root) or folder.name == own
        if is_own and (folder / "train").is_dir():
            return folder
    raise DataError(
        str(folders[0] / "train"),
        f"must be the folder of the training images of {_TITLES[config.name]}",
        "none in " + ", ".join(str(folder) for folder in dict.fromkeys(folders)),
        "Set data.root=FOLDER where it lies unpacked.",
    )


def _list(config: ImagenetConfig) -> Listing:
    folder = _find(config)
    annotations = folder / "val" / "val_annotations.txt"
    if annotations.is_file():
        listing = _list_tiny(folder, annotations, config.num_classes)
    else:
        if not any(entry.is_dir() for entry in _entries(folder / "val")):
            rule = "must hold a folder for each class, as train/ does"
            fix = "Sort them by the devkit's ground truth, or take Imagenette's layout."
            raise DataError(str(folder / "val"), rule, "none", fix)
        splits = {"train": "train", "test": "val"}
        listing = list_splits(folder, splits, config.num_classes)
    return Listing(
        listing.root,
        _with_words(folder, listing.class_names),
        listing.paths,
        listing.labels,
    )


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _list_tiny(folder: Path, annotations: Path, num_classes: int) -> Listing:
    """Tiny-ImageNet, whose validation images are in one folder."""
    train = list_splits(folder, {"train": "train"}, num_classes)
    place = {name: label for label, name in enumerate(train.class_names)}
    class_of = _read_pairs(annotations)
    paths, labels = [], []
    for path in list_images(folder, "val/images"):
        name = class_of.get(path.rpartition("/")[2])
        if name is None:
            rule, fix = "must have a line for each image of val", "Unpack it again."
            raise DataError(str(annotations), rule, f"none for {path}", fix)
        if name in place:
            paths.append(path)
            labels.append(place[name])
    if not paths:
        rule, fix = "must hold the images to test on", "Unpack it again."
        raise DataError(str(folder / "val" / "images"), rule, "none", fix)
    return Listing(
        folder,
        train.class_names,
        {**train.paths, "test": paths},
        {**train.labels, "test": np.array(labels)},
    )


def _with_words(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """The first English word of each class, where `words.txt` tells all of them apart.

    n02124075 becomes "Egyptian cat".
    """
    words = _read_pairs(folder / "words.txt")
    told = tuple(words.get(name, name).partition(",")[0] for name in names)
    return told if len(set(told)) == len(names) else names


def _read_pairs(path: Path) -> Mapping[str, str]:
    """The first two columns of a file of tabs; nothing where there is none."""
    if not path.is_file():
        return {}
    lines = (line.split("\t") for line in path.read_text("utf-8").splitlines())
    return {line[0]: line[1].strip() for line in lines if len(line) > 1}


def _spec(config: ImagenetConfig) -> DatasetSpec:
    """Of the files that are here; else of the published ones."""
    try:
        _find(config)
    except DataError:
        if config.root:
            raise
        return _published_spec(config)
    return spec_listing(_list(config), config)


def _published_spec(config: ImagenetConfig) -> DatasetSpec:
    num_published, num_train, num_test = _PUBLISHED[config.name]
    num_classes = min(config.num_classes or num_published, num_published)
    kept = round(num_train * num_classes / num_published)
    num_val = round(kept * config.val_fraction)
    return DatasetSpec(
        image_shape=(config.channels, config.image_size, config.image_size),
        num_classes=num_classes,
        num_train=kept - num_val,
        num_val=num_val,
        num_test=round(num_test * num_classes / num_published),
    )


def _fetch_tiny(config: ImagenetConfig, missing: DataError) -> None:
    download_archive(_TINY, download_folder(), missing)


def _recipe(name: str) -> Recipe:
    return Recipe(
        title=_TITLES[name],
        revision=1,
        stamp=lambda config: stamp_listing(_list(config)),
        spec=_spec,
        write=lambda config, folder: write_listing(_list(config), config, folder),
        place=lambda config: str(_find(config)),
        fetch=_fetch_tiny if name == "tiny_imagenet" else _refuse,
    )


def _refuse(config: ImagenetConfig, missing: DataError) -> None:
    """ImageNet is given to those who have signed for it: nothing can fetch it."""
    raise missing


TINY_IMAGENET = _recipe("tiny_imagenet")
IMAGENET = _recipe("imagenet")
