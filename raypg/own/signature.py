"""The config of a user's own component, read from its signature.

A parameter is a key of the config, with its type, its default and its limits; those
that raypg gives by name (`num_classes`, say) are none.
"""

import inspect
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from raypg.own.fault import OwnFault, OwnFaults, fault_of
from raypg.own.names import split_name
from raypg.own.objects import load_object, remembers
from raypg.strict import STRICT

GIVEN: Mapping[str, tuple[str, ...]] = {
    "model": ("num_classes", "in_channels", "image_size", "image_shape"),
    "optimizer": ("params",),
    "data": ("root",),
}
"""By section of the config, what raypg gives to a parameter of that name."""

NEEDED: Mapping[str, Mapping[str, str]] = {
    "optimizer": {"lr": "lr: float = 0.01, its peak, which the schedule changes"}
}
"""By section, what a component must have as a key, and how to write it."""

_PLAIN = (bool, int, float, str)
_TYPES = "bool, int, float, str, Literal[…] or tuple[float, ...]"
_VARIADIC = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class OwnConfig:
    """What the configs of all components of a user's own are."""

    name: str = ""
    """A file or a module, a colon, and what it defines."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class OwnOptimizerConfig(OwnConfig):
    """What the configs of all optimizers of a user's own are."""

    lr: float = 0.0
    """Peak; the user's own signature says its default."""


@cache
def config_class(section: str, name: str, base: type) -> type[Any]:
    """The dataclass of a component's keys, each beside its `name`.

    Args:
        section: of the config: `model`, `optimizer` or `data`.
        name: as configs hold it.
        base: what it extends, with keys that raypg itself reads.

    Raises:
        OwnFaults: it does not import, or its signature has what no config can hold.
    """
    target = load_object(name)
    try:
        parameters = inspect.signature(target).parameters.values()
        hints = _hints(target)
    except (NameError, TypeError, ValueError) as cause:
        rule = "must have a signature that can be read"
        raise OwnFaults([fault_of(cause, rule)]) from cause
    taken = {field.name for field in fields(base)} - NEEDED.get(section, {}).keys()
    faults, types, defaults = list[OwnFault](), {"name": str}, {"name": name}
    for one in parameters:
        if one.name in GIVEN[section] and one.kind not in _VARIADIC:
            continue
        found = list(_faults(one, hints.get(one.name), taken))
        faults += found
        if not found:
            types[one.name] = hints[one.name]
            if one.default is not one.empty:
                defaults[one.name] = one.default
    for leaf, example in NEEDED.get(section, {}).items():
        if leaf not in types and not faults:
            fix = f"Write {example}."
            faults.append(OwnFault(f"must have a key {leaf}", "none", fix))
    if faults:
        raise OwnFaults(faults)
    _, member = split_name(name)
    body = {
        "__annotations__": types,
        "__doc__": f"The `{section}.*` names under `{name}`.",
        "__module__": __name__,
        **defaults,
    }
    made = type(member, (base,), body)
    build: Any = dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
    kind: type[Any] = build(made)
    return kind


remembers(config_class.cache_clear)


def arguments_of(
    target: Callable[..., Any], config: object, given: Mapping[str, Any]
) -> dict[str, Any]:
    """What a component is called with: its keys, and of what is given what it names."""
    named = inspect.signature(target).parameters
    own = {key: getattr(config, key) for key in named if key not in given}
    return own | {key: value for key, value in given.items() if key in named}


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    if not inspect.isclass(target):
        return typing.get_type_hints(target, include_extras=True)
    if target.__init__ is object.__init__:
        return {}
    return typing.get_type_hints(target.__init__, include_extras=True)


def _faults(
    one: inspect.Parameter,
    hint: Any,  # noqa: ANN401
    taken: Collection[str],
) -> Iterator[OwnFault]:
    """What keeps a parameter from being a key of the config."""
    example = f"{one.name}: int = 32"
    if one.kind in _VARIADIC:
        rule, found = (
            "must name its keys one by one",
            f"{_VARIADIC[one.kind]}{one.name}",
        )
        yield OwnFault(rule, found, "Write each as width: int = 32.")
    elif one.kind is inspect.Parameter.POSITIONAL_ONLY:
        rule = "must take its keys by name"
        yield OwnFault(rule, f'"{one.name}" before a /', "Remove the /.")
    elif one.name in taken:
        rule = "must leave to raypg the keys that all components have"
        yield OwnFault(rule, f'"{one.name}"', "Call it otherwise.")
    elif hint is None:
        rule = "must say the type of each key"
        yield OwnFault(rule, f'"{one.name}" without one', f"Write {example}.")
    elif not _is_leaf(hint):
        rule = f"must have keys that are {_TYPES}"
        text = inspect.formatannotation(hint)
        yield OwnFault(rule, f'"{one.name}: {text}"', f"Write {example}.")
    elif one.default is not one.empty:
        try:
            TypeAdapter(hint).validate_python(one.default, strict=True)
        except ValidationError as cause:
            why = cause.errors()[0]["msg"].lower()
            rule = f"must have a default that its {one.name} can have ({why})"
            fix = "Change one of them, or leave out the default: it is then required."
            yield OwnFault(rule, f"{one.default!r}", fix)


def _is_leaf(hint: Any) -> bool:  # noqa: ANN401
    """Whether a config can hold it: one plain value, or a list of numbers."""
    if typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    kinds = typing.get_args(hint)
    if typing.get_origin(hint) is Literal:
        first = type(kinds[0])
        return first in _PLAIN and all(type(kind) is first for kind in kinds)
    if typing.get_origin(hint) is tuple:
        return all(kind is float or kind is Ellipsis for kind in kinds)
    return hint in _PLAIN
