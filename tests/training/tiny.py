"""Trials of a tenth of a second, and what it means that two of them are the same."""

from collections.abc import Mapping
from functools import cache

from raypg.config import Config, Layer, load
from raypg.data import Dataset, load_dataset
from raypg.training.loop import train
from raypg.training.outcome import Outcome
from raypg.training.state import State
from raypg.training.world import World, alone
from tests.fakes import FakeLink, digest, timeless, vars_of

ALONE = alone()

SIZES: Mapping[str, Mapping[str, object]] = {
    "cnn": {"model.channels": 4, "model.dropout": 0.2},
    "densenet": {"model.depth": 7, "model.growth_rate": 4, "model.dropout": 0.2},
    "mlp": {"model.hidden": 16, "model.dropout": 0.2},
    "mnist_cnn": {"model.conv_dropout": 0.0, "model.dropout": 0.2},
    "mobilenet_v2": {"model.width": 0.1, "model.dropout": 0.2},
    "mobilenet_v3_small": {"model.width": 0.2, "model.dropout": 0.2},
    "resnet": {"model.depth": 8, "model.width": 0.25},
    "shufflenet_v1": {"model.groups": 2, "model.width": 0.2},
    "shufflenet_v2": {"model.width": 0.5},
    "simple_dla": {"model.width": 0.125},
    "vgg": {"model.width": 0.0625, "model.dropout": 0.2},
    "vit": {
        "model.hidden": 16,
        "model.num_heads": 2,
        "model.depth": 2,
        "model.dropout": 0.2,
    },
    "wide_resnet": {"model.depth": 10, "model.width": 0.5, "model.dropout": 0.2},
}
"""Small, and with dropout where the model has it; a newcomer is as big as it is."""

DRIFT: Mapping[str, float] = {
    "mobilenet_v2": 1e-2,
    "mobilenet_v3_small": 1e-4,
    "shufflenet_v2": 1e-4,
}
"""How far apart steps that differ in rounding end, where it is above 1e-5: activations
have kinks, some value lies beside one, and the processor decides on which side."""


def drift(name: str, what: str) -> float:
    """How far apart "gradients" or "weights" may be that differ in rounding alone."""
    return DRIFT.get(name, 1e-5) if what == "weights" else 1e-6


FEW_STEPS = {
    "data.fraction": 0.1,
    "train.batch_size": 31,
    "train.epochs": 4,
    "optimizer.lr": 0.05,
}
"""Four steps an epoch, the last of them smaller: 120 training images. Two workers never
have the same number of them."""


def tiny_config(model: str = "mlp", **overrides: object) -> Config:
    """A config that trains in no time; `train__epochs=3` is `train.epochs=3`."""
    dotted = {key.replace("__", "."): value for key, value in overrides.items()}
    values = {"model.name": model, **SIZES.get(model, {}), **FEW_STEPS, **dotted}
    return load([Layer("a test", values)])


@cache
def digits(config: Config | None = None) -> Dataset:
    """The digits, as much of them as a config asks for."""
    return load_dataset((config or tiny_config()).data)


def train_tiny(
    config: Config,
    link: FakeLink | None = None,
    state: State | None = None,
    world: World = ALONE,
) -> tuple[Outcome, FakeLink]:
    """Train, and give the outcome and what the link heard."""
    link = link or FakeLink()
    return train(config, digits(config), world, link, state), link


def trial_digest(outcome: Outcome, link: FakeLink) -> str:
    """A few letters that are the same where every bit of two trials is."""
    assert outcome.val is not None
    assert outcome.test is not None
    return digest(
        [
            [timeless(metrics) for metrics in link.metrics],
            [vars_of(state) for state in link.states],
            vars(outcome.val),
            vars(outcome.test),
            [outcome.status, outcome.reason, outcome.epoch, outcome.best_epoch],
        ]
    )


def assert_bitwise_equal(one: Outcome, other: Outcome) -> None:
    """Same numbers in every place where an outcome has any, to the last bit."""
    assert timeless(one.best) == timeless(other.best)
    assert (one.epoch, one.best_epoch) == (other.epoch, other.best_epoch)
    for name in ("val", "test"):
        assert digest(vars(getattr(one, name))) == digest(vars(getattr(other, name)))
