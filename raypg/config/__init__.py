"""The config tree of a trial: what is in it, how layers become one, its fingerprint."""

from raypg.config.fingerprint import Fingerprint, fingerprint
from raypg.config.layers import (
    Layer,
    Origin,
    parse_overrides,
    parse_yaml,
    read_yaml,
    to_yaml,
)
from raypg.config.load import check_workers, load, try_load
from raypg.config.presets import PRESETS, preset_layer
from raypg.config.tree import Config, Leaf, TrainConfig, flatten, leaf_types

__all__ = [
    "PRESETS",
    "Config",
    "Fingerprint",
    "Layer",
    "Leaf",
    "Origin",
    "TrainConfig",
    "check_workers",
    "fingerprint",
    "flatten",
    "leaf_types",
    "load",
    "parse_overrides",
    "parse_yaml",
    "preset_layer",
    "read_yaml",
    "to_yaml",
    "try_load",
]
