"""The `data.*` names: which images, where they lie, how they are augmented."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
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
    num_folds: int = Field(default=0, ge=0, le=1000)
    """Equal, stratified parts of all published training examples, validation split
    included, for cross-validation; 0: none, and the validation split as it is."""
    fold: int = Field(default=0, ge=0)
    """The part that is validated on, from 0; all others are trained on. An axis."""
    crop_padding: int = Field(default=0, ge=0)
    """Zeros put around an image before a random crop of its size; 0: no crop."""
    flip: bool = False
    """Mirror every second training image, by a fair coin, left to right."""

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
