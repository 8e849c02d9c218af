"""A data set of image files becomes an entry of the cache, wherever the files are."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raypg.data.arrays import blocks_of, create_images, save_labels
from raypg.data.cache import IMAGES
from raypg.data.decoder import Chunk, Decoded
from raypg.data.decoding import decode_images
from raypg.data.divide import Part
from raypg.data.images import PicturesConfig, Shape
from raypg.data.labels import empty_classes
from raypg.data.recipe import Written
from raypg.data.splits import IntArray
from raypg.data.statistics import PixelSums
from raypg.errors import DataError


@dataclass(frozen=True)
class Pictures:
    """Image files with labels, divided into splits.

    Args:
        where: what errors of the whole name.
        class_names: K of them.
        labels: class indices of each split that is given.
        parts: the examples of train, val and test, as `divide` draws them.
        notes: what is to be said already.
        name_of: what errors call an image, by its given split and its place there.
    """

    where: str
    class_names: tuple[str, ...]
    labels: Mapping[str, IntArray]
    parts: Mapping[str, Part]
    notes: tuple[str, ...]
    name_of: Callable[[str, int], str]


def write_pictures(
    pictures: Pictures,
    config: PicturesConfig,
    shape: Shape,
    folder: Path,
    chunks: Iterable[Chunk],
) -> Written:
    """Decode all images into a folder; what the entry holds beside its arrays.

    Args:
        pictures: the examples.
        config: says what becomes of broken ones.
        shape: of every image in the end.
        folder: of the entry.
        chunks: all images, each at its place in its split.

    Raises:
        DataError: an image is broken or of another size; names the first, and says how
            many there are.
    """
    parts = pictures.parts
    for split, part in parts.items():
        create_images(folder, split, (len(part.index_N), *shape))
    num = sum(len(part.index_N) for part in parts.values())
    done = sorted(decode_images(chunks, num), key=lambda one: one.places[0])
    _check_sizes(pictures, config, shape, done)
    notes = pictures.notes + _broken(pictures, config, done)
    sums = PixelSums.none_of(shape[0])
    for split, part in parts.items():
        labels_N = pictures.labels[part.given][part.index_N]
        of_split = [one for one in done if one.split == split]
        lost = sorted(place for one in of_split for place in one.broken)
        if lost:
            labels_N = np.delete(labels_N, lost)
            _leave_out(folder, split, lost)
        if not len(labels_N):
            fix = "Give it others, or remove data.skip_broken."
            found = f"none of {len(lost):,}"
            raise DataError(pictures.where, f"must have {split} images", found, fix)
        save_labels(folder, split, labels_N)
        if split == "train":
            notes += empty_classes(labels_N, pictures.class_names)
            for one in of_split:
                sums.merge(one.sums)
    mean, std = sums.mean_and_std()
    digest = _digest(pictures, done)
    return Written(pictures.class_names, mean, std, digest, notes)


def _name(pictures: Pictures, split: str, place: int) -> str:
    part = pictures.parts[split]
    return pictures.name_of(part.given, int(part.index_N[place]))


def _check_sizes(
    pictures: Pictures, config: PicturesConfig, shape: Shape, done: list[Decoded]
) -> None:
    odd = {(one.split, place): s for one in done for place, s in one.odd.items()}
    if not odd:
        return
    (split, place), found = min(odd.items())
    rule = f"must have {_by(shape)} pixels as the first image has, or be resized"
    more = f" (and {len(odd) - 1:,} more have other sizes)" if len(odd) > 1 else ""
    fix = f"Set data.image_size={min(shape[1:])}, or another size."
    where = _name(pictures, split, place)
    raise DataError(where, rule, _by(found) + more, fix)


def _broken(
    pictures: Pictures, config: PicturesConfig, done: list[Decoded]
) -> tuple[str, ...]:
    """A line on images that are left out; none where all are whole."""
    broken = {
        (one.split, place): why for one in done for place, why in one.broken.items()
    }
    if not broken:
        return ()
    (split, place), why = min(broken.items())
    first = _name(pictures, split, place)
    if config.skip_broken:
        return (
            f"{len(broken):,} broken images are left out, the first {first} ({why})",
        )
    more = f" (and {len(broken) - 1:,} more are broken)" if len(broken) > 1 else ""
    fix = "Remove it, or set data.skip_broken=true."
    raise DataError(first, "must be a whole image", why + more, fix)


def _leave_out(folder: Path, split: str, lost: list[int]) -> None:
    """Write the images of a split again without some rows, block by block."""
    path = folder / IMAGES.format(split)
    full = path.with_name(f"full_{path.name}")
    path.rename(full)
    source_NCHW = np.load(full, mmap_mode="r")
    kept_N = np.delete(np.arange(len(source_NCHW)), lost)
    if len(kept_N):
        create_images(folder, split, (len(kept_N), *source_NCHW.shape[1:]))
        target_NCHW = np.load(path, mmap_mode="r+")
        for block in blocks_of(len(kept_N), source_NCHW[:1].nbytes):
            target_NCHW[block] = source_NCHW[kept_N[block]]
    full.unlink()


def _digest(pictures: Pictures, done: list[Decoded]) -> str:
    """Eight digits of names, classes and contents, in the order of the names."""
    lines = []
    for one in done:
        part = pictures.parts[one.split]
        for place, digest in zip(one.places, one.digests, strict=True):
            given, index = part.given, int(part.index_N[place])
            label = pictures.class_names[pictures.labels[given][index]]
            lines.append(f"{given} {index} {label} {digest}")
    return hashlib.md5("\n".join(sorted(lines)).encode()).hexdigest()[:8]


def _by(shape: Shape) -> str:
    return f"{shape[1]}×{shape[2]}"
