"""The arrays of a .npz file: which is which, and what is wrong with them."""

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raypg.errors import DataError

_SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test",),
}
_IMAGES = ("x", "images", "image", "data")
_LABELS = ("y", "labels", "label", "targets", "target")
_CLASSES = ("class_names", "label_names", "classes", "names")
_CHANNELS = (1, 2, 3, 4)
_FAULTS = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error)
"""What numpy raises on a file that is damaged or none of its own."""

Pairs = Mapping[str, tuple[str, str]]
"""The names of images and of labels of each split."""


class NpzFile:
    """An open archive, whose arrays are read as they are asked for.

    Raises:
        DataError: it is no archive of arrays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._stream = path.open("rb")  # numpy's own stays open where it fails
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            opened = np.load(self._stream, allow_pickle=False)
        except _FAULTS as error:
            self._stream.close()
            raise self._unreadable(error) from error
        if not isinstance(opened, np.lib.npyio.NpzFile):
            self._stream.close()
            fix = "Write it with numpy.savez(FILE, images=…, labels=…)."
            raise DataError(str(path), "must be a .npz archive", "one array", fix)
        self._arrays = opened
        self.names = list(opened.keys())

    def __enter__(self) -> "NpzFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._arrays.close()
        self._stream.close()

    def read(self, name: str) -> NDArray[Any]:
        """An array, whole."""
        try:
            found: NDArray[Any] = self._arrays[name]
        except _FAULTS as error:
            raise self._unreadable(error) from error
        return found

    def class_names(self) -> list[str]:
        """As the archive says them, if it does."""
        name = _first(self.names, _CLASSES)
        return [str(one) for one in self.read(name).ravel()] if name else []

    def pairs(self, image_array: str, label_array: str) -> Pairs:
        """Which arrays hold the images and labels of which split.

        Args:
            image_array: the name of all images, "" where it is a usual one.
            label_array: the same, of labels.
        """
        if image_array or label_array:
            wanted = (image_array or "images", label_array or "labels")
            if all(name in self.names for name in wanted):
                return {"train": wanted}
            rule = " and ".join(wanted)
        else:
            pairs = {s: pair for s in _SPLITS if (pair := _pair(self.names, s))}
            if "train" in pairs:
                return pairs
            whole = (_first(self.names, _IMAGES), _first(self.names, _LABELS))
            if all(whole):
                return {"train": whole}
            rule = "images and labels, or x_train and y_train (and …_val, …_test)"
        found = ", ".join(self.names) or "no array"
        fix = "Name them: data.image_array=NAME data.label_array=NAME."
        raise DataError(str(self._path), f"must hold {rule}", found, fix)

    def shape_of(self, name: str) -> tuple[int, ...]:
        """The shape of an array, from its header alone."""
        with zipfile.ZipFile(self._path) as archive:
            # The dict's names have lost the ending that most members have.
            member = name if name in archive.namelist() else f"{name}.npy"
            with archive.open(member) as stream:
                version = np.lib.format.read_magic(stream)
                is_first = version == (1, 0)
                kind = np.lib.format
                read: Any = (
                    kind.read_array_header_1_0
                    if is_first
                    else kind.read_array_header_2_0
                )
                shape: tuple[int, ...] = read(stream)[0]
        return shape

    def image_shape(self, name: str) -> tuple[int, int, int]:
        """Channels, height and width of an array of images NHW, NHWC or NCHW."""
        shape = self.shape_of(name)
        if len(shape) == 3:
            return (1, shape[1], shape[2])
        if len(shape) == 4 and shape[3] in _CHANNELS:
            return (shape[3], shape[1], shape[2])
        if len(shape) == 4 and shape[1] in _CHANNELS:
            return (shape[1], shape[2], shape[3])
        rule = "must be images N×H×W, N×H×W×C or N×C×H×W, of 1 to 4 channels"
        found = "×".join(map(str, shape))
        raise DataError(f"{self._path}: {name}", rule, found, "Reshape them.")

    def read_images(self, name: str) -> NDArray[np.uint8]:
        """An array of images, as NCHW."""
        shape = self.image_shape(name)
        images = self.read(name)
        is_whole = images.dtype.kind in "iu" and images.size
        if not is_whole or images.min() < 0 or images.max() > 255:
            where, rule = f"{self._path}: {name}", "must hold whole numbers 0 to 255"
            found = f"{images.size:,} values of {images.dtype}"
            if images.dtype.kind in "iuf" and images.size:
                found += f" from {images.min():g} to {images.max():g}"
            fix = "Convert it: (255 * x).round().astype('uint8') where x is in [0, 1]."
            raise DataError(where, rule, found, fix)
        images = images.astype(np.uint8, copy=False)
        if images.ndim == 4 and images.shape[3] in _CHANNELS:
            images = images.transpose(0, 3, 1, 2)
        return images.reshape(-1, *shape)

    def _unreadable(self, error: Exception) -> DataError:
        rule, found = "must be a readable .npz archive", " ".join(str(error).split())
        fix = "Write it again; arrays of objects are not read, as they can run code."
        return DataError(str(self._path), rule, found, fix)


def _pair(names: list[str], split: str) -> tuple[str, str] | None:
    """Images and labels of one split."""
    images = _first(names, _joined(_IMAGES, split))
    labels = _first(names, _joined(_LABELS, split))
    return (images, labels) if images and labels else None


def _joined(kinds: tuple[str, ...], split: str) -> Iterator[str]:
    for word in _SPLITS[split]:
        for kind in kinds:
            yield from (f"{kind}_{word}", f"{word}_{kind}")


def _first(names: list[str], wanted: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in names}
    return next((by_lower[name] for name in wanted if name in by_lower), "")
