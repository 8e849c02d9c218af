"""What a trial learns, when it ends, and what it is tested on."""

from typing import Any

import pytest
import torch
from torch.nn import functional

from raypg.config import Config
from raypg.data.pipeline import Batches
from raypg.errors import TrialError
from raypg.models import MODELS, build_model
from raypg.training.evaluation import Evaluation
from raypg.training.isolation import seed_generators
from raypg.training.loop import evaluate_state
from raypg.training.parts import Parts
from raypg.training.state import pack_state, unpack_state
from tests.fakes import FakeLink, digest
from tests.training.tiny import ALONE, digits, tiny_config, train_tiny

RESTLESS = tiny_config(
    "cnn", optimizer__lr=0.5, schedule__name="constant", train__epochs=6, seed=1
)
"""Its best epoch is not its last."""


ADAMW = {"optimizer__name": "adamw", "optimizer__lr": 0.01, "train__epochs": 6}
SLOW: dict[str, dict[str, Any]] = {
    "mobilenet_v2": ADAMW,
    "mobilenet_v3_small": ADAMW,
    "shufflenet_v1": {**ADAMW, "optimizer__lr": 0.003, "train__epochs": 5},
    "shufflenet_v2": {**ADAMW, "optimizer__lr": 0.003, "train__epochs": 5},
    "vit": {**ADAMW, "optimizer__lr": 0.005, "train__epochs": 10},
}
"""Models that some dozens of steps of SGD hardly move."""


def recomputed(config: Config, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """The test split's probabilities, without any of the code under test."""
    data = digits(config)
    model = build_model(config.model, data.image_shape, data.num_classes).eval()
    model.load_state_dict(weights)
    images = torch.from_numpy(data.test.images_NCHW.copy()).float() / 255
    mean = torch.tensor(data.mean)[:, None, None]
    std = torch.tensor(data.std)[:, None, None]
    with torch.no_grad():
        logits: torch.Tensor = model((images - mean) / std)
    return logits.softmax(1)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_learns_the_digits(name: str) -> None:
    few = {"optimizer__lr": 0.1, "train__epochs": 3, **SLOW.get(name, {})}
    config = tiny_config(name, data__fraction=0.5, **few)
    outcome, link = train_tiny(config)
    assert outcome.status == "completed"
    assert outcome.best["val.accuracy"] > 0.3
    assert link.metrics[-1]["train.loss"] < link.metrics[0]["train.loss"]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_what_full_precision_learns(precision: str) -> None:
    values: dict[str, Any] = {"data__fraction": 0.5, "train__epochs": 2}
    full, _ = train_tiny(tiny_config("cnn", **values))
    half, _ = train_tiny(tiny_config("cnn", **values, train__precision=precision))
    assert half.best["val.loss"] == pytest.approx(full.best["val.loss"], abs=0.1)
    assert half.best["val.loss"] != full.best["val.loss"]


def test_the_memory_format_changes_no_result_beyond_rounding() -> None:
    one, _ = train_tiny(tiny_config("cnn", train__epochs=1))
    other, _ = train_tiny(
        tiny_config("cnn", train__epochs=1, train__channels_last=True)
    )
    assert one.best["val.loss"] == pytest.approx(other.best["val.loss"], rel=1e-4)


def test_the_test_split_is_tested_once_on_the_best_epochs_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = []
    original = Parts.test_batches

    def test_batches(parts: Parts) -> Batches:
        opened.append(1)
        return original(parts)

    monkeypatch.setattr(Parts, "test_batches", test_batches)
    outcome, link = train_tiny(RESTLESS)
    assert outcome.best_epoch < outcome.epoch == 6
    assert len(opened) == 1
    expected = recomputed(RESTLESS, link.states[outcome.best_epoch - 1].model)
    assert outcome.test is not None
    assert torch.allclose(outcome.test.probabilities_NK.float(), expected, atol=1e-3)
    labels = torch.from_numpy(digits(RESTLESS).test.labels_N.copy())
    accuracy = (expected.argmax(1) == labels).double().mean().item()
    loss = functional.nll_loss(expected.log(), labels).item()
    assert outcome.test.accuracy == pytest.approx(accuracy, abs=1e-6)
    assert outcome.test.loss == pytest.approx(loss, rel=1e-3)


def test_a_state_is_tested_again_to_the_last_bit() -> None:
    outcome, link = train_tiny(RESTLESS)
    state = unpack_state(pack_state(link.last_state))
    again = evaluate_state(RESTLESS, digits(RESTLESS), ALONE, state)
    assert outcome.test is not None
    assert digest(vars(again)) == digest(vars(outcome.test))


def test_the_validation_results_are_those_of_the_last_epoch() -> None:
    outcome, link = train_tiny(RESTLESS)
    val = outcome.val
    assert isinstance(val, Evaluation)
    assert val.accuracy == link.metrics[-1]["val.accuracy"]
    labels = torch.from_numpy(digits(RESTLESS).val.labels_N.copy())
    correct = (val.probabilities_NK.argmax(1) == labels).double().mean().item()
    assert correct == pytest.approx(val.accuracy, abs=0.004)


@pytest.mark.parametrize(
    ("metric", "choose"), [("val.accuracy", max), ("val.loss", min)]
)
def test_the_best_epoch_has_the_best_metric(metric: str, choose: type) -> None:
    config = tiny_config("cnn", optimizer__lr=0.5, train__metric=metric)
    outcome, link = train_tiny(config)
    values = [metrics[metric] for metrics in link.metrics]
    assert outcome.best[metric] == choose(values)
    assert outcome.best_epoch == values.index(choose(values)) + 1


def test_the_earliest_of_equal_epochs_is_the_best() -> None:
    outcome, link = train_tiny(tiny_config(optimizer__lr=1e-9))
    assert len({metrics["val.accuracy"] for metrics in link.metrics}) == 1
    assert outcome.best_epoch == 1


def test_early_stopping_completes_a_trial_and_says_why() -> None:
    config = tiny_config(optimizer__lr=1e-9, train__early_stopping=2)
    outcome, link = train_tiny(config)
    assert (outcome.status, link.epochs) == ("completed", [1, 2, 3])
    assert outcome.reason == "early stopping: no better val.accuracy in 2 epochs"
    assert outcome.test is not None


def test_a_trial_that_gets_better_is_not_stopped_early() -> None:
    config = tiny_config(train__early_stopping=1, train__metric="val.loss")
    outcome, link = train_tiny(config)
    assert (outcome.reason, link.epochs) == ("", [1, 2, 3, 4])


def test_a_loss_that_is_no_number_fails_the_trial_and_names_itself() -> None:
    link = FakeLink()
    with pytest.raises(TrialError, match="train.loss: must be finite; found nan"):
        train_tiny(tiny_config(optimizer__lr=1e18, optimizer__momentum=0.99), link)
    assert link.epochs == []


def test_a_loss_that_is_no_number_is_seen_within_the_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("raypg.training.loop.ASK_EVERY_S", 0.0)
    config = tiny_config(data__fraction=1.0, train__batch_size=4, optimizer__lr=1e18)
    link = FakeLink()
    with pytest.raises(TrialError, match="train.loss"):
        train_tiny(config, link)
    assert link.num_asks < 20


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_clipping_bounds_each_step(precision: str) -> None:
    config = tiny_config(
        optimizer__lr=1.0,
        optimizer__momentum=0.0,
        optimizer__nesterov=False,
        optimizer__weight_decay=0.0,
        schedule__name="constant",
        train__clip_norm=1e-3,
        train__precision=precision,
        train__epochs=1,
    )
    data = digits(config)
    seed_generators(config.seed, ALONE, 0)
    before = build_model(config.model, data.image_shape, data.num_classes).state_dict()
    _, link = train_tiny(config)
    moved = [link.last_state.model[name] - before[name] for name in before]
    norm = torch.cat([change.flatten() for change in moved]).norm()
    assert 1e-3 < norm <= 4 * 1e-3 * 1.001


def test_label_smoothing_is_in_the_gradient_and_not_in_the_loss_that_is_told() -> None:
    still: dict[str, Any] = {"optimizer__lr": 1e-12, "train__epochs": 1}
    _, plain = train_tiny(tiny_config(**still))
    _, smooth = train_tiny(tiny_config(**still, train__label_smoothing=0.5))
    for name in ("train.loss", "val.loss"):
        assert smooth.metrics[0][name] == pytest.approx(plain.metrics[0][name])
    one, _ = train_tiny(tiny_config())
    other, _ = train_tiny(tiny_config(train__label_smoothing=0.5))
    assert one.best["train.loss"] != other.best["train.loss"]


def test_the_rate_of_an_epoch_follows_the_schedule() -> None:
    _, link = train_tiny(tiny_config(schedule__name="multistep", optimizer__lr=0.1))
    rates = [metrics["lr"] for metrics in link.metrics]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.001])
