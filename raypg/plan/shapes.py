"""What a step costs depends on the shape of a trial, and on little else of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from raypg.config import Config
from raypg.optim import ConstantConfig
from raypg.own import OwnConfig
from raypg.plan.counts import flops_of, spread
from raypg.plan.report import Report
from raypg.plan.spans import Span, middle_of

MOST_SHAPES = 8
MOST_COUNTED = 64
"""Networks whose FLOPs are counted; of more, every few-th stands for those after it."""


def shape_of(config: Config) -> Config:
    """The config without what alters the numbers of a step and not its cost.

    Its learning rate is so small that no loss runs away while the step is measured.
    """
    # Any: what mypy cannot tell of a union, `replace` checks as it runs.
    model: Any = config.model
    for leaf in ("dropout", "stochastic_depth"):
        if getattr(model, leaf, 0.0):
            model = replace(model, **{leaf: 0.1})
    optimizer: Any = config.optimizer
    if not isinstance(optimizer, OwnConfig):  # whose other keys may be required
        optimizer = type(optimizer)(lr=1e-9)
    train = replace(
        config.train,
        epochs=10**6,
        metric="val.accuracy",
        metrics="",
        early_stopping=0,
        clip_norm=float(config.train.clip_norm > 0),
        ema=0.9 if config.train.ema else 0.0,
        swa_start=0.0,
        swa_lr=0.0,
        label_smoothing=0.1 if config.train.label_smoothing else 0.0,
    )
    return replace(
        config,
        data=replace(config.data, fraction=1.0, num_folds=0, fold=0),
        model=model,
        optimizer=optimizer,
        schedule=ConstantConfig(),
        train=train,
        seed=0,
    )


@dataclass(frozen=True)
class Measured:
    """What a few steps of one shape took, on every process that ran them.

    Attributes:
        step_s: of one step, over the share of one worker.
        image_s: of one image of an evaluation.
        state_bytes: a checkpoint of the trial.
        num_steps: that were measured.
    """

    step_s: Span
    image_s: Span
    state_bytes: int
    num_steps: int


def pick_shapes(configs: Sequence[Config]) -> list[Config]:
    """At most eight different shapes, from the least work a step to the most."""
    shapes = dict.fromkeys(map(shape_of, configs))
    ordered = sorted(spread(list(shapes), MOST_COUNTED), key=work_of)
    return spread(ordered, MOST_SHAPES)


def work_of(config: Config) -> float:
    """Multiply-adds of the forward pass of a whole batch."""
    return flops_of(config)[1] * config.train.batch_size


def combine(
    shapes: Sequence[Config], reports: Sequence[Report]
) -> dict[Config, Measured]:
    """One measurement a shape, of those that processes made side by side.

    A shape that failed everywhere has none.
    """
    found = {}
    for index, shape in enumerate(shapes):
        timings = [report.timings[index] for report in reports]
        timings = [timing for timing in timings if not timing.error]
        if timings:
            found[shape] = Measured(
                middle_of(s for timing in timings for s in timing.step_s),
                middle_of(s for timing in timings for s in timing.image_s),
                timings[0].state_bytes,
                sum(timing.num_steps for timing in timings),
            )
    return found


class Costs:
    """What a trial of any shape costs, told from the shapes that were measured."""

    def __init__(self, measured: Mapping[Config, Measured]) -> None:
        self._measured = dict(sorted(measured.items(), key=lambda one: work_of(one[0])))

    def of(self, config: Config) -> Measured:
        """The measurement of this shape, or one between those of the nearest two."""
        shape = shape_of(config)
        if shape in self._measured:
            return self._measured[shape]
        parameters, flops = flops_of(config)
        work = work_of(config)
        near = sorted(self._kin(shape), key=lambda one: abs(work_of(one) - work))[:2]
        scaled = [self._scaled(one, flops, work) for one in near]
        size = self._measured[near[0]].state_bytes * parameters
        return Measured(
            _around([step_s for step_s, _ in scaled]),
            _around([image_s for _, image_s in scaled]),
            size // max(1, flops_of(near[0])[0]),
            0,
        )

    def _kin(self, shape: Config) -> list[Config]:
        """Measured shapes of the same architecture and precision, if there are any."""
        kin = [
            one
            for one in self._measured
            if (one.model.name, one.train.precision)
            == (shape.model.name, shape.train.precision)
        ]
        return kin or list(self._measured)

    def _scaled(self, known: Config, flops: int, work: float) -> tuple[Span, Span]:
        found = self._measured[known]
        by_work = work / max(1.0, work_of(known))
        by_flops = flops / max(1, flops_of(known)[1])
        return found.step_s.times(by_work), found.image_s.times(by_flops)


def _around(spans: Sequence[Span]) -> Span:
    return Span(min(one.low for one in spans), max(one.high for one in spans))
