"""Mean and deviation of pixels, exact and the same everywhere: sums of integers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES = 2**24
"""Of pixels, widened to sum their squares: memory in megabytes, whatever the images."""


@dataclass
class PixelSums:
    """Sums over the pixels of images, channel by channel; blocks come in any order."""

    num_pixels: int
    total_C: NDArray[np.int64]
    squares_C: NDArray[np.int64]

    @staticmethod
    def none_of(channels: int) -> "PixelSums":
        """The sums over no image."""
        return PixelSums(0, np.zeros(channels, np.int64), np.zeros(channels, np.int64))

    def add(self, images_NCHW: NDArray[np.uint8]) -> None:
        """Count further images."""
        num_block = max(1, _BLOCK_BYTES // max(1, images_NCHW[:1].nbytes))
        for start in range(0, len(images_NCHW), num_block):
            wide = images_NCHW[start : start + num_block].astype(np.uint32)
            self.num_pixels += wide.size // wide.shape[1]
            self.total_C += wide.sum((0, 2, 3), dtype=np.int64)
            self.squares_C += (wide * wide).sum((0, 2, 3), dtype=np.int64)

    def merge(self, other: "PixelSums") -> None:
        """Count what another one has counted."""
        self.num_pixels += other.num_pixels
        self.total_C += other.total_C
        self.squares_C += other.squares_C

    def mean_and_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of pixels scaled to [0, 1]."""
        mean_C = self.total_C / self.num_pixels
        std_C = np.sqrt(self.squares_C / self.num_pixels - mean_C**2)
        # A channel of one colour has nothing to scale.
        std_C[std_C == 0] = 255
        return tuple((mean_C / 255).tolist()), tuple((std_C / 255).tolist())


def pixel_statistics(
    images_NCHW: NDArray[np.uint8],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, of pixels scaled to [0, 1]."""
    sums = PixelSums.none_of(images_NCHW.shape[1])
    sums.add(images_NCHW)
    return sums.mean_and_std()
