"""Keys of `train.*` by which a trial goes out from others, held against the network."""

from collections.abc import Callable, Iterator

from raypg.config.layers import Layer
from raypg.config.train import TrainConfig
from raypg.config.tree import Config
from raypg.data import DatasetSpec
from raypg.errors import ConfigError
from raypg.faults import quote_value
from raypg.models.stages import stages_of


def find_transfer_faults(
    config: Config, spec: DatasetSpec, layer_of: Callable[[str], Layer]
) -> Iterator[ConfigError]:
    """What in a config cannot be had.

    Args:
        config: whose values are legal one by one.
        spec: of its data set.
        layer_of: the layer that gave a key.
    """
    if config.train.freeze:
        stages = stages_of(config.model, spec.image_shape, spec.num_classes)
        try:
            stages.frozen_by(config.train.freeze)
        except ValueError as cause:
            where = layer_of("train.freeze").where("train.freeze")
            fix = f'Freeze "{stages.names[0]}", 1 or backbone, for example.'
            found = quote_value(config.train.freeze)
            yield ConfigError(where, str(cause), found, fix)
    yield from _teacher_faults(config, layer_of)


def _teacher_faults(
    config: Config, layer_of: Callable[[str], Layer]
) -> Iterator[ConfigError]:
    """What is said of a teacher that is none, and what its answers do not fit."""
    train, standard = config.train, TrainConfig()
    for leaf in ("distill_temperature", "distill_weight"):
        value = getattr(train, leaf)
        if not train.teacher and value != getattr(standard, leaf):
            where = layer_of(f"train.{leaf}").where(f"train.{leaf}")
            fix = "Set train.teacher, or leave it out."
            rule = "must stand beside a teacher"
            yield ConfigError(where, rule, str(value), fix)
    for leaf in ("mixup", "cutmix"):
        value = getattr(train, leaf)
        if train.teacher and value:
            where = layer_of(f"train.{leaf}").where(f"train.{leaf}")
            rule = "must be 0 beside train.teacher, which has not seen mixed images"
            yield ConfigError(where, rule, str(value), "Remove one of them.")
