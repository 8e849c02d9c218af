"""What is wrong with a config, said with its place and the nearest right name."""

import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticUndefined

from raypg.config.layers import Layer, Origin
from raypg.config.reading import Given
from raypg.config.tree import (
    Section,
    default_of,
    leaf_hints,
    root_leaves,
    sections,
)
from raypg.errors import ConfigError, suggest_name
from raypg.faults import format_value, quote_value
from raypg.models.aliases import ALIASES

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_RULES = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list of numbers",
    "finite_number": "must be finite",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
}
"""pydantic's kinds of error, in the words of the other errors."""
_DEFAULTS = Layer("defaults", {})


def unknown_section(key: str, layer: Layer) -> ConfigError:
    """A key that starts with no section, or that is a whole section."""
    head, _, leaf = key.partition(".")
    where, found = layer.where(key), quote_value(head)
    if head in sections() and not leaf:
        found = quote_value(layer.values[key])
    homes = [name for name, branch in sections().items() if head in _names(branch)]
    if head in sections():
        rule, fix = f'must name a field of "{head}"', f'Did you mean "{head}.name"?'
        if not sections()[head].is_union:
            fix = suggest_name("", _names(sections()[head]))
    elif homes and not leaf:
        rule = "must start with a section of the config"
        fix = f'Did you mean "{homes[-1]}.{head}"?'
    else:
        rule = "must start with a section of the config"
        fix = suggest_name(head, [*sections(), *root_leaves()])
    return ConfigError(where, rule, found, fix)


def unknown_choice(name: str, section: Section, given: Given) -> ConfigError:
    """A `name` that no component of the section has."""
    where, found = given.layer.where(f"{name}.name"), quote_value(given.value)
    known = [*section.choices, *(ALIASES if name == "model" else ())]
    fix = suggest_name(str(given.value), known)
    if section.own is not None and str(given.value).endswith(".py"):
        fix = f"Say what of it: {name}.name={given.value}:NAME."
    what = "data set" if name == "data" else name
    return ConfigError(where, f"must be a known {what}", found, fix)


def unknown_leaf(
    name: str, leaf: str, layer: Layer, section: Section, choice: str
) -> ConfigError:
    """A leaf that the section, or the choice that was taken, does not have."""
    where, rule = layer.where(f"{name}.{leaf}"), f'must name a field of "{name}"'
    kind = section.kind_of(choice)
    assert kind is not None
    known = leaf_hints(kind)
    owners = [o for o, kind in section.choices.items() if leaf in leaf_hints(kind)]
    fix = suggest_name(leaf, known)
    if layer.origin == Origin.COMMAND_LINE:  # where one types the whole name
        fix = fix.replace('Did you mean "', f'Did you mean "{name}.')
    if owners:
        rule += f" under {choice}"
        *others, last = owners
        listed = f"{', '.join(others)} and {last}" if others else last
        fix = f"It belongs to {listed}: set {name}.name, or remove it."
    return ConfigError(where, rule, quote_value(leaf), fix)


def explain(
    error: "ErrorDetails", kind: type[Any], section: str, fields: Mapping[str, Given]
) -> ConfigError:
    """One of pydantic's errors, at the place that gave the value."""
    leaf = str(error["loc"][0])
    key = f"{section}.{leaf}" if section else leaf
    given = fields.get(leaf, Given(error["input"], _DEFAULTS))
    context = error.get("ctx", {})
    if error["type"] == "missing":
        where, rule = f'"{key}"', "must be given, as it has no default"
        fix = f"Write {key}=…, or give it a default where it is defined."
        return ConfigError(where, rule, "nothing", fix)
    if error["type"] == "literal_error":
        known = [str(option) for option in typing.get_args(leaf_hints(kind)[leaf])]
        rule, fix = "must be a known one", suggest_name(str(given.value), known)
    elif error["type"] == "value_error":
        rule, fix = str(context["error"]), "Change it, or what it depends on."
    else:
        rule = _RULES.get(error["type"], error["msg"]).format(**context)
        fix = "It has no default."
        if (default := default_of(kind, leaf)) is not PydanticUndefined:
            fix = f"The default is {format_value(default)}."
    where, found = given.layer.where(key), quote_value(given.value)
    return ConfigError(where, rule, found, fix)


def _names(section: Section) -> set[str]:
    return {name for kind in section.choices.values() for name in leaf_hints(kind)}
