"""Chunks of images are decoded into the arrays of an entry of the cache.

As a program it is one of the processes that `decoding` starts: chunks come in as
pickles, what came of them goes out. It ends when its input does, as it does when
whoever started it is killed.
"""

import hashlib
import os
import pickle
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from raypg.data.cache import IMAGES
from raypg.data.images import BrokenImage, Shape, decode_image
from raypg.data.statistics import PixelSums


@dataclass(frozen=True)
class Chunk:
    """Some images of a split.

    Args:
        folder: of the arrays, which are there already.
        split: `train`, `val` or `test`.
        shape: of every image in the end.
        size: to resize to; 0: not.
        places: the row of each.
        images: a path, or the file's content, of each.
    """

    folder: str
    split: str
    shape: Shape
    size: int
    places: list[int]
    images: list[str | bytes]


@dataclass(frozen=True)
class Decoded:
    """What came of a chunk.

    Args:
        split: its split.
        places: its rows.
        digests: of the content of each file, decoded or not; hex digits.
        broken: why an image could not be decoded, by row.
        odd: the shape of an image that has another one, by row.
        sums: over the pixels of all that was written.
    """

    split: str
    places: list[int]
    digests: list[str]
    broken: dict[int, str] = field(default_factory=dict)
    odd: dict[int, Shape] = field(default_factory=dict)
    sums: PixelSums = field(default_factory=lambda: PixelSums.none_of(0))


def decode_chunk(chunk: Chunk) -> Decoded:
    """Decode the images of a chunk, and write those that are right."""
    path = Path(chunk.folder) / IMAGES.format(chunk.split)
    target_NCHW = np.load(path, mmap_mode="r+")
    done = Decoded(
        chunk.split, chunk.places, [], sums=PixelSums.none_of(chunk.shape[0])
    )
    for place, given in zip(chunk.places, chunk.images, strict=True):
        try:
            content = given if isinstance(given, bytes) else Path(given).read_bytes()
        except OSError as error:
            done.broken[place] = error.strerror or str(error)
            done.digests.append("")
            continue
        done.digests.append(hashlib.md5(content).hexdigest())
        try:
            image_CHW = decode_image(content, chunk.shape[0], chunk.size)
        except BrokenImage as error:
            done.broken[place] = str(error)
            continue
        if image_CHW.shape != chunk.shape:
            channels, height, width = image_CHW.shape
            done.odd[place] = (channels, height, width)
            continue
        target_NCHW[place] = image_CHW
        done.sums.add(image_CHW[None])
    return done


def main() -> None:
    """Decode what comes in until nothing does."""
    # Whatever prints must not stand between the answers.
    answers, source = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)
    while True:
        try:
            chunk = pickle.load(source)
        except EOFError:
            return
        pickle.dump(decode_chunk(chunk), answers)
        answers.flush()


if __name__ == "__main__":
    main()
