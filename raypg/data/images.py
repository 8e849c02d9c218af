"""One image file becomes an array: decoded, converted, resized, cut out of the middle.

Also the keys of data sets that are image files, in folders or in tables.
"""

import io
import re
import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from raypg.data.config import DividedConfig
from raypg.strict import STRICT

_MODES = {1: "L", 3: "RGB"}

Shape = tuple[int, int, int]
"""Channels, height, width."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class PicturesConfig(DividedConfig):
    """The `data.*` names under data sets that are image files."""

    image_size: int = Field(default=0, ge=0, le=4_096)
    """Height and width: the shorter side is made so long, and the middle is cut out.
    0: as they are, where all have one size."""
    channels: Literal[1, 3] = 3
    """1: grey; 3: colour, also of grey images."""
    skip_broken: bool = False
    """Leave out images that cannot be decoded, rather than refuse them all."""


class BrokenImage(ValueError):
    """Bytes that are no whole image."""


def read_size(content: bytes) -> tuple[int, int]:
    """Height and width, of the header alone.

    Raises:
        BrokenImage: it is no image.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
    except Exception as error:  # as below
        raise BrokenImage(_told(error)) from error
    return height, width


def decode_image(content: bytes, channels: int, size: int) -> NDArray[np.uint8]:
    """The pixels of an image file, C×H×W.

    A large JPEG is decoded at a half, a quarter or an eighth of its size, as long as
    twice `size` is left: two to four times as fast, and then resized as any other.

    Args:
        content: the file.
        channels: 1 (grey) or 3 (colour).
        size: height and width of the result; 0: as the image is.

    Raises:
        BrokenImage: it is cut off, damaged or no image.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as image:
            warnings.simplefilter("ignore")  # of transparency in palettes, of odd tags
            if size:
                image.draft(None, (2 * size, 2 * size))
            pixels = image.convert(_MODES[channels])
            if size:
                pixels = _square(pixels, size)
    except Exception as error:  # damaged files raise nearly anything
        raise BrokenImage(_told(error)) from error
    pixels_HWC = np.asarray(pixels, np.uint8).reshape(pixels.height, pixels.width, -1)
    return pixels_HWC.transpose(2, 0, 1)


def _told(error: Exception) -> str:
    # Pillow names the object that it was given, by its address.
    words = re.sub(r"<_io\.BytesIO[^>]*>", "", str(error)).split()
    return " ".join(words) or repr(error)


def _square(image: Any, size: int) -> Any:  # noqa: ANN401
    """As torchvision's `Resize(size)` and `CenterCrop(size)` make it, to the pixel."""
    from PIL import Image

    width, height = image.size
    short = min(width, height)
    wide, high = size * width // short, size * height // short
    image = image.resize((wide, high), Image.Resampling.BILINEAR)
    left, top = round((wide - size) / 2), round((high - size) / 2)
    return image.crop((left, top, left + size, top + size))
