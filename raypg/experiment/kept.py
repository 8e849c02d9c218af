"""What a sweep keeps of what was asked must hold no secret: it is kept whole.

A command line is kept with what can be blotted out blotted out (`raypg.secrets`). A
space or a config with a key blotted out would be another one, and is refused.
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence

from raypg.config import Layer
from raypg.errors import ConfigError, SpaceError
from raypg.experiment.space_file import SpaceFile
from raypg.faults import format_value, join_errors
from raypg.secrets import holds_secret, secret_line
from raypg.space import to_data

_FOUND = "what looks like a key (not shown)"
_FIX = 'Read it from the environment (os.environ["NAME"]) where it is used.'
_NAMED = re.compile(
    r"(^|_)((api|access|auth|private|secret)_?key|tokens?|secrets?"
    r"|passw(or)?d|passphrase|credentials?)$",
    re.IGNORECASE,
)
"""The end of a name that a space gives to nothing but a secret."""
_LEAST_LITERAL = 6
"""Characters of a text behind such a name; shorter ones are words such as "none"."""


def check_keeps_no_secret(space_file: SpaceFile, layers: Sequence[Layer]) -> None:
    """Refuse to keep a secret with a sweep.

    Args:
        space_file: whose text and values are kept.
        layers: whose values are kept.

    Raises:
        SpaceError: the file holds one, and names the line; or its space does, or has
            what cannot be kept.
        ConfigError: a layer does.
    """
    check_layers(layers)
    rule = "must hold no secret, as a sweep keeps its space whole"
    source = space_file.source
    line = secret_line(source.encode()) or next(_named_lines(source), 0)
    if line:
        raise SpaceError(f"{space_file.path}:{line}", rule, _FOUND, _FIX)
    where = f"{space_file.path}: SPACE"
    try:
        data = json.dumps(to_data(space_file.space), ensure_ascii=False)
    except SpaceError as cause:
        raise SpaceError(where, *cause.args[1:]) from cause
    if holds_secret(data.encode()):
        raise SpaceError(where, rule, _FOUND, "Leave it out of base and axes.")


def check_layers(layers: Sequence[Layer]) -> None:
    """Refuse a value of a layer that is a secret: all tables would have it.

    Raises:
        ConfigError: names each key.
    """
    rule = "must hold no secret, as tables keep the config"
    faults = [
        ConfigError(layer.where(key), rule, _FOUND, "Leave it out.")
        for layer in layers
        for key, value in layer.values.items()
        if holds_secret(format_value(value).encode())
    ]
    if faults:
        raise join_errors(faults)


def _named_lines(source: str) -> Iterator[int]:
    """Lines on which a text that is written out gets the name of a secret."""
    for node in ast.walk(ast.parse(source)):
        for name, value in _named_values(node):
            if not (isinstance(value, ast.Constant) and _NAMED.search(name)):
                continue
            text = value.value
            if isinstance(text, str | bytes) and len(text) >= _LEAST_LITERAL:
                yield value.lineno


def _named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names and what they are given: by `=`, in a call, in a dict.

    A dotted key is the config's, and says of itself what it holds.
    """
    if isinstance(node, ast.Assign):
        yield from ((_name_of(target), node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield _name_of(node.target), node.value
    elif isinstance(node, ast.keyword):
        yield node.arg or "", node.value
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and "." not in str(key.value):
                yield str(key.value), value


def _name_of(target: ast.expr) -> str:
    """`x`, and the last part of `a.x` and `a["x"]`; empty for anything else."""
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return getattr(target, "id", getattr(target, "attr", ""))
