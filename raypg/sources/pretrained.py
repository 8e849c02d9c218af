"""Weights of a library: there before a trial asks for them on a cluster."""

from collections.abc import Iterable

import torch

from raypg.config import Config
from raypg.data import dataset_spec
from raypg.models import build_model


def check_pretrained(configs: Iterable[Config]) -> None:
    """Have every library's weights that trials name on this machine.

    Args:
        configs: of the trials.

    Raises:
        DataError: they are not here, and cannot be downloaded.
    """
    asked = {
        (config.model, config.data): config
        for config in configs
        if getattr(config.model, "pretrained", False)
    }
    for config in asked.values():
        spec = dataset_spec(config.data)
        with torch.random.fork_rng(devices=[]):
            build_model(config.model, spec.image_shape, spec.num_classes)
