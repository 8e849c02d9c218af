"""The `data.*` names: which images, where they lie, how they are augmented."""

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class DataConfig:
    """What a trial trains on. Defaults: the digits of the package, as they are."""

    name: Literal["digits", "mnist", "fashion_mnist", "cifar10", "cifar100"] = "digits"
    """A key of `DATASETS`."""
    root: str = ""
    """The folder of the raw files; "" searches $RAYPG_DATA and the usual places.

    Where the files lie changes no number, so it is no part of the fingerprint.
    """
    fraction: float = Field(default=1.0, gt=0, le=1, allow_inf_nan=False)
    """Of the training split: the same stratified part for every seed, and the part
    of a smaller fraction lies inside the part of a larger one."""
    crop_padding: int = Field(default=0, ge=0)
    """Zeros put around an image before a random crop of its size; 0: no crop."""
    flip: bool = False
    """Mirror every second training image, by a fair coin, left to right."""
    auto_augment: Literal["none", "randaugment", "trivialaugment"] = "none"
    """Random operations on each training image: `data.ra_num_ops` of one strength
    (Cubuk et al. 2020), or one of any strength (Müller & Hutter 2021, wide)."""
    ra_num_ops: int = Field(default=2, ge=1, le=14)
    """Of randaugment: operations on each image, one after another."""
    ra_magnitude: int = Field(default=9, ge=0, le=30)
    """Of randaugment: the strength of its operations; 30 is the full one."""
    cutout: int = Field(default=0, ge=0)
    """Side in pixels of the square that is hidden of each training image; 0: none.

    DeVries & Taylor 2017, who hide 16 of CIFAR-10's 32 and 8 of CIFAR-100's."""
    random_erasing: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    """Part of the training images of which a random box is hidden (Zhong et al. 2020,
    who take 0.5)."""
