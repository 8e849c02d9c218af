"""What synchronised statistics exclude, and what they leave as it is."""

from typing import Any

import pytest
import torch
from torch import nn

from raypg.errors import ConfigError
from raypg.models import DenseNetConfig, build_model
from raypg.training.sync_norm import SyncNorm, synchronise_norms
from raypg.training.world import World
from tests.training.tiny import ALONE, tiny_config, train_tiny, trial_digest


def test_one_worker_learns_the_same_bits() -> None:
    configs = [
        tiny_config("cnn", train__epochs=1, train__sync_batchnorm=on)
        for on in (False, True)
    ]
    assert len({trial_digest(*train_tiny(config)) for config in configs}) == 1


def test_every_norm_is_replaced_and_every_name_stays() -> None:
    network = build_model(DenseNetConfig(depth=7), (1, 8, 8), 10)
    names = list(network.state_dict())
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert synchronise_norms(network, ALONE) is network
    assert not any(isinstance(m, SyncNorm) for m in network.modules())
    synchronise_norms(network, World(0, 2, torch.device("cpu"), 1))
    assert sum(isinstance(m, SyncNorm) for m in network.modules()) == norms > 0
    assert list(network.state_dict()) == names


@pytest.mark.parametrize("leaves", [{"train__micro_batch": 8}])
def test_statistics_of_all_workers_and_of_pieces_exclude_each_other(
    leaves: dict[str, Any],
) -> None:
    with pytest.raises(ConfigError, match="must be false where train.micro_batch cuts"):
        tiny_config(train__sync_batchnorm=True, **leaves)
