"""What has to change between two configs, as the space of a path."""

from collections.abc import Mapping, Sequence
from typing import Any

from raypg.config import flatten, load
from raypg.errors import ResultsError
from raypg.space import METRICS, Path

DEFAULT = "default"
"""Names the config that nobody has changed, but for the sections `_KEPT`."""

_KEPT = ("data", "train")
"""Sections that `default` takes from the best: not the answer, but the question."""

_NO_CHANGES = ("seed", "train.metric", "data.root")
"""The seeds are an axis of their own; where the data lies changes no number."""

Leaves = dict[str, Any]


def build_path(before: Leaves, after: Leaves, metric: str, seeds: int) -> Path:
    """What is to be changed between two configs, as a space.

    Another choice of a section's `name` takes all of the section along.

    Args:
        before: every leaf of the one.
        after: of the other.
        metric: what places are judged by.
        seeds: of every place.

    Raises:
        ResultsError: nothing differs.
    """
    names = [name for name in {**before, **after} if name not in _NO_CHANGES]
    whole = {
        name.partition(".")[0]
        for name in names
        if name.endswith(".name") and before[name] != after[name]
    }
    groups: dict[str, list[str]] = {}
    base: Leaves = {"data.root": after.get("data.root", "")}
    for name in names:
        section = name.partition(".")[0]
        if section in whole:
            groups.setdefault(section, []).append(name)
        elif before.get(name) != after.get(name):
            groups[name] = [name]
        else:
            base[name] = before[name]
    if not groups:
        rule, fix = "must differ in their settings", "Name two that do."
        raise ResultsError("--vs", rule, "nothing that does but the seed", fix)
    changes = [(_some(before, group), _some(after, group)) for group in groups.values()]
    mode: Any = METRICS.get(metric, "max")
    return Path(base=base, changes=changes, seeds=seeds, metric=metric, mode=mode)


def default_leaves(after: Mapping[str, Any]) -> Leaves:
    """The defaults, with the data and the training's length of another config."""
    own = flatten(load([]))
    kept = {n: v for n, v in after.items() if n.partition(".")[0] in _KEPT}
    return {n: v for n, v in own.items() if n.partition(".")[0] not in _KEPT} | kept


def _some(leaves: Leaves, names: Sequence[str]) -> Leaves:
    return {name: leaves[name] for name in names if name in leaves}
