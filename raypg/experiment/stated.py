"""In what named arms are not run as their space states them."""

from collections.abc import Sequence
from typing import Any

from raypg.config import Layer, flatten
from raypg.experiment.space_file import SpaceFile
from raypg.experiment.trials import Resolver, resolve_arms
from raypg.space import Ablation

_NO_SETTINGS = ("data.root", "seed")
"""Where files lie changes no number, and seeds are the space's."""


def describe_published(
    space_file: SpaceFile, layers: Sequence[Layer]
) -> list[dict[str, Any]]:
    """The published errors of a space, and what is otherwise here than it states.

    Args:
        space_file: from `load_space`.
        layers: preset, file and command line, which may change what an arm states.

    Returns:
        A dict for each error, in order: `arm`, `source`, `error` in percent, and
        `changed`, by dotted name what the space states and what is trained. A key that
        only one of them has belongs to the other's choice of a `name`, and is left out.
    """
    space = space_file.space
    if not isinstance(space, Ablation) or not space.published:
        return []
    changed = _changes(space_file, layers)
    return [
        {"arm": arm, "source": source, "error": float(error), "changed": changed[arm]}
        for source, errors in space.published.items()
        for arm, error in errors.items()
    ]


def _changes(
    space_file: SpaceFile, layers: Sequence[Layer]
) -> dict[str, dict[str, list[Any]]]:
    """By arm and dotted name, the value as stated and the value as trained."""
    as_asked = Resolver(space_file.path, space_file.space, layers)
    as_stated = Resolver(space_file.path, space_file.space, ())
    found = {}
    for arm in resolve_arms(as_asked)[0]:
        asked, _ = as_asked.try_config(arm.values, arm=arm.label)
        stated, _ = as_stated.try_config(arm.values, arm=arm.label)
        # A space may need its layers to be legal; nothing is then known of it alone.
        here = flatten(asked) if asked else {}
        there = flatten(stated) if stated else {}
        found[arm.label] = {
            key: [there[key], here[key]]
            for key in there.keys() & here.keys()
            if there[key] != here[key] and key not in _NO_SETTINGS
        }
    return {arm: dict(sorted(changes.items())) for arm, changes in found.items()}
