"""The `schedule.*` names. Places in a training are fractions of it, not epochs."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class MultistepConfig:
    """The `schedule.*` names under `multistep`. Defaults: Huang et al. 2017."""

    name: Literal["multistep"] = "multistep"
    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.5, 0.75)
    """Fractions of the training at which the rate is multiplied by `gamma`."""
    gamma: float = Field(default=0.1, gt=0, le=1)
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training in which the rate rises from nearly 0."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class StepConfig:
    """The `schedule.*` names under `step`: a cut at even distances."""

    name: Literal["step"] = "step"
    every: float = Field(default=0.3, gt=0, le=1)
    """Fraction of the training after which the rate is multiplied by `gamma`, again and
    again: 0.3 is every 30 of 100 epochs."""
    gamma: float = Field(default=0.1, gt=0, le=1)
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training in which the rate rises from nearly 0."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class ExponentialConfig:
    """The `schedule.*` names under `exponential`: the same factor at every step."""

    name: Literal["exponential"] = "exponential"
    final: float = Field(default=0.01, gt=0, le=1)
    """Where the rate ends, as a fraction of its peak."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training in which the rate rises from nearly 0."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class PolynomialConfig:
    """The `schedule.*` names under `polynomial`: a line, after a linear rise."""

    name: Literal["polynomial"] = "polynomial"
    power: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Of what is left of the training; 1: the rate falls on a line."""
    final: float = Field(default=0.0, ge=0, le=1)
    """Where the rate ends, as a fraction of its peak."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training in which the rate rises from nearly 0."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class CosineConfig:
    """The `schedule.*` names under `cosine`: half a cosine, after a linear rise."""

    name: Literal["cosine"] = "cosine"
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training in which the rate rises from nearly 0."""
    final: float = Field(default=0.0, ge=0, le=1)
    """Where the rate ends, as a fraction of its peak."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class OneCycleConfig:
    """The `schedule.*` names under `one_cycle`: Smith & Topin 2018, with cosines."""

    name: Literal["one_cycle"] = "one_cycle"
    warmup: float = Field(default=0.3, gt=0, lt=1)
    """Fraction of the training in which the rate rises."""
    initial: float = Field(default=0.04, ge=0, le=1)
    """Where the rate starts, as a fraction of its peak."""
    final: float = Field(default=1e-4, ge=0, le=1)
    """Where the rate ends, as a fraction of its peak."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class PlateauConfig:
    """The `schedule.*` names under `plateau`: a cut where nothing gets better.

    Judged once an epoch, by `train.metric` of the validation split.
    """

    name: Literal["plateau"] = "plateau"
    gamma: float = Field(default=0.1, gt=0, lt=1)
    """What the rate is multiplied by at a cut."""
    patience: int = Field(default=10, ge=0)
    """Epochs without a better metric that are borne; the one after them cuts."""
    threshold: float = Field(default=1e-4, ge=0, lt=1)
    """By which ratio a metric must be better to count."""
    cooldown: int = Field(default=0, ge=0)
    """Epochs after a cut in which none is counted."""
    final: float = Field(default=0.0, ge=0, le=1)
    """Below which fraction of its peak the rate never falls."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training in which the rate rises from nearly 0."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class ConstantConfig:
    """The `schedule.*` names under `constant`: the rate stays at its peak."""

    name: Literal["constant"] = "constant"
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training in which the rate rises from nearly 0."""


ScheduleConfig = Annotated[
    MultistepConfig
    | StepConfig
    | ExponentialConfig
    | PolynomialConfig
    | CosineConfig
    | OneCycleConfig
    | PlateauConfig
    | ConstantConfig,
    Field(discriminator="name"),
]


def stretches(schedule: ScheduleConfig) -> bool:
    """Whether the rate at a step depends on how many steps there are to be."""
    if schedule.warmup:
        return True
    if isinstance(schedule, MultistepConfig):
        return bool(schedule.milestones)
    return not isinstance(schedule, ConstantConfig | PlateauConfig)
