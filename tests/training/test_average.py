"""Averaged weights: what they are an average of, and that they are what is tested."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from raypg.config import Config
from raypg.errors import ConfigError
from raypg.models import build_model
from raypg.training.average import WeightAverage
from raypg.training.evaluation import evaluate
from raypg.training.loop import evaluate_state
from raypg.training.parts import build_parts
from raypg.training.state import pack_state, unpack_state
from tests.fakes import digest
from tests.training.test_resume import assert_resumes
from tests.training.tiny import ALONE, digits, tiny_config, train_tiny

EMA = {"train__ema": 0.9}
SWA = {"train__swa_start": 0.5, "train__swa_lr": 0.02, "train__epochs": 5}
AVERAGES: dict[str, dict[str, Any]] = {
    "ema": EMA,
    "swa": SWA,
    "ema in fp16": {**EMA, "train__precision": "fp16"},
    "swa in bf16, augmented": {
        **SWA,
        "train__precision": "bf16",
        "train__channels_last": True,
        "data__flip": True,
    },
}


def loss_of(config: Config, weights: dict[str, Tensor]) -> float:
    """The validation loss under these weights."""
    parts = build_parts(config, digits(config), ALONE)
    parts.module.load_state_dict(weights)
    return evaluate(parts.stepper, parts.module, parts.val_batches).loss


def floats(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: w for name, w in weights.items() if w.is_floating_point()}


def test_ema_is_the_decayed_mean_of_every_steps_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[dict[str, Tensor]] = []
    take_step = WeightAverage.take_step

    def spy(average: WeightAverage, module: nn.Module) -> None:
        seen.append({n: w.double() for n, w in floats(module.state_dict()).items()})
        take_step(average, module)

    monkeypatch.setattr(WeightAverage, "take_step", spy)
    config = tiny_config("cnn", **EMA)
    _, link = train_tiny(config)
    assert len(seen) == 4 * 4
    expected = seen[0]
    for weights in seen[1:]:
        expected = {n: 0.9 * expected[n] + 0.1 * weights[n] for n in expected}
    state = link.last_state
    for name, value in expected.items():
        found = state.average[f"module.{name}"].double()
        assert torch.allclose(found, value, atol=1e-6), name
    average = {k.removeprefix("module."): v for k, v in state.average.items()}
    del average["n_averaged"]
    assert link.metrics[-1]["val.loss"] == loss_of(config, average)
    assert link.metrics[-1]["val.loss"] != loss_of(config, state.model)


@pytest.mark.parametrize("model", ["cnn", "densenet"])
def test_swa_is_the_mean_of_its_epochs_with_statistics_of_its_own(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raypg.models.shared_norm.MIN_VALUES", 2)
    config = tiny_config(model, model__dropout=0.0, **SWA)
    _, link = train_tiny(config)
    last = [floats(state.model) for state in link.states[3:]]
    data = digits(config)
    network = build_model(config.model, data.image_shape, data.num_classes)
    average = {name: (last[0][name] + last[1][name]) / 2 for name in last[0]}
    network.load_state_dict(average, strict=False)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        for images, _ in build_parts(config, data, ALONE).batches.epoch(5):
            network(images)
    expected = floats(network.state_dict())
    found = link.last_state.average
    assert found["n_averaged"] == 2
    for name, value in expected.items():
        assert torch.allclose(found[f"module.{name}"], value, atol=1e-5), name
    assert link.metrics[-1]["val.loss"] == pytest.approx(
        loss_of(config, network.state_dict()), rel=1e-4
    )


def test_before_its_start_swa_is_plain_training_and_then_has_its_rate() -> None:
    plain, heard = train_tiny(tiny_config("cnn", train__epochs=5))
    _, link = train_tiny(tiny_config("cnn", **SWA))
    # Half of five epochs are over at the start of the fourth.
    assert digest([s.model for s in link.states[:3]]) == digest(
        [s.model for s in heard.states[:3]]
    )
    assert [m["val.loss"] for m in link.metrics[:3]] == [
        m["val.loss"] for m in heard.metrics[:3]
    ]
    assert [m["lr"] for m in link.metrics[3:]] == [0.02, 0.02]
    assert [s.average["n_averaged"].item() for s in link.states] == [0, 0, 0, 1, 2]


def test_swa_without_a_rate_keeps_the_schedules() -> None:
    _, heard = train_tiny(tiny_config(train__epochs=5))
    _, link = train_tiny(tiny_config(train__epochs=5, train__swa_start=0.5))
    assert [m["lr"] for m in link.metrics] == [m["lr"] for m in heard.metrics]


@pytest.mark.parametrize("name", AVERAGES)
def test_the_best_epochs_average_is_kept_and_tested(name: str) -> None:
    config = tiny_config("cnn", **AVERAGES[name])
    outcome, link = train_tiny(config)
    best = link.last_state.best
    assert best["metrics"]["val.loss"] == loss_of(config, best["model"])
    assert outcome.test is not None
    again = evaluate_state(config, digits(config), ALONE, link.last_state)
    assert (again.loss, again.accuracy) == (outcome.test.loss, outcome.test.accuracy)


@pytest.mark.parametrize("epoch", [1, 3, 4])
@pytest.mark.parametrize("name", AVERAGES)
def test_resume_is_bitwise_equal_with(name: str, epoch: int) -> None:
    assert_resumes(tiny_config("cnn", **AVERAGES[name]), epoch)


def test_a_state_of_before_averages_loads() -> None:
    state = train_tiny(tiny_config(train__epochs=2))[1].states[0]
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__}
    assert fields.pop("average") == {}
    old = type(state)(**fields)
    straight, _ = train_tiny(tiny_config(train__epochs=2))
    resumed, _ = train_tiny(tiny_config(train__epochs=2), state=old)
    assert straight.best["val.loss"] == resumed.best["val.loss"]
    assert unpack_state(pack_state(old)).average == {}


@pytest.mark.parametrize(
    ("leaves", "rule"),
    [
        ({**EMA, **SWA}, "must be 0 where train.ema is on"),
        ({"train__swa_lr": 0.1}, "must be 0 where train.swa_start is 0"),
        ({**SWA, "train__epochs": 1}, "must leave a whole epoch of 1 to the average"),
        ({"train__ema": 1.0}, "must be below 1"),
        (
            {**SWA, "train__freeze": "backbone"},
            "must be 0 where train.freeze leaves batch statistics",
        ),
    ],
)
def test_averages_that_exclude_each_other_are_refused(
    leaves: dict[str, Any], rule: str
) -> None:
    with pytest.raises(ConfigError, match=rule):
        tiny_config(**leaves)
