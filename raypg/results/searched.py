"""By what a search drew its trials and ended them, in a line."""

from collections.abc import Mapping, Sequence
from typing import Any

from raypg.results.memo import FlatRow

_SAMPLERS = {
    "tpe": "TPE",
    "random": "random draws",
    "cmaes": "CMA-ES",
    "gp": "a Gaussian process",
    "nsga2": "NSGA-II",
    "qmc": "quasi-random draws",
    "bohb": "BOHB",
}
_SCHEDULERS = {
    "ASHA": "ASHA",
    "Hyperband": "Hyperband",
    "MedianStopping": "the median rule",
    "PBT": "PBT",
    "PB2": "PB2",
}
_EPOCHS = "train.epochs"


def describe_searched(about: Mapping[str, Any], rows: Sequence[FlatRow]) -> str:
    """`searched by TPE with ASHA: 64 trials, 31 stopped early, 412 epochs of 1,024`.

    Args:
        about: what `sweep.json` has of the sweep.
        rows: of its trials. A cached one has trained no epoch here.

    Returns:
        Nothing where it is no search, or keeps no space.
    """
    space = about.get("space") or {}
    if about.get("kind") != "search" or "sampler" not in space:
        return ""
    own = [row for row in rows if row["status"] != "cached"]
    trained = sum(row["num_epochs"] or 0 for row in own)
    epochs = about.get("config", {}).get(_EPOCHS)
    # Where the epochs are an axis, each trial has its own.
    full = [row.get(f"config.{_EPOCHS}") or epochs for row in own]
    of = f" of {sum(filter(None, full)):,}" if all(full) else ""
    num_stopped = sum(row["status"] == "stopped" for row in rows)
    number = f"{len(rows):,} trial" + ("" if len(rows) == 1 else "s")
    return (
        f"searched by {_way(space)}: {number}, {num_stopped:,} stopped early, "
        f"{trained:,} epochs{of} trained"
    )


def _way(space: Mapping[str, Any]) -> str:
    """Sampler and scheduler; populations draw at random, BOHB has Hyperband in it."""
    sampler = _SAMPLERS.get(space["sampler"], str(space["sampler"]))
    rule = space.get("scheduler")
    if rule is None or space["sampler"] == "bohb":
        return sampler
    kind = str(rule.get("@kind"))
    name = _SCHEDULERS.get(kind, kind)
    if kind in ("PBT", "PB2"):
        sampler = _SAMPLERS["random"]
    return f"{sampler} with {name}" + (" (promotion)" * bool(rule.get("promotion")))
