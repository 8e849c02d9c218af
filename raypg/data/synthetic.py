"""Synthetic images, for tests and benchmarks: seeded, learnable, of any size.

Each class has a pattern of its own, soft blotches of colour, which every image of it
shows under as much noise as asked for. Labels go round, so that classes are balanced.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from raypg.data.arrays import blocks_of, create_images, save_labels
from raypg.data.config import DividedConfig
from raypg.data.dataset import DatasetSpec
from raypg.data.divide import Part, divide
from raypg.data.recipe import Recipe, Written
from raypg.data.statistics import PixelSums
from raypg.strict import STRICT

_BLOTCHES = 4
"""Blotches of a pattern along each side."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class SyntheticConfig(DividedConfig):
    """The `data.*` names under `synthetic`. Defaults: as small as the digits."""

    name: Literal["synthetic"] = "synthetic"
    num_classes: int = Field(default=10, ge=2, le=100_000)
    num_examples: int = Field(default=1_000, ge=10)
    """Of all three splits together."""
    image_size: int = Field(default=8, ge=1, le=4_096)
    """Height and width, in pixels."""
    channels: Literal[1, 3] = 3
    noise: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)
    """The part of a pixel that is noise; at 1 there is nothing to learn."""
    image_seed: int = Field(default=0, ge=0, lt=2**31)
    """Draws patterns and noise, whatever the trial's seed is."""

    @field_validator("num_examples")
    @classmethod
    def _check_num_examples(cls, num_examples: int, info: ValidationInfo) -> int:
        if num_examples < info.data.get("num_classes", 0):
            raise ValueError("must be at least data.num_classes")
        return num_examples


def _spec(config: SyntheticConfig) -> DatasetSpec:
    sizes = {split: len(part.index_N) for split, part in _parts(config).items()}
    return DatasetSpec(
        image_shape=(config.channels, config.image_size, config.image_size),
        num_classes=config.num_classes,
        num_train=sizes["train"],
        num_val=sizes["val"],
        num_test=sizes["test"],
    )


def _write(config: SyntheticConfig, folder: Path) -> Written:
    rng = np.random.RandomState(config.image_seed)
    patterns_KCHW = _patterns(config, rng)
    labels_N = _labels(config)
    sums = PixelSums.none_of(config.channels)
    for split, part in _parts(config).items():
        split_labels_N = labels_N[part.index_N]
        shape = (len(split_labels_N), *patterns_KCHW.shape[1:])
        path = create_images(folder, split, shape)
        images_NCHW = np.load(path, mmap_mode="r+")
        for block in blocks_of(len(split_labels_N), images_NCHW[:1].nbytes):
            noise = rng.randint(0, 256, images_NCHW[block].shape, dtype=np.uint8)
            shown = patterns_KCHW[split_labels_N[block]] * np.float32(1 - config.noise)
            images_NCHW[block] = shown + noise * np.float32(config.noise)
            if split == "train":
                sums.add(images_NCHW[block])
        save_labels(folder, split, split_labels_N)
    mean, std = sums.mean_and_std()
    names = tuple(f"class {label}" for label in range(config.num_classes))
    return Written(names, mean, std)


def _patterns(
    config: SyntheticConfig, rng: np.random.RandomState
) -> NDArray[np.float32]:
    """A pattern a class, 0 to 255: few random values, interpolated."""
    coarse = rng.rand(config.num_classes, config.channels, _BLOTCHES, _BLOTCHES)
    place = np.linspace(0, _BLOTCHES - 1, config.image_size)
    low = np.minimum(place.astype(int), _BLOTCHES - 2)
    weights = np.zeros((config.image_size, _BLOTCHES))
    weights[np.arange(config.image_size), low] = 1 - (place - low)
    weights[np.arange(config.image_size), low + 1] = place - low
    patterns: NDArray[np.float64] = 255 * (weights @ coarse @ weights.T)
    return patterns.astype(np.float32)


def _labels(config: SyntheticConfig) -> NDArray[np.int64]:
    return np.arange(config.num_examples) % config.num_classes


def _parts(config: SyntheticConfig) -> dict[str, Part]:
    return divide("data.num_examples", {"train": _labels(config)}, config)[0]


SYNTHETIC = Recipe(
    title="synthetic images",
    revision=1,
    stamp=lambda config: "",
    spec=_spec,
    write=_write,
    place=lambda config: "made where asked for",
)
