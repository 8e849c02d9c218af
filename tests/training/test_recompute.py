"""Activations that are computed again: the same bits, in less memory."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from raypg.config import Layer, load
from raypg.errors import ConfigError
from raypg.models import MODELS, build_model
from raypg.models.cnn import CnnConfig
from raypg.models.libraries import TorchvisionConfig
from raypg.models.recompute import recompute_activations
from tests.fakes import digest
from tests.training.test_resume import assert_resumes
from tests.training.tiny import tiny_config, train_tiny, trial_digest

MORE: dict[str, dict[str, Any]] = {
    "plain": {},
    "bf16": {"train__precision": "bf16", "train__channels_last": True},
}


@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_learns_the_same_bits(name: str, more: str) -> None:
    found = [
        trial_digest(
            *train_tiny(
                tiny_config(
                    name,
                    train__epochs=1,
                    train__checkpoint_activations=on,
                    **MORE[more],
                )
            )
        )
        for on in (False, True)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "more",
    [
        {"model__bottleneck": True, "model__depth": 10, "model__compression": 0.5},
        {"train__micro_batch": 7},
        {"train__swa_start": 0.5},
    ],
    ids=["bottlenecks", "pieces", "swa"],
)
def test_a_densenet_with_shared_statistics_learns_the_same_bits(
    more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raypg.models.shared_norm.MIN_VALUES", 2)
    configs = [
        tiny_config("densenet", train__checkpoint_activations=on, **more)
        for on in (False, True)
    ]
    assert len({trial_digest(*train_tiny(config)) for config in configs}) == 1


def test_stochastic_depth_skips_the_same_units_again() -> None:
    configs = [
        tiny_config(
            "resnet",
            model__stochastic_depth=0.5,
            train__epochs=1,
            train__checkpoint_activations=on,
        )
        for on in (False, True)
    ]
    assert len({trial_digest(*train_tiny(config)) for config in configs}) == 1


@pytest.mark.parametrize("name", ["resnet18", "convnext_tiny", "densenet121"])
def test_torchvisions_networks_keep_their_names_and_gradients(name: str) -> None:
    found = []
    for on in (False, True):
        torch.manual_seed(0)
        config = TorchvisionConfig(name=f"torchvision/{name}")
        network = build_model(config, (3, 32, 32), 10)
        if on:
            changed = recompute_activations(network)
            assert changed is not None
            network = changed
        torch.manual_seed(1)
        images = torch.randn(2, 3, 32, 32)
        loss = nn.functional.cross_entropy(network(images), torch.tensor([0, 1]))
        loss.backward()  # type: ignore[no-untyped-call]
        grads = [p.grad for p in network.parameters()]
        found.append(digest([network.state_dict(), loss, grads]))
    assert found[0] == found[1]


def test_resume_is_bitwise_equal() -> None:
    assert_resumes(tiny_config("densenet", train__checkpoint_activations=True), 2)


@pytest.mark.slow
def test_a_densenet_takes_a_fraction_of_the_memory() -> None:
    took = {}
    for on in ("no", "yes"):
        command = [sys.executable, "-m", "tests.training.peak_memory", "40", "16", on]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        took[on] = float(done.stdout)
    assert took["yes"] < 0.4 * took["no"]


def test_a_network_without_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Whole(nn.Module):
        def __init__(self, *_: object) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1)

    monkeypatch.setitem(MODELS, CnnConfig().name, Whole)
    leaves = {"model.name": "cnn", "train.checkpoint_activations": True}
    with pytest.raises(ConfigError, match="must have a network of parts, and cnn has"):
        load([Layer("a test", leaves)])
