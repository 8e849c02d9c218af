"""The one config that stands for a space, before its axes are varied."""

from collections.abc import Sequence

from raypg.config import Config, Layer
from raypg.experiment.space_file import SpaceFile
from raypg.experiment.trials import Resolver, check_space, resolve_arms
from raypg.space import Ablation


def base_config(space_file: SpaceFile, layers: Sequence[Layer]) -> Config:
    """The config of an ablation's baseline arm, or of a search before any draw.

    Of named arms without a baseline it is the first one's.

    Where the base of a search is no legal config without its axes, they have the first
    values that can be drawn.

    Args:
        space_file: from `load_space`.
        layers: beside the space.

    Raises:
        SpaceError: under these layers a value of the space is not legal.
        ConfigError: a layer is wrong, or sets what the space varies.
    """
    resolver = Resolver(space_file.path, space_file.space, layers)
    if isinstance(space_file.space, Ablation):
        arms, baseline = resolve_arms(resolver)
        return resolver.arm_config(baseline or arms[0], space_file.space.seed_list()[0])
    config, _ = resolver.try_config({})
    return config or check_space(resolver)[0]
