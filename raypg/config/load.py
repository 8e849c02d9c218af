"""Layers become one config, or one error that names every fault in them."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from raypg.config.aliases import resolve_aliases
from raypg.config.augmentation import broken_rules, idle_values
from raypg.config.exclusions import find_exclusions
from raypg.config.faults import explain, unknown_choice, unknown_leaf, unknown_section
from raypg.config.layers import Layer, Origin
from raypg.config.own import with_own_names
from raypg.config.own_rules import own_faults
from raypg.config.reading import Given, read_leaf
from raypg.config.transfer_rules import find_transfer_faults
from raypg.config.tree import (
    OWN_KINDS,
    Config,
    Section,
    leaf_hints,
    root_leaves,
    sections,
)
from raypg.data import dataset_spec
from raypg.errors import ConfigError
from raypg.faults import join_errors
from raypg.models.fit import find_misfit
from raypg.own import OwnFaults, is_own

_T = TypeVar("_T")


def load(layers: Sequence[Layer]) -> Config:
    """The config that layers make over the defaults.

    Precedence is the order of `Origin`, and within one origin the later layer wins. A
    preset's keys of a section count only where its choice of `name` is the one taken.

    Raises:
        ConfigError: a key or a value is wrong; the message has a line for every fault.
    """
    config, faults = try_load(layers)
    if config is None:
        raise join_errors(faults)
    return config


def try_load(layers: Sequence[Layer]) -> tuple[Config | None, list[ConfigError]]:
    """The config, or None and every fault: what `load` raises, not joined yet."""
    ordered = sorted(map(with_own_names, layers), key=lambda layer: layer.origin)
    ordered, faults = resolve_aliases(ordered)
    faults += [
        unknown_section(key, layer)
        for layer in ordered
        for key in layer.values
        if not _has_place(key)
    ]
    given: dict[str, Given] = {}
    parts: dict[str, object] = {}
    for name, section in sections().items():
        fields = _section_fields(name, section, ordered)
        given |= {f"{name}.{leaf}": one for leaf, one in fields.items()}
        parts[name] = _build_section(name, section, fields, faults)
    for layer in ordered:
        given |= {
            key: Given(layer.values[key], layer)
            for key in root_leaves()
            if key in layer.values
        }
    roots = {key: given[key] for key in root_leaves() if key in given}
    parts = {name: part for name, part in parts.items() if part is not None}
    config = _construct(Config, "", roots, faults, parts)
    if config is not None and not faults:
        faults += _size_faults(config, given)
    return (None, faults) if faults else (config, [])


def _has_place(key: str) -> bool:
    section, dot, _ = key.partition(".")
    return section in sections() if dot else key in root_leaves()


def _size_faults(config: Config, given: Mapping[str, Given]) -> list[ConfigError]:
    """Rules between sections, which hold one by one."""
    spec, faults = dataset_spec(config.data), []
    if config.train.batch_size > spec.num_train:
        key = "train.batch_size" if "train.batch_size" in given else "data.fraction"
        layer = _layer_of(key, given)
        images = f"the {spec.num_train} training images of {config.data.name}"
        where, rule = layer.where("train.batch_size"), f"must be at most {images}"
        fix, found = "Lower it, or raise data.fraction.", str(config.train.batch_size)
        faults.append(ConfigError(where, rule, found, fix))
    for key, *what in (*broken_rules(config, spec), *idle_values(config, given)):
        faults.append(ConfigError(_layer_of(key, given).where(key), *what))
    faults += own_faults(config, spec.num_classes, given)
    if misfit := find_misfit(config.model, spec.image_shape, spec.num_classes):
        key = f"model.{misfit.leaf}"
        where = _layer_of(key, given).where(key)
        _, height, width = spec.image_shape
        found = f"the {height}x{width} of {config.data.name}"
        faults.append(ConfigError(where, misfit.rule, found, misfit.fix))
    else:
        layer_of = partial(_layer_of, given=given)
        faults += find_exclusions(config, spec.image_shape, layer_of)
        faults += find_transfer_faults(config, spec, layer_of)
    return faults


def _layer_of(key: str, given: Mapping[str, Given]) -> Layer:
    return given[key].layer if key in given else Layer("defaults", {})


def check_workers(config: Config, num_workers: int) -> None:
    """Check that every worker gets a share of the global batch.

    Raises:
        ConfigError: there are more workers than examples in a batch.
    """
    if config.train.batch_size < num_workers:
        rule = f"must be at least the {num_workers} workers of a trial, which split it"
        fix = f"Write train.batch_size={num_workers} or more, or use fewer workers."
        found = str(config.train.batch_size)
        raise ConfigError('"train.batch_size"', rule, found, fix)


def _section_fields(
    name: str, section: Section, layers: Sequence[Layer]
) -> dict[str, Given]:
    """What the layers say of one section, the last word on each leaf."""
    choice = section.default
    for layer in layers:
        choice = str(layer.values.get(f"{name}.name", choice))
    fields = {}
    for layer in layers:
        own = str(layer.values.get(f"{name}.name", section.default))
        # What a preset says of densenet's depth is nothing to a resnet.
        is_other = layer.origin == Origin.PRESET and own != choice
        if is_other and not is_own(choice):
            is_other = section.kind_of(own) is not section.kind_of(choice)
        for key, value in layer.values.items():
            head, _, leaf = key.partition(".")
            if head == name and leaf and not (is_other and leaf not in section.shared):
                fields[leaf] = Given(value, layer)
    return fields


def _build_section(
    name: str, section: Section, fields: Mapping[str, Given], faults: list[ConfigError]
) -> object | None:
    """The component's config, or None once its faults are noted."""
    choice = section.default
    if section.is_union and "name" in fields:
        choice = str(fields["name"].value)
    try:
        kind = section.kind_of(choice)
    except OwnFaults as wrong:
        where = fields["name"].layer.where(f"{name}.name")
        faults += [ConfigError(where, *fault) for fault in wrong]
        return None
    if kind is None:
        faults.append(unknown_choice(name, section, fields["name"]))
        return None
    known = leaf_hints(kind)
    faults += [
        unknown_leaf(name, leaf, one.layer, section, choice)
        for leaf, one in fields.items()
        if leaf not in known
    ]
    fields = {leaf: one for leaf, one in fields.items() if leaf in known}
    return _construct(kind, name, fields, faults)


def _construct(
    kind: type[_T],
    section: str,
    fields: Mapping[str, Given],
    faults: list[ConfigError],
    parts: Mapping[str, object] = MappingProxyType({}),
) -> _T | None:
    """A dataclass of given values, or None once its faults are noted."""
    hints = leaf_hints(kind)
    values = {leaf: read_leaf(hints[leaf], one) for leaf, one in fields.items()}
    if issubclass(kind, OWN_KINDS):
        # A whole number comes back as a float where ours of its name has fractions.
        for leaf, value in values.items():
            if hints[leaf] is int and isinstance(value, float) and value.is_integer():
                values[leaf] = int(value)
    try:
        return kind(**parts, **values)
    except ValidationError as cause:
        faults += [explain(error, kind, section, fields) for error in cause.errors()]
        return None
