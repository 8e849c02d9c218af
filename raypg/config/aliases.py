"""Another name of a model becomes ours, with the fields that it stands for.

So that a config under an alias, and its fingerprint, are those of what it means.
"""

from collections.abc import Sequence
from dataclasses import replace

from raypg.config.layers import Layer
from raypg.errors import ConfigError
from raypg.faults import format_value, quote_value
from raypg.models.aliases import ALIASES

_NAME = "model.name"


def resolve_aliases(
    layers: Sequence[Layer],
) -> tuple[list[Layer], list[ConfigError]]:
    """Layers in which models have our names, and faults.

    The alias that has the last word brings its fields into its layer; there and in
    later layers they are not to be given, as it would then be an alias of nothing.

    Args:
        layers: in order of precedence.
    """
    resolved, faults = list(layers), list[ConfigError]()
    named = [index for index, layer in enumerate(layers) if _NAME in layer.values]
    for index in named:
        alias = str(layers[index].values[_NAME])
        if alias in ALIASES:
            fields = {f"model.{k}": value for k, value in ALIASES[alias].items()}
            is_last = index == named[-1]
            taken = fields if is_last else {_NAME: fields[_NAME]}
            values = {**layers[index].values, **taken}
            resolved[index] = replace(layers[index], values=values)
            if is_last:
                faults += _clashes(alias, fields, layers[index:])
    return resolved, faults


def _clashes(
    alias: str, fields: dict[str, object], layers: Sequence[Layer]
) -> list[ConfigError]:
    owned = {key: value for key, value in fields.items() if key != _NAME}
    return [
        ConfigError(
            layer.where(key),
            f"must be left to {alias}, which has {format_value(owned[key])}",
            quote_value(layer.values[key]),
            f"Remove it, or write {_NAME}={fields[_NAME]}.",
        )
        for layer in layers
        for key in owned.keys() & layer.values.keys()
    ]
