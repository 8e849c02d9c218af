"""A data set of one's own: bright blobs on a noisy ground, to be told by their place.

    python -m raypg.train data.name=examples/own/blobs.py:blobs data.noise=0.6

Its parameters are keys under `data.`; `root` would be `data.root`. It runs once for
each setting of them, and is mapped from the cache from then on.
"""

from typing import Annotated, Any

import numpy as np
from pydantic import Field


def blobs(
    num_examples: Annotated[int, Field(ge=20)] = 1000,
    noise: Annotated[float, Field(ge=0, le=1)] = 0.5,
) -> dict[str, Any]:
    """Images of 16x16 pixels, each with a blob in one of its four corners."""
    rng = np.random.RandomState(0)  # the same images for every trial and worker
    labels_N = np.arange(num_examples) % 4
    images_NHW = 255 * noise * rng.rand(num_examples, 16, 16)
    for image_HW, label in zip(images_NHW, labels_N, strict=True):
        top, left = 8 * (label // 2), 8 * (label % 2)
        image_HW[top : top + 8, left : left + 8] += 255 * (1 - noise) * rng.rand()
    return {
        "train": (images_NHW.astype(np.uint8), labels_N),  # and "val", "test", if any
        "class_names": ["top left", "top right", "bottom left", "bottom right"],
    }
