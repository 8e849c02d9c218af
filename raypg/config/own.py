"""Where a config names components of the user's own, and the code that they bring."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from raypg.config.code import own_code
from raypg.config.layers import Layer
from raypg.own import OwnFaults, is_own, own_name, portable_name
from raypg.own.sources import sources_of

NAMED = {"data.name", "model.name", "optimizer.name"}
"""Leaves that may name one."""


def with_own_names(layer: Layer) -> Layer:
    """The layer with names of components as configs hold them."""
    typed = {
        key: layer.values[key] for key in sorted(NAMED) if is_own(layer.values.get(key))
    }
    if not typed:
        return layer
    named = {key: own_name(str(name)) for key, name in typed.items()}
    return replace(layer, values={**layer.values, **named})


def own_names(leaves: Mapping[str, Any]) -> list[str]:
    """The components of the user's own that a config names.

    Args:
        leaves: of the config, by dotted name.
    """
    return [leaves[key] for key in sorted(NAMED) if is_own(leaves.get(key))]


def portable_leaves(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves with names of components that are the same on every machine."""
    own = {key: leaves[key] for key in sorted(NAMED) if is_own(leaves.get(key))}
    return {**leaves, **{key: portable_name(name) for key, name in own.items()}}


def own_code_of(leaves: Mapping[str, Any]) -> dict[str, str]:
    """The files of the user's own that train a config, and a hash of each.

    One that is not here, as a store's row may name it, has none.
    """
    found: dict[str, str] = {}
    for name in own_names(leaves):
        try:
            found |= own_code(sources_of(name))
        except OwnFaults:
            found[portable_name(name).partition(":")[0]] = ""
    return found
