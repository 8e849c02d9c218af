import pytest

from raypg.config import Config
from raypg.errors import CheckpointError
from raypg.models import MODELS
from raypg.training.state import pack_state, unpack_state
from tests.fakes import FakeLink, InjectedFault, digest, timeless, vars_of
from tests.training.tiny import assert_bitwise_equal, tiny_config, train_tiny

SETTINGS: dict[str, dict[str, object]] = {
    "sgd": {},
    "plain sgd": {"optimizer__momentum": 0.0, "optimizer__nesterov": False},
    "adamw": {"optimizer__name": "adamw", "optimizer__lr": 0.01},
    "adam": {"optimizer__name": "adam", "optimizer__lr": 0.01},
    "lion": {"optimizer__name": "lion", "optimizer__lr": 0.003},
    "muon": {"optimizer__name": "muon", "optimizer__lr": 0.01},
    "nadam": {"optimizer__name": "nadam", "optimizer__lr": 0.01},
    "rmsprop": {"optimizer__name": "rmsprop", "optimizer__lr": 0.01},
    "muon in fp16, channels last": {
        "optimizer__name": "muon",
        "optimizer__lr": 0.01,
        "train__precision": "fp16",
        "train__channels_last": True,
    },
    "no decay of norms": {"optimizer__decay_norms": False},
    "bf16": {"train__precision": "bf16", "train__channels_last": True},
    "fp16": {"train__precision": "fp16"},
    "fp16 clipped": {"train__precision": "fp16", "train__clip_norm": 0.5},
    "clip": {"train__clip_norm": 0.1},
    "smoothing": {"train__label_smoothing": 0.1},
    "augmentation": {"data__crop_padding": 1, "data__flip": True},
    "cutout": {"data__cutout": 4, "data__random_erasing": 0.5},
    "operations": {"data__auto_augment": "randaugment"},
    "mixing": {"train__mixup": 0.2, "train__cutmix": 1.0},
    "one cycle": {"schedule__name": "one_cycle"},
    "cosine": {"schedule__name": "cosine", "schedule__warmup": 0.3},
    "plateau": {
        "schedule__name": "plateau",
        "schedule__patience": 0,
        "schedule__threshold": 0.3,
        "schedule__warmup": 0.2,
    },
    "step": {"schedule__name": "step", "schedule__every": 0.25},
    "best by loss": {"train__metric": "val.loss"},
    "nondeterministic": {"train__deterministic": False},
}


def assert_resumes(config: Config, epoch: int) -> None:
    """Interrupt a trial after an epoch, and go on from what a checkpoint would hold."""
    straight, heard = train_tiny(config)
    broken = FakeLink(fail_after=epoch)
    with pytest.raises(InjectedFault, match=f"after epoch {epoch}"):
        train_tiny(config, broken)
    state = unpack_state(pack_state(broken.last_state))
    resumed, later = train_tiny(config, state=state)
    assert_bitwise_equal(straight, resumed)
    assert later.epochs == heard.epochs[epoch:]
    later_metrics = [timeless(metrics) for metrics in later.metrics]
    assert later_metrics == [timeless(m) for m in heard.metrics[epoch:]]
    assert later.digests == heard.digests[epoch:]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_resume_is_bitwise_equal(name: str) -> None:
    assert_resumes(tiny_config(name), 2)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_resume_is_bitwise_equal_in_half_precision(name: str) -> None:
    half = tiny_config(name, train__precision="bf16", train__channels_last=True)
    assert_resumes(half, 2)


@pytest.mark.parametrize("setting", SETTINGS)
def test_resume_is_bitwise_equal_under(setting: str) -> None:
    assert_resumes(tiny_config("cnn", **SETTINGS[setting]), 2)


@pytest.mark.parametrize("name", ["resnet", "wide_resnet", "vit"])
def test_resume_is_bitwise_equal_with_stochastic_depth(name: str) -> None:
    assert_resumes(tiny_config(name, model__stochastic_depth=0.5), 2)


@pytest.mark.parametrize("epoch", [1, 3, 4])
def test_resume_is_bitwise_equal_after_any_epoch(epoch: int) -> None:
    assert_resumes(tiny_config("cnn"), epoch)


def test_a_trial_may_be_interrupted_at_every_epoch() -> None:
    config = tiny_config("cnn")
    straight, _ = train_tiny(config)
    state = None
    for epoch in (1, 2, 3):
        broken = FakeLink(fail_after=epoch)
        with pytest.raises(InjectedFault, match=f"after epoch {epoch}"):
            train_tiny(config, broken, state)
        state = unpack_state(pack_state(broken.last_state))
    resumed, _ = train_tiny(config, state=state)
    assert_bitwise_equal(straight, resumed)


def test_a_trial_that_had_ended_early_ends_at_once_when_resumed() -> None:
    config = tiny_config(optimizer__lr=1e-9, train__early_stopping=2)
    straight, heard = train_tiny(config)
    resumed, later = train_tiny(config, state=heard.last_state)
    assert later.epochs == []
    assert resumed.reason == straight.reason != ""
    assert_bitwise_equal(straight, resumed)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_training_changes_no_state_that_was_handed_over(optimizer: str) -> None:
    config = tiny_config("cnn", optimizer__name=optimizer)
    _, heard = train_tiny(config)
    assert [digest(vars_of(state)) for state in heard.states] == heard.digests


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_resuming_changes_no_state_that_it_starts_from(optimizer: str) -> None:
    config = tiny_config("cnn", optimizer__name=optimizer)
    _, heard = train_tiny(config)
    train_tiny(config, state=heard.states[0])
    assert digest(vars_of(heard.states[0])) == heard.digests[0]


@pytest.mark.parametrize(
    "other",
    [
        tiny_config("cnn"),
        tiny_config(model__hidden=8),
        tiny_config(optimizer__decay_norms=False),
    ],
    ids=["other network", "other size", "other optimizer"],
)
def test_a_state_of_another_trial_is_refused(other: Config) -> None:
    _, heard = train_tiny(other)
    with pytest.raises(CheckpointError, match="must be of the network and optimizer"):
        train_tiny(tiny_config(), state=heard.last_state)
