"""Where values come from: files, presets, the command line; dotted names to values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError

from raypg.config.tree import Config, flatten, sections
from raypg.errors import ConfigError
from raypg.faults import join_errors, quote_value

_WANTED = "Write keys and values, as --print-config does."


class Origin(IntEnum):
    """What kind of place a layer comes from; later ones win. Defaults are below all."""

    PRESET = 1
    FILE = 2
    BASE = 3
    COMMAND_LINE = 4
    AXIS = 5


@dataclass(frozen=True, slots=True)
class Layer:
    """Some leaves of a config, and where they were given."""

    source: str
    """As errors name it: a file, `command line`."""
    values: Mapping[str, object]
    """By dotted name."""
    lax: bool = False
    """Whether text is read as what the leaf holds: "0.1" as a number."""
    origin: Origin = Origin.FILE

    def to_json(self) -> dict[str, object]:
        """As a sweep's description keeps it."""
        return asdict(self) | {"values": dict(self.values)}

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> "Layer":
        """What `to_json` kept."""
        return Layer(**{**kept, "origin": Origin(kept["origin"])})

    def where(self, key: str) -> str:
        """The place of a key, as errors name it."""
        if self.origin in (Origin.BASE, Origin.AXIS):
            return f'{self.source}["{key}"]'
        return f'{self.source}: "{key}"'


def read_yaml(path: Path | str) -> Layer:
    """The layer that a YAML file holds; names may be nested, dotted or both.

    An empty file, and an empty section, is no value at all.

    Raises:
        ConfigError: the file cannot be read, is no YAML, or names a key twice.
    """
    source = str(path)
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        found = getattr(cause, "strerror", None) or str(cause)
        fix = "Check --config."
        raise ConfigError(source, "must be a readable file", found, fix) from cause
    return parse_yaml(text, source)


def parse_yaml(text: str, source: str) -> Layer:
    """The layer that YAML text holds; `source` is what errors call it.

    Raises:
        ConfigError: the text is no YAML, or names a key twice.
    """
    try:
        loaded = _load(text, source)
        if loaded is not None and not isinstance(loaded, Mapping):
            found = type(loaded).__name__
            raise ConfigError(source, "must hold keys and values", found, _WANTED)
        return Layer(source, _join_tree(loaded or {}, source), lax=True)
    except yaml.YAMLError as cause:
        mark = getattr(cause, "problem_mark", None)
        where = f"{source}:{mark.line + 1}" if mark else source
        problem = getattr(cause, "problem", None) or str(cause)
        found = " ".join(str(problem).split())
        raise ConfigError(where, "must be YAML", found, _WANTED) from cause
    except RecursionError as cause:
        found = "one without end, or a very deep one"
        raise ConfigError(source, "must be a tree", found, _WANTED) from cause


def _load(text: str, source: str) -> object:
    try:
        return yaml.load(text, _Loader)
    except (ValueError, LookupError, AttributeError, TypeError) as cause:
        # What looks like a date, or is tagged as a number, and is none.
        rule, found = "must hold YAML's values", " ".join(str(cause).split())
        fix = "Write plain text in quotes, and no tags."
        raise ConfigError(source, rule, found, fix) from cause


def parse_overrides(arguments: Sequence[str]) -> Layer:
    """The layer that `KEY=VALUE` arguments make.

    Raises:
        ConfigError: an argument has another form, or two have the same key.
    """
    faults, values = [], dict[str, object]()
    for argument in arguments:
        key, equals, value = argument.partition("=")
        key = key.strip()
        if not equals or not key:
            fix = "Write it like train.epochs=30."
            found = quote_value(argument)
            faults.append(ConfigError("command line", "must be KEY=VALUE", found, fix))
        elif key in values:
            where, rule = f'command line: "{key}"', "must be given once"
            found = f"{quote_value(values[key])} and {quote_value(value)}"
            faults.append(ConfigError(where, rule, found, "Keep one."))
        else:
            values[key] = value
    if faults:
        raise join_errors(faults)
    return Layer("command line", values, lax=True, origin=Origin.COMMAND_LINE)


def to_yaml(config: Config) -> str:
    """The whole config as nested YAML; `read_yaml` and `load` make it again."""
    tree: dict[str, Any] = {}
    for name, value in flatten(config).items():
        section, _, leaf = name.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[leaf] = value
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice, of which YAML would silently take the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # noqa: ANN401
        """Check the keys as they were written, before `<<: *anchor` adds others."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    problem = f"{quote_value(key.value)} given twice"
                    raise ComposerError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return node


class _Dumper(yaml.SafeDumper):
    """Lists on one line."""


_Dumper.add_representer(
    list,
    lambda dumper, value: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", value, flow_style=True
    ),
)


def _flat_pairs(tree: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat_pairs(value, f"{name}.")
        elif value is not None or name not in sections():
            yield name, value


def _join_tree(tree: Mapping[Any, Any], source: str) -> dict[str, object]:
    """The leaves of a tree by dotted name; nested and dotted names may not meet."""
    values: dict[str, object] = {}
    faults = []
    for name, value in _flat_pairs(tree, ""):
        if name in values:
            where, rule = f'{source}: "{name}"', "must be given once"
            found = f"{quote_value(values[name])} and {quote_value(value)}"
            faults.append(ConfigError(where, rule, found, "Keep one."))
        values[name] = value
    if faults:
        raise join_errors(faults)
    return values
