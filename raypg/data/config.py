"""The `data.*` names: which images, where they lie, how they are augmented.

A key that every data set has (an augmentation, say) is a field of `DataConfig`. A data
set with keys of its own extends it beside its code, and stands in `AnyDataConfig`.
"""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class DataConfig:
    """The keys that all data sets share. Defaults: the images as they are."""

    name: str = "digits"
    """A key of `DATASETS`."""
    root: str = ""
    """The folder of the raw files; "" searches $RAYPG_DATA and the usual places.

    Where the files lie changes no number, so it is no part of the fingerprint.
    """
    fraction: float = Field(default=1.0, gt=0, le=1, allow_inf_nan=False)
    """Of the training split: the same stratified part for every seed, and the part
    of a smaller fraction lies inside the part of a larger one."""
    num_folds: int = Field(default=0, ge=0, le=1000)
    """Equal, stratified parts of all published training examples, validation split
    included, for cross-validation; 0: none, and the validation split as it is."""
    fold: int = Field(default=0, ge=0)
    """The part that is validated on, from 0; all others are trained on. An axis."""
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

    @field_validator("num_folds")
    @classmethod
    def _check_num_folds(cls, num_folds: int) -> int:
        if num_folds == 1:
            raise ValueError("must be at least 2, or 0 for none")
        return num_folds

    @field_validator("fold")
    @classmethod
    def _check_fold(cls, fold: int, info: ValidationInfo) -> int:
        num_folds = info.data.get("num_folds", fold + 1)
        if fold and not num_folds:
            raise ValueError("must be 0 where data.num_folds is 0")
        if num_folds and fold >= num_folds:
            raise ValueError(f"must be below data.num_folds, which is {num_folds}")
        return fold


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class PublishedConfig(DataConfig):
    """The `data.*` names under the data sets whose files and splits are fixed."""

    name: Literal[
        "digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "svhn", "stl10"
    ] = "digits"
    """A key of `DATASETS`."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class DividedConfig(DataConfig):
    """How examples are divided that come without splits, or without all three."""

    val_fraction: float = Field(default=0.1, gt=0, lt=1, allow_inf_nan=False)
    """Of the training examples, to validate on, where no validation split is given;
    stratified."""
    test_fraction: float = Field(default=0.1, gt=0, lt=1, allow_inf_nan=False)
    """The same, to test on, where no test split is given."""
    split_seed: int = Field(default=1, ge=0, lt=2**31)
    """Draws both, whatever the trial's seed is."""

    @field_validator("test_fraction")
    @classmethod
    def _check_fractions(cls, test_fraction: float, info: ValidationInfo) -> float:
        if test_fraction + info.data.get("val_fraction", 0) >= 1:
            raise ValueError("must be below 1 together with data.val_fraction")
        return test_fraction
