"""The columns of Parquet files: which holds the images, which the labels.

The one place outside the results where pyarrow is imported, and only where a data set
is made of such files: they are read here as a publisher's format.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raypg.errors import DataError, suggest_name

_SPLITS = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
_LABELS = ("label", "labels", "fine_label", "target", "class", "y")


def find_parquet(root: str) -> dict[str, list[Path]]:
    """The files of each split, told by how their names begin (`train-00000-of-…`).

    Args:
        root: a file, or a folder with files in it and below it.

    Raises:
        DataError: there is none, or none to train on.
    """
    base = Path(root).expanduser().absolute()
    if root and base.is_file():
        return {"train": [base]}
    if not root or not base.is_dir():
        rule, fix = "must be a Parquet file or a folder of them", "Write data.root=…"
        raise DataError("data.root", rule, f'"{root}"', fix)
    files: dict[str, list[Path]] = {}
    for path in sorted(base.rglob("*.parquet")):
        head = re.match(r"[a-z]*", path.name.lower())
        name = head.group() if head else ""
        files.setdefault(_SPLITS.get(name, "train"), []).append(path)
    if "train" not in files:
        found = ", ".join(files) or "no file *.parquet"
        rule = "must hold Parquet files to train on (train-….parquet)"
        raise DataError(str(base), rule, found, "Set data.root to another folder.")
    return files


class Columns:
    """The images and the labels of some Parquet files that have one schema.

    Args:
        paths: the files, in order.
        image_column: "" takes the first one that holds files of images.
        label_column: "" takes the first one with a usual name.

    Raises:
        DataError: a file is none, or lacks a column.
    """

    def __init__(
        self, paths: Sequence[Path], image_column: str, label_column: str
    ) -> None:
        self._paths = paths
        schema = _opened(paths[0]).schema_arrow
        pictured = [name for name in schema.names if _leaf_of(schema.field(name))]
        self._image = image_column or next(iter(pictured), "")
        self._label = label_column or next(
            (name for name in _LABELS if name in schema.names), ""
        )
        if self._image not in pictured:
            self._refuse(
                "data.image_column",
                "a column of image files, bytes or struct {bytes, path}",
                image_column or "image",
                schema.names,
            )
        if self._label not in schema.names:
            rule = "a column of labels"
            wanted = label_column or "label"
            self._refuse("data.label_column", rule, wanted, schema.names)
        for path in paths[1:]:
            missing = {self._image, self._label} - set(_opened(path).schema_arrow.names)
            if missing:
                rule = f"must have the columns of {paths[0].name}"
                found = f"no {' and no '.join(sorted(missing))}"
                raise DataError(str(path), rule, found, "Is it another data set's?")
        self._leaf = _leaf_of(schema.field(self._image))
        self.class_names = _names_of(schema.metadata, self._label)

    def _refuse(self, key: str, what: str, wanted: str, names: list[str]) -> None:
        hint = suggest_name(wanted, [name for name in names if name != wanted])
        found = ", ".join(names)
        raise DataError(
            str(self._paths[0]), f"must have {what}", found, f"{hint} ({key}=NAME)"
        )

    def read_labels(self) -> NDArray[Any]:
        """The labels of all files, in order."""
        found = []
        for path in self._paths:
            column = _read(path, self._label)
            if column.null_count:
                rule, fix = "must label each image", "Remove the rows without a label."
                where = f"{path}: {self._label}"
                raise DataError(where, rule, f"{column.null_count:,} nulls", fix)
            found.append(np.array(column.to_pylist()))
        return np.concatenate(found)

    def read_images(self, num: int) -> Iterator[list[bytes]]:
        """The image files of all rows, so many at once; empty where a row has none."""
        from pyarrow import ArrowException

        for path in self._paths:
            batches = _opened(path).iter_batches(num, columns=[self._leaf])
            while True:
                try:
                    batch = next(batches, None)
                except (OSError, ArrowException) as error:
                    raise _damaged(path, error) from error
                if batch is None:
                    break
                column = batch.column(0)
                if self._leaf != self._image:
                    column = column.field(0)
                yield [content or b"" for content in column.to_pylist()]


def _opened(path: Path) -> Any:  # noqa: ANN401
    from pyarrow import ArrowException, parquet

    try:
        return parquet.ParquetFile(path)
    except (OSError, ArrowException) as error:
        raise _damaged(path, error) from error


def _read(path: Path, name: str) -> Any:  # noqa: ANN401
    from pyarrow import ArrowException

    try:
        return _opened(path).read(columns=[name]).column(name)
    except (OSError, ArrowException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    rule, found = "must be a whole Parquet file", " ".join(str(error).split())
    return DataError(str(path), rule, found, "Fetch it again.")


def _leaf_of(field: Any) -> str:  # noqa: ANN401
    """The column of bytes that holds image files; "" where a field has none."""
    from pyarrow import types

    def is_bytes(kind: Any) -> bool:  # noqa: ANN401
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    if is_bytes(field.type):
        return str(field.name)
    if types.is_struct(field.type):
        place = field.type.get_field_index("bytes")
        if place >= 0 and is_bytes(field.type.field(place).type):
            return f"{field.name}.bytes"
    return ""


def _names_of(metadata: Any, label: str) -> list[str]:  # noqa: ANN401
    """The names of the classes, where Hugging Face's metadata say them."""
    try:
        about = json.loads((metadata or {})[b"huggingface"])
        return [str(name) for name in about["info"]["features"][label]["names"]]
    except (KeyError, TypeError, ValueError):
        return []
