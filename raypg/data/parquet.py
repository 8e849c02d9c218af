"""Parquet files that hold image files and labels, as Hugging Face keeps data sets.

An image is a struct {bytes, path}, or bytes; which column, and which is the label, is
found out or said. Files of a folder belong to the split that their name begins with.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic.dataclasses import dataclass

from raypg.data.dataset import DatasetSpec
from raypg.data.decoder import Chunk
from raypg.data.decoding import CHUNK
from raypg.data.divide import Part, divide
from raypg.data.images import BrokenImage, PicturesConfig, Shape, read_size
from raypg.data.labels import encode_labels
from raypg.data.parquet_files import Columns, find_parquet
from raypg.data.pictures import Pictures, write_pictures
from raypg.data.recipe import Recipe, Written
from raypg.data.splits import IntArray
from raypg.errors import DataError
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class ParquetConfig(PicturesConfig):
    """The `data.*` names under `parquet`; `data.root` is a file or a folder."""

    name: Literal["parquet"] = "parquet"
    image_column: str = ""
    """"": the first column that holds image files."""
    label_column: str = ""
    """"": `label`, or another usual name."""


def _stamp(config: ParquetConfig) -> str:
    files = find_parquet(config.root)
    stats = [
        (split, path, path.stat()) for split, paths in files.items() for path in paths
    ]
    return " ".join(f"{s} {p} {st.st_size} {st.st_mtime_ns}" for s, p, st in stats)


def _columns(config: ParquetConfig) -> dict[str, Columns]:
    return {
        split: Columns(paths, config.image_column, config.label_column)
        for split, paths in find_parquet(config.root).items()
    }


def _labels(
    config: ParquetConfig, columns: dict[str, Columns]
) -> tuple[dict[str, IntArray], tuple[str, ...]]:
    found = {split: one.read_labels() for split, one in columns.items()}
    return encode_labels(config.root, found, columns["train"].class_names)


def _shape(config: ParquetConfig, columns: Columns) -> Shape:
    """Of every image in the end: as asked for, or as the first whole one has it."""
    if config.image_size:
        return (config.channels, config.image_size, config.image_size)
    for contents in columns.read_images(CHUNK):
        for content in contents:
            try:
                height, width = read_size(content)
            except BrokenImage:
                continue
            return (config.channels, height, width)
    rule, fix = "must hold whole images", "Set data.image_column to another column."
    raise DataError(config.root, rule, "none that can be read", fix)


def _spec(config: ParquetConfig) -> DatasetSpec:
    columns = _columns(config)
    labels, names = _labels(config, columns)
    parts, _ = divide(config.root, labels, config)
    return DatasetSpec(
        image_shape=_shape(config, columns["train"]),
        num_classes=len(names),
        num_train=len(parts["train"].index_N),
        num_val=len(parts["val"].index_N),
        num_test=len(parts["test"].index_N),
    )


def _write(config: ParquetConfig, folder: Path) -> Written:
    columns = _columns(config)
    labels, names = _labels(config, columns)
    parts, notes = divide(config.root, labels, config)
    pictures = Pictures(
        where=config.root,
        class_names=names,
        labels=labels,
        parts=parts,
        notes=notes,
        name_of=lambda split, index: f"{config.root}: row {index} of {split}",
    )
    shape = _shape(config, columns["train"])

    def chunks() -> Iterator[Chunk]:
        for given, one in columns.items():
            targets, places_N = _targets(given, len(labels[given]), parts)
            start = 0
            for contents in one.read_images(CHUNK):
                here = slice(start, start + len(contents))
                start = here.stop
                for split in parts:
                    rows = np.flatnonzero(targets[here] == split)
                    if len(rows):
                        places = places_N[here][rows].tolist()
                        images: list[str | bytes] = [contents[row] for row in rows]
                        size = config.image_size
                        yield Chunk(str(folder), split, shape, size, places, images)

    return write_pictures(pictures, config, shape, folder, chunks())


def _targets(
    given: str, num: int, parts: dict[str, Part]
) -> tuple[np.ndarray, IntArray]:
    """For each row of a given split: which split it goes to, and its place there."""
    targets, places_N = np.full(num, "", dtype="U5"), np.zeros(num, np.int64)
    for split, part in parts.items():
        if part.given == given:
            targets[part.index_N] = split
            places_N[part.index_N] = np.arange(len(part.index_N))
    return targets, places_N


def _place(config: ParquetConfig) -> str:
    find_parquet(config.root)
    return str(Path(config.root).expanduser().absolute())


PARQUET = Recipe(
    title="Parquet files of images",
    revision=1,
    stamp=_stamp,
    spec=_spec,
    write=_write,
    place=_place,
)
