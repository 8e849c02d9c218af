"""Keys of `train.*` by which a trial goes out from others, held against the network."""

from collections.abc import Callable, Iterator

from raypg.config.layers import Layer
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
