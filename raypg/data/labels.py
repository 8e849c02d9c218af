"""Labels as they are found, whatever they are, become classes 0 to K-1."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from raypg.data.splits import IntArray
from raypg.errors import DataError


def encode_labels(
    where: str, found: Mapping[str, NDArray[np.generic]], names: Sequence[str] = ()
) -> tuple[dict[str, IntArray], tuple[str, ...]]:
    """Class indices of each split, and the names of the classes.

    Whole numbers from 0 on with a name each are taken as they are. All else, numbers
    that start elsewhere and texts, is sorted, and its place is its class.

    Args:
        where: what errors name.
        found: labels of each split, one an example.
        names: of the classes, where the files say them.

    Raises:
        DataError: there are fewer than two classes, labels are fractions, or have no
            name where others have one.
    """
    values = np.unique(np.concatenate([labels.ravel() for labels in found.values()]))
    if values.dtype.kind == "f" and np.array_equal(values, np.round(values)):
        values = values.astype(np.int64)
    if values.dtype.kind not in "iubUS":
        rule = "must have labels that are whole numbers or texts"
        raise DataError(where, rule, str(values.dtype), "Convert them.")
    if names and values.dtype.kind in "iu":
        if values[0] < 0 or values[-1] >= len(names):
            rule = f"must have labels 0 to {len(names) - 1}, as it names its classes"
            fix = "Leave out what has no label."
            raise DataError(where, rule, f"{values[0]} to {values[-1]}", fix)
        classes = np.arange(len(names))
    else:
        classes, names = values, [_text(value) for value in values]
    if len(classes) < 2:
        raise DataError(where, "must have two classes or more", names[0], "Check it.")
    encoded = {
        split: np.searchsorted(classes, labels.ravel().astype(classes.dtype))
        for split, labels in found.items()
    }
    return encoded, tuple(names)


def empty_classes(labels_N: IntArray, names: Sequence[str]) -> tuple[str, ...]:
    """A line that names the classes which no training image shows; none where all."""
    counts = np.bincount(labels_N, minlength=len(names))
    empty = [name for name, count in zip(names, counts, strict=True) if not count]
    if not empty:
        return ()
    listed = ", ".join(empty[:5]) + (", …" if len(empty) > 5 else "")
    return (f"{len(empty)} of {len(names)} classes have no training image: {listed}",)


def _text(value: np.generic) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
