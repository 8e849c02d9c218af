"""What a measuring process is asked, and what it answers: values that travel."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from raypg.config import Config, flatten


@dataclass(frozen=True)
class Task:
    """What one process is to measure; plain values, so that it travels anywhere."""

    configs: Sequence[Mapping[str, Any]]
    device: str
    num_threads: int
    num_workers: int
    seconds: float
    """For each shape, if a few short epochs take no longer."""


@dataclass(frozen=True)
class Timing:
    """What one process measured of one shape.

    Attributes:
        step_s: mean seconds of a step, a number a short epoch.
        image_s: mean seconds of an evaluated image, a number a short epoch.
        num_steps: that were timed.
        state_bytes: of a checkpoint.
        error: why there is nothing of the above; empty where there is.
    """

    step_s: Sequence[float] = ()
    image_s: Sequence[float] = ()
    num_steps: int = 0
    state_bytes: int = 0
    error: str = ""


@dataclass(frozen=True)
class Report:
    """What one process measured.

    Attributes:
        timings: one a shape, in the task's order.
        idle_bytes: memory of the process before the first step.
        peak_bytes: the most that it had, of all shapes.
    """

    timings: Sequence[Timing]
    idle_bytes: int
    peak_bytes: int

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """The report that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**fields | {"timings": [Timing(**t) for t in fields["timings"]]})

    def to_json(self) -> str:
        """The report as text."""
        return json.dumps(asdict(self))


def task_of(configs: Sequence[Config], **fields: Any) -> Task:  # noqa: ANN401
    """A task for these shapes."""
    return Task([flatten(config) for config in configs], **fields)
