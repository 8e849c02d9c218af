"""The config tree of a trial: what is in it, how layers become one, its fingerprint."""

from raypg.config.changing import changeable_leaves
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
from raypg.config.presets import PRESETS, build_layers, preset_layer
from raypg.config.train import TrainConfig
from raypg.config.tree import Config, Leaf, flatten, leaf_types
