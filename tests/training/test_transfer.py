"""Weights of another trial: taken over, frozen, slowed, and never taken twice."""

import pytest
import torch
from torch import Tensor

from raypg.config import Config
from raypg.errors import CheckpointError, ConfigError
from raypg.models import build_model
from raypg.models.stages import find_stages
from raypg.optim import build_optimizer
from raypg.training.isolation import seed_generators
from raypg.training.loop import train
from raypg.training.parts import build_parts
from raypg.training.transfer import (
    FACTOR,
    Start,
    fit_weights,
    set_rates,
    set_training,
)
from tests.fakes import FakeLink, InjectedFault
from tests.training.tiny import (
    ALONE,
    assert_bitwise_equal,
    digits,
    tiny_config,
    train_tiny,
)

SOURCE = "trial:0123456789abcdef"


def start_of(model: str = "cnn", num_classes: int = 10, fill: float = 0.01) -> Start:
    """Weights of one number, which no network draws."""
    module = build_model(tiny_config(model).model, (1, 8, 8), num_classes)
    weights = {
        key: torch.full_like(value, fill) if value.is_floating_point() else value
        for key, value in module.state_dict().items()
    }
    return Start(weights, SOURCE)


def state_of(config: Config, start: Start) -> dict[str, Tensor]:
    return build_parts(config, digits(), ALONE, start).module.state_dict()


def test_a_trial_starts_from_the_weights_that_it_is_given() -> None:
    start = start_of()
    taken = state_of(tiny_config("cnn"), start)
    assert all(torch.equal(taken[key], value) for key, value in start.weights.items())


@pytest.mark.parametrize("num_classes", [10, 7])
def test_a_head_of_other_classes_starts_afresh(num_classes: int) -> None:
    config = tiny_config("cnn", train__new_head=num_classes == 10)
    start = start_of(num_classes=num_classes)
    taken = state_of(config, start)
    stages = find_stages(build_model(config.model, (1, 8, 8), 10), 10)
    for key, value in taken.items():
        assert torch.equal(value, start.weights[key]) == (key not in stages.head), key


@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        ("mlp", (1, 8, 8), "found .* and 1. more"),
        ("cnn", (3, 8, 8), "0.weight of .*x1x3x3, not .*x3x3x3"),
        ("mlp", (1, 28, 28), "1.weight of nothing|must be of the network"),
    ],
)
def test_weights_of_another_network_or_size_are_refused(
    model: str, shape: tuple[int, int, int], message: str
) -> None:
    with torch.device("meta"):
        module = build_model(tiny_config(model).model, shape, 10)
    with pytest.raises(CheckpointError, match=f"{SOURCE}: must be of.*{message}"):
        fit_weights(module, start_of(), find_stages(module, 10), new_head=False)


def test_what_is_frozen_does_not_move_and_neither_do_its_norms() -> None:
    config = tiny_config("cnn", train__freeze="2", train__epochs=1, train__init=SOURCE)
    start = start_of()
    link = FakeLink()
    train(config, digits(), ALONE, link, start)
    after = link.last_state.model
    stages = find_stages(build_model(config.model, (1, 8, 8), 10), 10)
    modules = {key.rpartition(".")[0] for key in stages.frozen_by("2")}
    frozen = [key for key in after if key.rpartition(".")[0] in modules]
    assert any("running_mean" in key for key in frozen)
    for key, value in after.items():
        assert torch.equal(value, start.weights[key]) == (key in frozen), key


def test_a_frozen_part_rests_while_the_others_train() -> None:
    config = tiny_config("resnet", train__freeze="backbone")
    module = build_parts(config, digits(), ALONE).module
    set_training(module)
    resting = {name for name, one in module.named_modules() if not one.training}
    assert {"stem", "norm", "body"} <= resting
    assert module.training
    assert module.get_submodule("classifier").training


def test_nothing_is_frozen_unless_it_is_asked_for() -> None:
    module = build_parts(tiny_config("resnet"), digits(), ALONE).module
    set_training(module)
    assert all(one.training for one in module.modules())
    assert all(param.requires_grad for param in module.parameters())


def test_each_stage_has_its_rate() -> None:
    config = tiny_config("mlp", train__head_lr_factor=10.0, train__layer_decay=0.5)
    parts = build_parts(config, digits(), ALONE)
    names = {id(param): name for name, param in parts.module.named_parameters()}
    parts.stepper.set_lr(0)
    rates = {
        names[id(param)]: group["lr"]
        for group in parts.stepper.optimizer.param_groups
        for param in group["params"]
    }
    stages = find_stages(parts.module, 10)
    lr = config.optimizer.lr
    assert {rates[key] for key in stages.head} == {10 * lr}
    for depth, stage in enumerate(reversed(stages.stages), 1):
        assert {rates[key] for key in stage} == {lr * 0.5**depth}
    assert parts.stepper.lr == pytest.approx(lr)


def test_groups_stay_as_they_are_where_all_rates_are_one() -> None:
    config = tiny_config("mlp")
    module = build_model(config.model, (1, 8, 8), 10)
    optimizer = build_optimizer(config.optimizer, module)
    before = [dict(group) for group in optimizer.param_groups]
    set_rates(optimizer, module, find_stages(module, 10), config.train)
    assert [group.keys() for group in optimizer.param_groups] == [
        group.keys() for group in before
    ]
    assert all(FACTOR not in group for group in optimizer.param_groups)


@pytest.mark.parametrize(
    "keys",
    [
        {"train__freeze": "1"},
        {"train__layer_decay": 0.5, "train__head_lr_factor": 3.0},
        {"train__freeze": "backbone", "optimizer__name": "adamw"},
        {"train__layer_decay": 0.5, "optimizer__name": "muon", "optimizer__lr": 0.01},
    ],
)
def test_a_resumed_trial_goes_on_and_does_not_start_again(
    keys: dict[str, object],
) -> None:
    config = tiny_config("cnn", train__init=SOURCE, **keys)
    start = start_of(fill=0.02)
    straight = train(config, digits(), ALONE, FakeLink(), start)
    broken = FakeLink(fail_after=2)
    with pytest.raises(InjectedFault, match="after epoch 2"):
        train(config, digits(), ALONE, broken, start)
    resumed, _ = train_tiny(config, state=broken.last_state)
    assert_bitwise_equal(straight, resumed)


def test_a_trial_that_names_weights_does_not_start_without_them() -> None:
    with pytest.raises(CheckpointError, match="must come with the weights that it"):
        train_tiny(tiny_config("mlp", train__init=SOURCE))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"train__init": "trial:abc"}, "must be trial: and the 16 letters"),
        ({"train__freeze": "9"}, "must be at most the 2 stages"),
        ({"train__layer_decay": 1.5}, "must be at most 1"),
        ({"train__head_lr_factor": 0.0}, "must be above 0"),
    ],
)
def test_a_wrong_key_is_found_as_the_config_is_read(
    keys: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny_config("mlp", **keys)


def test_starting_from_other_weights_gives_other_numbers() -> None:
    config = tiny_config("mlp")
    drawn, _ = train_tiny(config)
    seed_generators(config.seed, ALONE, 0)
    start = Start(build_parts(config, digits(), ALONE).module.state_dict(), SOURCE)
    same = train(config, digits(), ALONE, FakeLink(), start)
    assert_bitwise_equal(drawn, same)  # the very weights that it would draw itself
    other = start_of("mlp")
    assert train(config, digits(), ALONE, FakeLink(), other).best != drawn.best


def test_an_optimizer_holds_what_is_not_frozen() -> None:
    config = tiny_config("cnn", train__freeze="backbone")
    groups = build_parts(config, digits(), ALONE).stepper.optimizer.param_groups
    assert sum(len(group["params"]) for group in groups) == 2
