"""Two-level fractional factorial designs (Box and Hunter 1961), as small as may be.

Runs are numbered by the bits of the factors that are varied freely; each factor's value
is the parity of some of these bits. The resolution is how many factors at least are
confounded with each other: III leaves single effects apart from each other, IV keeps
them free of interactions of two, V keeps those apart, too.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from operator import xor

RESOLUTIONS = (3, 4, 5)
MOST_FACTORS = 32


def build_fraction(num_factors: int, resolution: int) -> list[tuple[int, ...]]:
    """The runs, each with 0 or 1 for every factor; the first one has 0 for all.

    Args:
        num_factors: at least 1.
        resolution: that it has at least; the whole factorial has any.
    """
    num_bits, masks = 0, list[int]()
    while len(masks) < num_factors:
        num_bits += 1
        masks = find_masks(num_bits, num_factors, resolution)
    return [
        tuple((run & mask).bit_count() % 2 for mask in masks)
        for run in range(2**num_bits)
    ]


def find_masks(num_bits: int, num_factors: int, resolution: int) -> list[int]:
    """Which bits of a run's number each factor adds up; as many as there is room for.

    Greedy, the bits themselves first: no `resolution` - 1 of them, or fewer, cancel.
    """
    single = [1 << bit for bit in range(num_bits)]
    masks: list[int] = []
    for mask in [*single, *(m for m in range(1, 2**num_bits) if m not in single)]:
        if len(masks) == num_factors:
            break
        if not _cancels(mask, masks, resolution - 2):
            masks.append(mask)
    return masks


def _cancels(mask: int, masks: Sequence[int], most: int) -> bool:
    """Whether up to so many of the masks make this one."""
    return any(
        reduce(xor, some) == mask
        for num in range(1, most + 1)
        for some in combinations(masks, num)
    )
