"""Where a trial starts that draws no weights, and whether it can start there."""

from collections.abc import Iterable

import torch

from raypg.config import Config
from raypg.data import dataset_spec
from raypg.models import build_model
from raypg.models.stages import find_stages
from raypg.sources.trials import check_each, find_source
from raypg.sources.weights import read_weights
from raypg.store import Store
from raypg.training.transfer import Start, fit_weights

KEY = "train.init"


def read_start(config: Config, store: Store) -> Start | None:
    """The weights that a config names; None where it draws its own.

    Args:
        config: of the trial.
        store: that has the trial they come from.

    Raises:
        ConfigError: that trial is not there, or has no checkpoint.
        CheckpointError: the checkpoint is damaged.
    """
    _, _, trial = config.train.init.partition(":")
    if not trial:
        return None
    weights = read_weights(store, find_source(store, trial, KEY))
    return Start(weights, f'"{KEY}": {config.train.init}')


def check_starts(configs: Iterable[Config], store: Store) -> None:
    """Hold the weights that trials name against their networks, before anything starts.

    Args:
        configs: of the trials.
        store: that has the trials they come from.

    Raises:
        ConfigError: a source is not there, has no checkpoint, or does not fit: a line
            for each.
    """
    wanted = {
        (config.train.init, config.train.new_head, config.model, config.data): config
        for config in configs
        if config.train.init
    }
    check_each(wanted.values(), lambda config: _check_fit(config, store))


def _check_fit(config: Config, store: Store) -> None:
    start = read_start(config, store)
    assert start is not None
    spec = dataset_spec(config.data)
    with torch.device("meta"):
        module = build_model(config.model, spec.image_shape, spec.num_classes)
    stages = find_stages(module, spec.num_classes)
    fit_weights(module, start, stages, new_head=config.train.new_head)
