"""Optimizers against torch's own."""

import dataclasses
import subprocess
import sys
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from raypg.models import DenseNetConfig, build_model
from raypg.models.mlp import MlpConfig
from raypg.optim import (
    OPTIMIZERS,
    AdamConfig,
    AdamWConfig,
    LionConfig,
    MuonConfig,
    NAdamConfig,
    OptimizerConfig,
    RmsPropConfig,
    SgdConfig,
    build_optimizer,
)

CONFIGS: list[OptimizerConfig] = [
    SgdConfig(),
    AdamConfig(),
    AdamWConfig(),
    LionConfig(),
    MuonConfig(),
    NAdamConfig(),
    RmsPropConfig(),
]


def small_net() -> nn.Module:
    torch.manual_seed(0)
    return build_model(DenseNetConfig(depth=7), (1, 8, 8), 10)


def _seeded(config: MlpConfig) -> nn.Module:
    torch.manual_seed(0)
    return build_model(config, (1, 8, 8), 10)


def train_steps(model: nn.Module, *optimizers: torch.optim.Optimizer) -> list[float]:
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    losses = []
    for _ in range(3):
        loss = nn.functional.cross_entropy(model(images), torch.arange(8))
        model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    return losses


def test_every_optimizer_is_tested() -> None:
    assert [config.name for config in CONFIGS] == list(OPTIMIZERS)


@pytest.mark.parametrize(
    "config", [one for one in CONFIGS if one.name != "muon"], ids=lambda one: one.name
)
def test_norms_and_biases_escape_decay_only_when_asked(config: Any) -> None:  # noqa: ANN401 of a union
    everything = dataclasses.replace(config, decay_norms=True, weight_decay=0.5)
    (group,) = build_optimizer(everything, small_net()).param_groups
    assert group["weight_decay"] == 0.5
    spared = dataclasses.replace(config, decay_norms=False, weight_decay=0.5)
    matrices, vectors = build_optimizer(spared, small_net()).param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.5, 0.0)
    assert {p.ndim for p in matrices["params"]} == {2, 4}
    assert {p.ndim for p in vectors["params"]} == {1}
    both = len(matrices["params"]) + len(vectors["params"])
    assert both == len(group["params"])


def test_sgd_is_torchs() -> None:
    config = SgdConfig(lr=0.2, momentum=0.8, weight_decay=0.01)
    model, twin = small_net(), small_net()
    theirs = torch.optim.SGD(
        twin.parameters(), 0.2, momentum=0.8, weight_decay=0.01, nesterov=True
    )
    ours = train_steps(model, build_optimizer(config, model))
    assert ours == pytest.approx(train_steps(twin, theirs), rel=1e-5)


def test_adamw_is_torchs() -> None:
    config = AdamWConfig(lr=0.01, beta1=0.8, beta2=0.9, weight_decay=0.1)
    config = dataclasses.replace(config, decay_norms=True)
    model, twin = small_net(), small_net()
    theirs = torch.optim.AdamW(
        twin.parameters(), 0.01, betas=(0.8, 0.9), weight_decay=0.1
    )
    ours = train_steps(model, build_optimizer(config, model))
    assert ours == pytest.approx(train_steps(twin, theirs), rel=1e-5)


def test_adam_is_torchs() -> None:
    config = AdamConfig(lr=0.01, beta1=0.8, weight_decay=0.1, decay_norms=True)
    model, twin = small_net(), small_net()
    theirs = torch.optim.Adam(
        twin.parameters(), 0.01, betas=(0.8, 0.999), weight_decay=0.1
    )
    ours = train_steps(model, build_optimizer(config, model))
    assert ours == pytest.approx(train_steps(twin, theirs), rel=1e-5)


def test_nadam_is_torchs() -> None:
    config = NAdamConfig(lr=0.01, momentum_decay=0.1, weight_decay=0.1)
    config = dataclasses.replace(config, decay_norms=True)
    model, twin = small_net(), small_net()
    theirs = torch.optim.NAdam(
        twin.parameters(),
        0.01,
        momentum_decay=0.1,
        weight_decay=0.1,
        decoupled_weight_decay=True,
    )
    ours = train_steps(model, build_optimizer(config, model))
    assert ours == pytest.approx(train_steps(twin, theirs), rel=1e-5)


def test_rmsprop_is_torchs() -> None:
    config = RmsPropConfig(lr=1e-3, alpha=0.9, eps=1e-3, momentum=0.5, weight_decay=0.1)
    config = dataclasses.replace(config, decay_norms=True)
    model, twin = small_net(), small_net()
    theirs = torch.optim.RMSprop(
        twin.parameters(), 1e-3, alpha=0.9, eps=1e-3, momentum=0.5, weight_decay=0.1
    )
    ours = train_steps(model, build_optimizer(config, model))
    assert ours == pytest.approx(train_steps(twin, theirs), rel=1e-5)


def test_lion_is_the_papers_algorithm() -> None:
    """Algorithm 2 of arXiv:2302.06675, written out."""
    config = LionConfig(lr=0.01, beta1=0.8, beta2=0.9, weight_decay=0.1)
    model, twin = small_net(), small_net()
    optimizer = build_optimizer(config, model)
    momenta = {p: torch.zeros_like(p) for p in twin.parameters()}
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        for net in (model, twin):
            net.zero_grad()
            loss = nn.functional.cross_entropy(net(images), torch.arange(8))
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            for p, momentum in momenta.items():
                assert p.grad is not None
                decay = 0.1 if p.ndim > 1 else 0.0
                direction = torch.sign(0.8 * momentum + 0.2 * p.grad)
                p.sub_(0.01 * (direction + decay * p))
                momentum.mul_(0.9).add_(0.1 * p.grad)
    ends = zip(model.parameters(), twin.parameters(), strict=True)
    # A sign may fall otherwise where a sum is nearly 0.
    moved = [torch.isclose(one, other, atol=1e-6).float() for one, other in ends]
    assert torch.cat([one.flatten() for one in moved]).mean() > 0.999


def test_muon_has_filters_and_inner_matrices_and_adamw_the_rest() -> None:
    model = _seeded(MlpConfig(hidden=16))
    groups = build_optimizer(MuonConfig(weight_decay=0.5), model).param_groups
    inner, last, vectors = ([tuple(p.shape) for p in g["params"]] for g in groups)
    assert (inner, last) == ([(16, 64), (16, 16)], [(10, 16)])
    assert {len(shape) for shape in vectors} == {1}
    assert len([*inner, *last, *vectors]) == len(list(model.parameters()))
    assert [group["weight_decay"] for group in groups] == [0.5, 0.5, 0.0]
    filters, *rest = build_optimizer(MuonConfig(), small_net()).param_groups
    assert {p.ndim for p in filters["params"]} == {4}
    assert all(p.ndim < 4 for group in rest for p in group["params"])


def test_muon_is_torchs_over_matrices_and_torchs_adamw_over_the_rest() -> None:
    config = MuonConfig(lr=0.01, weight_decay=0.1, decay_norms=True)
    model, twin = (_seeded(MlpConfig(hidden=16)) for _ in range(2))
    inner = [p for p in twin.parameters() if p.ndim == 2][:-1]
    rest = [p for p in twin.parameters() if all(p is not one for one in inner)]
    theirs = [
        torch.optim.Muon(inner, 0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, 0.01, weight_decay=0.1),
    ]
    ours = train_steps(model, build_optimizer(config, model))
    assert ours == pytest.approx(train_steps(twin, *theirs), rel=1e-5)


@pytest.mark.parametrize(
    "memory_format", [torch.contiguous_format, torch.channels_last]
)
def test_a_step_of_muon_makes_filters_nearly_orthogonal(
    memory_format: torch.memory_format,
) -> None:
    conv = nn.Conv2d(3, 8, 3, bias=False).to(memory_format=memory_format)
    before = conv.weight.detach().clone()
    config = MuonConfig(lr=1.0, weight_decay=0.0, momentum=0.0, nesterov=False)
    optimizer = build_optimizer(config, conv)
    conv.weight.grad = torch.randn_like(conv.weight)
    optimizer.step()
    moved = (before - conv.weight.detach()).flatten(1)
    values = torch.linalg.svdvals(moved / (0.2 * 27**0.5))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_optimizers_load_no_compiler_and_lion_its_package_where_it_is_used() -> None:
    script = (
        "import sys; from tests.optim.test_optimizers import *\n"
        "from raypg.optim import PlateauConfig, plateau_factor\n"
        "assert plateau_factor(PlateauConfig(), [1.0], is_loss=True) == 1\n"
        "for config in sorted(CONFIGS, key=lambda config: config.name == 'lion'):\n"
        "    assert 'lion_pytorch' not in sys.modules\n"
        "    train_steps(model := small_net(), build_optimizer(config, model))\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_the_same_steps_give_the_same_bits(config: OptimizerConfig) -> None:
    model, twin = small_net(), small_net()
    first = train_steps(model, build_optimizer(config, model))
    assert first == train_steps(twin, build_optimizer(config, twin))
    ends = zip(model.parameters(), twin.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in ends)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_frozen_parameters_stay_out(config: OptimizerConfig) -> None:
    model = small_net()
    model.get_submodule("stem").requires_grad_(False)
    groups = build_optimizer(config, model).param_groups
    held = {id(p) for group in groups for p in group["params"]}
    assert held == {id(p) for p in model.parameters() if p.requires_grad}


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(ValidationError, match="false when momentum is 0") as caught:
        SgdConfig(momentum=0.0)
    assert caught.value.errors()[0]["loc"] == ("nesterov",)
    assert SgdConfig(momentum=0.0, nesterov=False).momentum == 0
