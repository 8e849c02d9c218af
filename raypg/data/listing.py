"""Which image files a folder holds, and of which class each is.

In torchvision's convention: a folder a class, named after it.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raypg.data.splits import IntArray
from raypg.errors import DataError

ENDINGS = (
    ".jpg .jpeg .png .ppm .bmp .pgm .tif .tiff .webp".split()  # torchvision's
)
_FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val"}
_FOLDERS |= {"test": "test"}
_LAYOUT = "a folder of images for each class, or train/ (val/, test/) with them"


@dataclass(frozen=True)
class Listing:
    """The image files of a data set, by split, in the order of their names.

    Args:
        root: the folder that holds them all.
        class_names: K of them.
        paths: below the root, of each split that is given.
        labels: their class indices.
    """

    root: Path
    class_names: tuple[str, ...]
    paths: Mapping[str, list[str]]
    labels: Mapping[str, IntArray]


def list_folder(root: str) -> Listing:
    """The images below a root, and their classes.

    Raises:
        DataError: there is no folder, no image, a class without one, or a class that
            is not in training.
    """
    base = Path(root).expanduser().absolute()
    if not root or not base.is_dir():
        fix = "Write data.root=FOLDER."
        raise DataError("data.root", f"must be {_LAYOUT}", f'"{root}"', fix)
    names = _folders_in(base)
    splits = {_FOLDERS[name]: name for name in names if name in _FOLDERS}
    # A class may be called train, as of vehicles: it has no folders in it.
    if "train" not in splits or not _folders_in(base / splits["train"]):
        splits = {"train": ""}
    return list_splits(base, splits)


def list_splits(base: Path, splits: Mapping[str, str], num_classes: int = 0) -> Listing:
    """The images of splits that lie in folders of their own.

    Args:
        base: the root.
        splits: the folder of each, below the root.
        num_classes: how many classes to take, by name; 0: all.

    Raises:
        DataError: as `list_folder`.
    """
    classes = _folders_in(base / splits["train"])
    if num_classes:
        classes = classes[:num_classes]
    if len(classes) < 2:
        found = ", ".join(classes) or _what_is_in(base / splits["train"])
        where, fix = str(base / splits["train"]), "Set data.root to another folder."
        raise DataError(where, f"must hold {_LAYOUT}: two or more", found, fix)
    paths, labels = {}, {}
    for split, name in splits.items():
        if split != "train" and not num_classes:
            _check_known(base / name, _folders_in(base / name), classes)
        of_class = [list_images(base, os.path.join(name, one)) for one in classes]
        empty = [one for one, found in zip(classes, of_class, strict=True) if not found]
        if empty and split == "train":
            raise _without_images(base / name / empty[0], empty)
        paths[split] = [path for found in of_class for path in found]
        counts = [len(found) for found in of_class]
        labels[split] = np.repeat(np.arange(len(classes)), counts)
        if not paths[split]:
            fix = "Put some there, or remove the folder."
            raise DataError(str(base / name), "must hold images", "none", fix)
    return Listing(base, tuple(classes), paths, labels)


def list_images(base: Path, name: str) -> list[str]:
    """The image files in a folder and below it, sorted; paths below the base."""
    found = []
    try:
        for entry in os.scandir(base / name):
            below = os.path.join(name, entry.name)
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                found += list_images(base, below)
            elif os.path.splitext(entry.name)[1].lower() in ENDINGS:
                found.append(below)
    except FileNotFoundError:
        return []
    return sorted(found)


def stamp_listing(listing: Listing) -> str:
    """Names, sizes and times of the files of a listing, in a few letters."""
    digest = hashlib.md5(str(listing.root).encode())
    for split, paths in listing.paths.items():
        for path in paths:
            stat = os.stat(listing.root / path)
            line = f"{split} {path} {stat.st_size} {stat.st_mtime_ns}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _folders_in(folder: Path) -> list[str]:
    entries = os.scandir(folder)
    return sorted(e.name for e in entries if e.is_dir() and e.name[0] != ".")


def _what_is_in(folder: Path) -> str:
    names = sorted(entry.name for entry in os.scandir(folder))
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "") or "nothing"


def _check_known(folder: Path, found: list[str], classes: list[str]) -> None:
    unknown = [name for name in found if name not in classes]
    if unknown:
        rule = "must hold classes that are in training, too"
        listed = ", ".join(unknown[:3]) + (", …" if len(unknown) > 3 else "")
        raise DataError(str(folder), rule, listed, "Rename or remove them.")


def _without_images(first: Path, empty: list[str]) -> DataError:
    rule = f"must hold images ({', '.join(ENDINGS[:3])}, …), as each class does"
    more = f", nor in {len(empty) - 1} more classes" if len(empty) > 1 else ""
    fix = "Put some there, or remove the folder."
    return DataError(str(first), rule, f"none{more}", fix)
