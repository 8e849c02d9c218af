"""A trial that ran out of memory goes on in smaller micro-batches of the same batch."""

from collections.abc import Mapping
from typing import Any

from raypg.cluster.messages import Assignment, Ended

LEAST_MICRO_BATCH = 4
"""No smaller: the pieces of a share then have two examples at least, without which a
batch norm of one pixel has no statistics."""

COLUMN = "micro_batch"
"""Of `trials`: what a repaired trial was trained with; null in all others."""


def smaller_micro_batch(assignment: Assignment, current: int, ended: Ended) -> int:
    """What to try next; 0 where the trial's end is not to be repaired.

    Args:
        assignment: of the trial.
        current: what it was trained with; 0 is as its config says.
        ended: how that ended.
    """
    is_meant = assignment.repairs_oom and ended.cause == "out_of_memory"
    # Of a poisoned process nothing is to be expected.
    if ended.status != "failed" or not is_meant or ended.is_poisoned:
        return 0
    config = assignment.config
    if config.get("train.sync_batchnorm"):  # workers would have other numbers of pieces
        return 0
    share = -(-int(config["train.batch_size"]) // assignment.num_workers)
    asked = current or int(config["train.micro_batch"]) or share
    half = min(asked, share) // 2
    return half if half >= LEAST_MICRO_BATCH else 0


def repair_columns(micro_batch: int) -> Mapping[str, Any]:
    """The columns of `trials` that tell of a repair; none without one."""
    return {COLUMN: micro_batch} if micro_batch else {}
