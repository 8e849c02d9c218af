"""The `train.*` names: how long, by what, from what and from whom a trial learns."""

import re
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class TrainConfig:
    """The `train.*` names. Defaults suit digits; `--preset paper` suits CIFAR-10."""

    epochs: int = Field(default=3, ge=1)
    """Enough for 98 % on digits; more leave no difference between its models."""
    batch_size: int = Field(default=64, ge=1)
    """Over all workers, which split it."""
    micro_batch: int = Field(default=0, ge=0)
    """The most examples that go through the network at once, of a worker; 0: its whole
    share of a batch. Gradients are summed over the pieces of a step, so that it learns
    from the same batch in less memory; batch statistics are those of each piece."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of the forward pass (autocast); weights and losses stay fp32."""
    channels_last: bool = False
    clip_norm: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Limit of the whole gradient's 2-norm; 0: none."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Of the training loss only."""
    mixup: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Alpha of the weights with which each image is mixed with another, labels too
    (Zhang et al. 2018); 0: none. 0.2 is usual, and 1 for long trainings."""
    cutmix: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Alpha of the area that stays of each image when another's box is put into it,
    labels too (Yun et al. 2019, who take 1); 0: none. With mixup, a coin decides for
    each batch."""
    class_weights: Literal["none", "balanced", "effective"] = "none"
    """Of the training loss: the rarer a class, the more each of its images counts.
    `balanced` as in scikit-learn, `effective` as in Cui et al. 2019."""
    effective_beta: float = Field(default=0.999, ge=0, lt=1, allow_inf_nan=False)
    """Of effective: from 0 (no weights) towards 1 (balanced)."""
    tta: Literal["none", "flip", "crops", "flip_crops"] = "none"
    """Views of each image whose probabilities are averaged in every evaluation: with
    its mirror image; with four crops at the corners, by `data.crop_padding`; both."""
    metrics: str = ""
    """What validation is judged by beside accuracy and loss, each a column `val.NAME`:
    names of `METRICS` and functions of the user's own, with commas between them."""
    metric: str = "val.accuracy"
    """What the best epoch is chosen by: its weights are tested. Set by the space."""
    early_stopping: int = Field(default=0, ge=0)
    """Epochs without a better metric after which a trial is completed; 0: never."""
    deterministic: bool = True
    """Prefer kernels whose results are the same from run to run."""
    init: str = ""
    """Weights to start from: `trial:` and the id of a completed trial of the store, of
    which it takes the best epoch's; "" draws them."""
    new_head: bool = False
    """Draw the last layer even where `init` has the same classes."""
    freeze: str = ""
    """What stays as it is: the first so many stages of the network (`2`), stages by
    name (`stem,body.0`), or `backbone`, which is all but the head; "" is nothing."""
    head_lr_factor: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """What the learning rate is multiplied by in the head, the last layer."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """What it is multiplied by from each stage to the one before (Howard & Ruder 2018:
    1/2.6), beginning with the last one below the head."""
    checkpoint_activations: bool = Field(default=False)
    """Compute activations again in backward instead of keeping them: less memory, a
    third more time, the same numbers."""
    compile: Literal["off", "default", "reduce-overhead", "max-autotune"] = Field(
        default="off"
    )
    """Whether, and in which mode, `torch.compile` compiles the network; true is
    `default`. Takes seconds to minutes a trial, which `compile_s` tells."""
    sync_batchnorm: bool = Field(default=False)
    """Take batch statistics over the shares of all workers, so that several learn what
    one learns; a further exchange a norm and step."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay, a step, of an average of the weights that is evaluated, tested and kept in
    their place; 0: none. 0.999 averages the last 1,000 steps."""
    swa_start: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training after which the weights at the ends of epochs are
    averaged, evaluated, tested and kept (SWA); 0: never."""
    swa_lr: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """The rate of those epochs; 0: the schedule's."""

    @field_validator("compile", mode="before")
    @classmethod
    def _read_compile(cls, given: object) -> object:
        # Of Python and YAML a bool, of a command line its text.
        words = {"true": "default", "false": "off"}
        return words.get(str(given).lower(), given)

    @field_validator("swa_start")
    @classmethod
    def _check_swa_start(cls, start: float, info: ValidationInfo) -> float:
        if start and info.data.get("ema"):
            raise ValueError("must be 0 where train.ema is on: there is one average")
        epochs = info.data.get("epochs", 0)
        if start and epochs and (epochs - 1) / epochs < start:
            raise ValueError(f"must leave a whole epoch of {epochs} to the average")
        return start

    @field_validator("swa_lr")
    @classmethod
    def _check_swa_lr(cls, lr: float, info: ValidationInfo) -> float:
        if lr and info.data.get("swa_start") == 0:
            raise ValueError("must be 0 where train.swa_start is 0")
        return lr

    teacher: str = ""
    """The whole id of a completed trial of the store, from whose answers it learns, too
    (Hinton et al. 2015); "" is none. They are to the images as they are, whatever
    `data.*` makes of them for the student."""
    distill_temperature: float = Field(default=4.0, gt=0, allow_inf_nan=False)
    """Both answers are divided by it, before the softmax."""
    distill_weight: float = Field(default=0.9, ge=0, le=1)
    """Of the teacher's answers in the loss; what is left is the labels'."""

    @field_validator("teacher")
    @classmethod
    def _check_teacher(cls, teacher: str) -> str:
        if teacher and not re.fullmatch("[0-9a-f]{16}", teacher):
            raise ValueError("must be the 16 letters of a trial's id")
        return teacher

    @field_validator("init")
    @classmethod
    def _check_init(cls, init: str) -> str:
        if init and not re.fullmatch("trial:[0-9a-f]{16}", init):
            raise ValueError("must be trial: and the 16 letters of a trial's id")
        return init
