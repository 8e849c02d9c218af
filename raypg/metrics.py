"""What a trial's validation is judged by beside accuracy and loss.

Pure functions of the logits and labels of the whole split, each a column `val.NAME`. A
user's own is named by its file, `my_metrics.py:margin`, takes the same two tensors and
gives a number; one of which less is better says so: `margin.mode = "min"`.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from raypg.errors import DataError
from raypg.own import OwnFault, OwnFaults, is_own, load_object
from raypg.own.fault import fault_of
from raypg.own.names import split_name
from raypg.own.objects import remembers
from raypg.space.checks import METRICS as MODES

# N: examples, K: classes.

NUM_BINS = 15
"""Of `calibration_error`, as in Guo et al. 2017."""


def top5_accuracy(logits_NK: Tensor, labels_N: Tensor) -> float:
    """How often the label is among the five largest logits, in [0, 1]."""
    top = logits_NK.topk(min(5, logits_NK.shape[1]), 1).indices
    return float((top == labels_N[:, None]).any(1).double().mean())


def balanced_accuracy(logits_NK: Tensor, labels_N: Tensor) -> float:
    """The mean over classes of how often each is recognised, in [0, 1].

    Classes without an example do not count.
    """
    right, labelled, _ = _counts(logits_NK, labels_N)
    return float((right / labelled)[labelled > 0].mean())


def macro_f1(logits_NK: Tensor, labels_N: Tensor) -> float:
    """The mean over classes of F1, in [0, 1].

    Classes that are neither labelled nor predicted do not count.
    """
    right, labelled, predicted = _counts(logits_NK, labels_N)
    both = labelled + predicted
    return float((2 * right / both)[both > 0].mean())


def calibration_error(
    logits_NK: Tensor, labels_N: Tensor, *, num_bins: int = NUM_BINS
) -> float:
    """Expected calibration error (Guo et al. 2017, section 2); 0 is calibrated.

    Args:
        logits_NK: before softmax, float32.
        labels_N: class indices in [0, K), int64.
        num_bins: equal-width bins of confidence, at least 1.

    Raises:
        DataError: N is 0. An empty split has no calibration.
    """
    if not len(labels_N):
        fix = "Give a split with examples."
        raise DataError("calibration_error", "needs examples", "none", fix)
    confidence_N, predicted_N = logits_NK.double().softmax(1).max(1)
    # Bins are open below: a confidence of exactly 1/M belongs to the first.
    bin_N = (confidence_N * num_bins).ceil().long().clamp(1, num_bins) - 1
    gap_N = (predicted_N == labels_N).double() - confidence_N
    gaps = torch.zeros(num_bins, dtype=torch.float64).index_add_(0, bin_N, gap_N)
    return float(gaps.abs().sum() / len(labels_N))


def _counts(logits_NK: Tensor, labels_N: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each class, the right predictions, the labels and the predictions."""
    num_classes, predicted_N = logits_NK.shape[1], logits_NK.argmax(1)
    right, labelled, predicted = (
        torch.bincount(labels, minlength=num_classes).double()
        for labels in (labels_N[predicted_N == labels_N], labels_N, predicted_N)
    )
    return right, labelled, predicted


Function = Callable[[Tensor, Tensor], float]

METRICS: Mapping[str, Function] = {
    "top5_accuracy": top5_accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "calibration_error": calibration_error,
}
EVERY_EPOCH = ("val.accuracy", "val.loss")
"""Columns that every trial has."""


class Metric(NamedTuple):
    """A metric of validation, and which end of it is the good one."""

    function: Function
    mode: str


def split_metrics(text: str) -> list[str]:
    """The names in `train.metrics`."""
    return [name.strip() for name in text.split(",") if name.strip()]


def column_of(name: str) -> str:
    """The column of a metric; one of the user's is called as its function is."""
    return f"val.{split_name(name)[1] if is_own(name) else name}"


def columns_of(metrics: str) -> list[str]:
    """The columns that `train.metric` may name."""
    own = [column_of(name) for name in split_metrics(metrics)]
    return list(dict.fromkeys([*EVERY_EPOCH, *map(column_of, METRICS), *own]))


@cache
def metrics_of(metrics: str, metric: str) -> Mapping[str, Metric]:
    """What an epoch is to be judged by beside accuracy and loss, by column.

    Args:
        metrics: as `train.metrics`.
        metric: as `train.metric`; one of ours needs no place in `metrics`.
    """
    names = split_metrics(metrics)
    names += [name for name in METRICS if column_of(name) == metric]
    return {column_of(name): _metric(name) for name in names}


remembers(metrics_of.cache_clear)


def metric_mode(metrics: str, metric: str) -> str:
    """Which end of `train.metric` is the good one: `max` or `min`."""
    if metric in MODES:
        return MODES[metric]
    return metrics_of(metrics, metric)[metric].mode


def _metric(name: str) -> Metric:
    if is_own(name):
        function = load_object(name)
        return Metric(function, str(getattr(function, "mode", "max")))
    return Metric(METRICS[name], MODES[column_of(name)])


def find_metric_fault(name: str, num_classes: int) -> OwnFault | None:
    """What keeps a metric of the user's from judging four examples; None: nothing.

    Args:
        name: of the metric.
        num_classes: K.
    """
    try:
        function: Any = load_object(name)
    except OwnFaults as wrong:
        return wrong.faults[0]
    mode = getattr(function, "mode", "max")
    if mode not in ("max", "min"):
        fix = 'Write "min" where less is better.'
        return OwnFault('must have a mode of "max" or "min"', repr(mode), fix)
    if column_of(name) in MODES:
        found, fix = f'"{split_name(name)[1]}"', "Call it otherwise."
        return OwnFault("must have a name that none of ours has", found, fix)
    logits_NK = torch.linspace(-1, 1, 4 * num_classes).view(4, num_classes)
    labels_N = torch.arange(4) % num_classes
    try:
        float(function(logits_NK, labels_N))
    except Exception as cause:  # whatever the user's code raises
        rule = "must give a number for logits_NK and labels_N"
        return fault_of(cause, rule)
    return None
