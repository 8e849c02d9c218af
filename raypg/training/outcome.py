"""What is left of a trial when its training function returns."""

from dataclasses import dataclass
from typing import Literal

from raypg.training.evaluation import Evaluation
from raypg.training.link import Metrics


@dataclass(frozen=True)
class Outcome:
    """The end of a trial that did not raise.

    Attributes:
        status: `completed`, or `stopped` where the link asked for it.
        reason: why it ended before `train.epochs`; empty otherwise.
        epoch: the epochs done.
        val: the last epoch's evaluation of the validation split, all workers' rows; for
            a completed trial.
        best_epoch: the epoch with the best `train.metric`, the earliest on ties.
        best: that epoch's metrics.
        test: the test split under the best epoch's weights; for a completed trial.
        compile_s: seconds of `torch.compile`, those of each resumption included.
    """

    status: Literal["completed", "stopped"]
    reason: str
    epoch: int
    best_epoch: int
    best: Metrics
    val: Evaluation | None = None
    test: Evaluation | None = None
    compile_s: float = 0.0
