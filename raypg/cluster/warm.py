"""What a search knows before its first draw: completed trials of earlier sweeps."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from raypg.cluster.prepare import Question
from raypg.config import flatten
from raypg.entries import Row
from raypg.errors import ConfigError
from raypg.experiment import Known, SearchProposals
from raypg.results import open_results
from raypg.space import PBT, Search
from raypg.store import Store

WARM = "--warm-start"
_FREE = ("data.root", "seed")
"""Leaves that may be another's: where the data lies, what the weights start from."""


def read_known_trials(
    question: Question, store: Store, names: Sequence[str], tell: Callable[[str], None]
) -> list[Known]:
    """The trials of some sweeps that say something of a search's values.

    They completed, their settings are the search's but for its axes, and these lie
    within its ranges.

    Args:
        question: what is asked.
        store: where the sweeps lie.
        names: of them.
        tell: told how many there are, in a line.

    Raises:
        ConfigError: nobody would learn of them, or there are none.
        StoreError: there is no such sweep; names the nearest.
    """
    if not names:
        return []
    space, proposals = question.space_file.space, question.proposals
    if not isinstance(space, Search) or not isinstance(proposals, SearchProposals):
        rule, fix = "must stand beside a search", "Its hits are taken anyway."
        raise ConfigError(WARM, rule, question.kind, fix)
    if space.sampler == "random" or isinstance(space.scheduler, PBT):
        rule, fix = "must have a sampler that learns", 'Write sampler="tpe".'
        raise ConfigError(WARM, rule, "draws at random", fix)
    wanted = _settings(flatten(question.example.config), space)
    found: dict[str, Known] = {}
    differs: dict[str, int] = {}
    for name in names:
        for row in open_results(store).trials(name):
            if row["status"] not in ("completed", "cached") or row.get("changing"):
                continue
            other = [leaf for leaf, own in wanted.items() if _leaf(row, leaf) != own]
            for leaf in other:
                differs[leaf] = differs.get(leaf, 0) + 1
            known = None if other else _known(row, space)
            if known is not None:
                found.setdefault(row["trial"], known)
    if not found:
        rule = "must have completed trials with the search's settings, in its ranges"
        most = sorted(differs, key=lambda leaf: -differs[leaf])[:3]
        reason = f"none; others have another {', '.join(most)}" if most else "none"
        raise ConfigError(WARM, rule, reason, "Name another sweep, or start cold.")
    tell(f"known before the first draw: {len(found)} trials of {', '.join(names)}")
    return list(found.values())


def _settings(leaves: Mapping[str, Any], space: Search) -> dict[str, Any]:
    """What has to agree."""
    free = {*space.axes, *_FREE}
    return {leaf: value for leaf, value in leaves.items() if leaf not in free}


def _leaf(row: Row, leaf: str) -> object:
    return row.get(f"config.{leaf}")


def _known(row: Row, space: Search) -> Known | None:
    """The values and the result of a trial; None where they are not the search's."""
    told = [row.get(one.name) for one in space.objectives]
    found = [float(one) for one in told if one is not None and math.isfinite(one)]
    if len(found) < len(told):
        return None
    values: dict[str, Any] = {}
    for axis in space.axes:
        if not space.is_active(axis, values):
            continue
        drawn = _leaf(row, axis)
        if drawn is None or not space.distribution(axis).contains(drawn):
            return None
        values[axis] = drawn
    value, *further = found
    return Known(values, value, tuple(further))
