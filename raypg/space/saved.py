"""A space as data that JSON keeps, and the space again; nothing in it is run.

A sweep goes on with its space from such data: whoever can write into a store could
else have code of theirs run by who resumes a sweep in it.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

from raypg.errors import SpaceError, suggest_name
from raypg.faults import quote_value
from raypg.space import ablation, distributions, path, scheduler, search
from raypg.space.ablation import Ablation
from raypg.space.path import Path
from raypg.space.search import Search

KIND = "@kind"
"""Names what an object of JSON is; without it, it is a dict. No key of a config has
an @."""
_MODULES: tuple[ModuleType, ...] = (ablation, distributions, path, scheduler, search)
KINDS: Mapping[str, type] = {
    name: one
    for module in _MODULES
    for name, one in vars(module).items()
    if isinstance(one, type) and is_dataclass(one)
}
"""What a space is made of: every dataclass of these modules, with all its fields."""
_PLAIN = (bool, int, float, str)
_FIX = "Write numbers, text, lists and dicts, and what raypg.space has."


def to_data(value: object) -> Any:  # noqa: ANN401 any tree that JSON holds
    """A space, or a part of one, as dicts, lists and plain values.

    Raises:
        SpaceError: it holds something else.
    """
    if value is None:
        return None
    for kind in _PLAIN:
        if isinstance(value, kind):  # a NumPy number is one, too
            return kind(value)
    if KINDS.get(type(value).__name__) is type(value):
        parts = {one.name: to_data(getattr(value, one.name)) for one in _fields(value)}
        return {KIND: type(value).__name__, **parts}
    if isinstance(value, Mapping):
        return {str(key): to_data(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_data(item) for item in value]
    if isinstance(value, tuple):
        return {KIND: "tuple", "items": [to_data(item) for item in value]}
    if isinstance(value, range):
        return {KIND: "range", "ends": [value.start, value.stop, value.step]}
    rule = "must hold plain values"
    raise SpaceError("SPACE", rule, f"{type(value).__name__} {value!r:.60}", _FIX)


def from_data(data: object, where: str) -> Ablation | Search | Path:
    """The space that `to_data` kept.

    Args:
        data: as JSON gives it back.
        where: what errors call it.

    Raises:
        SpaceError: it is none, or one of another raypg.
    """
    try:
        space = _build(data)
    except SpaceError as cause:
        inner, *rest = cause.args
        raise SpaceError(f"{where}: {inner}", *rest) from cause
    except (TypeError, ValueError, LookupError, AttributeError) as cause:
        found = f"{type(cause).__name__}: {cause}"
        fix = "Another raypg wrote it, or someone has changed it."
        raise SpaceError(where, "must be a space's data", found, fix) from cause
    if not isinstance(space, Ablation | Search | Path):
        found, fix = quote_value(str(data)), "Someone has changed it."
        raise SpaceError(where, "must be a space's data", found, fix)
    return space


def _build(data: object) -> object:
    if isinstance(data, list):
        return [_build(item) for item in data]
    if not isinstance(data, Mapping):
        return data
    parts = {name: _build(item) for name, item in data.items() if name != KIND}
    kind = data.get(KIND)
    if kind is None:
        return parts
    if kind == "tuple":
        return tuple(parts["items"])  # type: ignore[arg-type]
    if kind == "range":
        return range(*parts["ends"])  # type: ignore[misc]
    if kind not in KINDS:
        fix = suggest_name(str(kind), KINDS)
        raise SpaceError(KIND, "must be known", quote_value(kind), fix)
    return KINDS[kind](**parts)


def _fields(value: object) -> list[Any]:
    """What a dataclass is made from."""
    return [one for one in fields(value) if one.init]  # type: ignore[arg-type]
