"""The same training on a GPU; skipped where there is none."""

from typing import Any

import pytest
import torch

from raypg.config import Config
from raypg.models import MODELS
from raypg.training.state import State, pack_state, unpack_state
from raypg.training.world import alone
from tests.fakes import FakeLink, InjectedFault
from tests.training.tiny import assert_bitwise_equal, tiny_config, train_tiny

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch finds no GPU"
)

GPU = alone("cuda:0")
VALUES: dict[str, Any] = {
    "data__fraction": 0.5,
    "train__epochs": 2,
    # At a higher one some of them jump, and rounding decides how far.
    "optimizer__lr": 0.01,
}


def interrupted(config: Config) -> State:
    """What a checkpoint holds after two epochs on the GPU."""
    broken = FakeLink(fail_after=2)
    with pytest.raises(InjectedFault, match="after epoch 2"):
        train_tiny(config, broken, world=GPU)
    return unpack_state(pack_state(broken.last_state))


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_learns_what_a_cpu_learns(name: str, precision: str) -> None:
    on_cpu, _ = train_tiny(tiny_config(name, **VALUES))
    config = tiny_config(name, **VALUES, train__precision=precision)
    on_gpu, _ = train_tiny(config, world=GPU)
    assert on_gpu.best["val.loss"] == pytest.approx(on_cpu.best["val.loss"], abs=0.3)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_gpu_resumes_to_the_last_bit(precision: str) -> None:
    config = tiny_config("cnn", train__precision=precision)
    straight, _ = train_tiny(config, world=GPU)
    resumed, _ = train_tiny(config, state=interrupted(config), world=GPU)
    assert_bitwise_equal(straight, resumed)


def test_a_gpus_checkpoint_goes_on_on_a_cpu() -> None:
    config = tiny_config("cnn")
    outcome, later = train_tiny(config, state=interrupted(config))
    assert outcome.status == "completed"
    assert later.epochs == [3, 4]


AUGMENTED: dict[str, Any] = {
    "data__crop_padding": 1,
    "data__auto_augment": "randaugment",
    "data__cutout": 3,
    "data__random_erasing": 0.5,
    "train__mixup": 0.2,
    "train__cutmix": 1.0,
    "train__class_weights": "balanced",
    "train__tta": "flip_crops",
}


def test_a_gpu_learns_from_augmented_images_what_a_cpu_learns() -> None:
    config = tiny_config("cnn", **VALUES, **AUGMENTED)
    on_cpu, _ = train_tiny(config)
    on_gpu, _ = train_tiny(config, world=GPU)
    for metric in ("train.loss", "val.loss"):
        assert on_gpu.best[metric] == pytest.approx(on_cpu.best[metric], abs=0.02)


def test_a_resume_on_a_gpu_is_bitwise_equal_with_augmented_images() -> None:
    config = tiny_config("cnn", **{**VALUES, **AUGMENTED, "train__epochs": 3})
    straight, _ = train_tiny(config, world=GPU)
    resumed, _ = train_tiny(config, world=GPU, state=interrupted(config))
    assert_bitwise_equal(straight, resumed)
