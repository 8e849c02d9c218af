"""Three splits out of what is given: what is missing is drawn from the training one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from raypg.data.config import DividedConfig
from raypg.data.splits import IntArray, split_off
from raypg.errors import DataError

_WORDS = {"val": "to validate on", "test": "to test on"}


@dataclass(frozen=True)
class Part:
    """A split of a data set: some of the examples of a split that is given."""

    given: str
    index_N: IntArray


def divide(
    where: str, labels: Mapping[str, IntArray], config: DividedConfig
) -> tuple[dict[str, Part], tuple[str, ...]]:
    """Where the examples of train, val and test come from, and what is to be said.

    Args:
        where: what errors name.
        labels: class indices of the splits that are given; `train` is one of them.
        config: says how much is drawn for a missing one, and by which seed.

    Raises:
        DataError: nothing is left to train on.
    """
    num = len(labels["train"])
    rest = np.arange(num)
    parts, notes = {}, []
    for split, fraction, seed in (
        ("test", config.test_fraction, config.split_seed + 1),
        ("val", config.val_fraction, config.split_seed),
    ):
        if split in labels:
            parts[split] = Part(split, np.arange(len(labels[split])))
            continue
        num_drawn = max(1, round(num * fraction))
        chosen, kept = split_off(labels["train"][rest], num_drawn, seed)
        parts[split], rest = Part("train", rest[chosen]), rest[kept]
        notes.append(
            f"no {split} split: {len(chosen):,} of its {num:,} training images "
            f"are kept {_WORDS[split]} (data.{split}_fraction={fraction:g})"
        )
    if not len(rest):
        rule, fix = "must leave images to train on", "Give it more of them."
        raise DataError(where, rule, f"{num:,} in all", fix)
    return {"train": Part("train", rest), **parts}, tuple(notes)
