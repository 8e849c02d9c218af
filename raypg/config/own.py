"""Where a config names components of the user's own, and the code that they bring."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from raypg.config.code import metrics_code, own_code
from raypg.config.layers import Layer
from raypg.metrics import METRICS, column_of, split_metrics
from raypg.own import OwnFaults, is_own, own_name, portable_name
from raypg.own.sources import sources_of

NAMED = {"data.name", "model.name", "optimizer.name", "train.metrics"}
"""Leaves that may name one; the last one several, with commas between them."""
_OURS = {column_of(name) for name in METRICS}


def with_own_names(layer: Layer) -> Layer:
    """The layer with names of components as configs hold them."""
    typed = {
        key: layer.values[key] for key in sorted(NAMED) if is_own(layer.values.get(key))
    }
    if not typed:
        return layer
    named = {key: _mapped(own_name, str(name)) for key, name in typed.items()}
    return replace(layer, values={**layer.values, **named})


def own_names(leaves: Mapping[str, Any]) -> list[str]:
    """The components of the user's own that a config names.

    Args:
        leaves: of the config, by dotted name.
    """
    texts = [leaves[key] for key in sorted(NAMED) if is_own(leaves.get(key))]
    return [name for text in texts for name in split_metrics(text) if is_own(name)]


def portable_leaves(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves with names of components that are the same on every machine."""
    own = {key: leaves[key] for key in sorted(NAMED) if is_own(leaves.get(key))}
    named = {key: _mapped(portable_name, name) for key, name in own.items()}
    return {**leaves, **named}


def _mapped(change: Callable[[str], str], text: str) -> str:
    names = split_metrics(text)
    return ",".join(change(name) if is_own(name) else name for name in names)


def own_code_of(leaves: Mapping[str, Any]) -> dict[str, str]:
    """The files of the user's own that train a config, and a hash of each.

    One that is not here, as a store's row may name it, has none. Our metrics count
    where one is asked for.
    """
    found: dict[str, str] = {}
    asked = split_metrics(leaves.get("train.metrics") or "")
    if {*map(column_of, asked), leaves.get("train.metric")} & _OURS:
        found |= metrics_code()
    for name in own_names(leaves):
        try:
            found |= own_code(sources_of(name))
        except OwnFaults:
            found[portable_name(name).partition(":")[0]] = ""
    return found
