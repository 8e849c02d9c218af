"""Text from a file or a command line becomes what the leaf holds."""

from typing import NamedTuple

from raypg.config.layers import Layer
from raypg.config.tree import leaf_type

_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}


class Given(NamedTuple):
    """A value, and the layer that gave it last."""

    value: object
    layer: Layer


def read_leaf(hint: object, given: Given) -> object:
    """The value to check strictly: text of a lax layer read, a list made a tuple.

    Text that cannot be read stays text, so that the strict check names the fault.
    """
    wanted = leaf_type(hint)
    value = given.value
    if given.layer.lax and isinstance(value, str):
        value = _read_text(value, wanted)
    if wanted is list and isinstance(value, list | tuple):
        return tuple(
            _read_text(item, float)
            if given.layer.lax and isinstance(item, str)
            else item
            for item in value
        )
    return value


def _read_text(text: str, wanted: type) -> object:
    stripped = text.strip()
    if wanted is list:
        if stripped[:1] + stripped[-1:] in ("[]", "()"):
            stripped = stripped[1:-1].strip().removesuffix(",")
        return stripped.split(",") if stripped else []
    if wanted is bool:
        return _WORDS.get(stripped.lower(), text)
    if wanted in (int, float):
        try:
            return wanted(stripped)
        except ValueError:
            return text
    return text
