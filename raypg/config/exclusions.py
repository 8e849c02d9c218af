"""Keys of `train.*` that exclude each other, or the network that they are given to."""

import os
import shutil
from collections.abc import Callable, Iterator

import torch

from raypg.config.layers import Layer
from raypg.config.tree import Config
from raypg.errors import ConfigError
from raypg.models import ModelConfig, build_model
from raypg.models.recompute import recompute_activations
from raypg.models.size import ImageShape


def find_exclusions(
    config: Config, image_shape: ImageShape, layer_of: Callable[[str], Layer]
) -> Iterator[ConfigError]:
    """What in a config cannot be had together.

    Args:
        config: whose values are legal one by one.
        image_shape: of its data set.
        layer_of: the layer that gave a key.
    """
    train = config.train
    if train.compile != "off":
        where = layer_of("train.compile").where("train.compile")
        if train.checkpoint_activations:
            rule = "must be off where train.checkpoint_activations is on"
            fix = "torch.compile decides itself what it computes again."
            yield ConfigError(where, rule, f'"{train.compile}"', fix)
        if not _has_compiler():
            rule = "must find a C++ compiler, as torch.compile writes C++"
            fix = "Install g++, or name one in CXX."
            yield ConfigError(where, rule, "none", fix)
    if train.swa_start and train.freeze:
        where = layer_of("train.swa_start").where("train.swa_start")
        rule = "must be 0 where train.freeze leaves batch statistics as they came"
        fix = "SWA would find them anew. train.ema averages without that."
        yield ConfigError(where, rule, str(train.swa_start), fix)
    if train.sync_batchnorm and train.micro_batch:
        where = layer_of("train.sync_batchnorm").where("train.sync_batchnorm")
        rule = "must be false where train.micro_batch cuts shares into pieces"
        fix = "Workers may have different numbers of them. Keep one of the two."
        yield ConfigError(where, rule, "true", fix)
    if train.checkpoint_activations:
        key = "train.checkpoint_activations"
        if not _has_parts(config.model, image_shape):
            rule = f"must have a network of parts, and {config.model.name} has none"
            fix = "Remove it: only members of an nn.Sequential are computed again."
            yield ConfigError(layer_of(key).where(key), rule, "true", fix)


def _has_compiler() -> bool:
    names = (os.environ.get("CXX", "g++"), "clang++")
    return any(shutil.which(name) for name in names)


def _has_parts(config: ModelConfig, image_shape: ImageShape) -> bool:
    with torch.device("meta"):
        network = build_model(config, image_shape, 2)
    return recompute_activations(network) is not None
