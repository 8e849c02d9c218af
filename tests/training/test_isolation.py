import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from raypg.models import MODELS
from raypg.training.isolation import isolate, seed_generators
from raypg.training.world import World, alone
from tests.fakes import FakeLink, InjectedFault
from tests.training.tiny import ALONE, tiny_config, train_tiny, trial_digest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fresh() -> dict[str, str]:
    """The digest of each model's tiny trial in a fresh process."""
    command = [sys.executable, "-m", "tests.training.fresh"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.fixture(autouse=True)
def _tidy() -> Iterator[None]:
    yield
    isolate(ALONE, deterministic=False)
    torch.use_deterministic_algorithms(False)


def spoil_process() -> None:
    """Leave behind all that a trial in this process could leave behind."""
    broken = FakeLink(fail_after=2)
    other = tiny_config("mlp", seed=3, train__precision="bf16", train__batch_size=7)
    with pytest.raises(InjectedFault, match="after epoch 2"):
        train_tiny(other, broken)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(2)
    torch.set_grad_enabled(False)
    torch.set_float32_matmul_precision("medium")
    torch.set_autocast_enabled("cpu", True)
    torch.set_autocast_cache_enabled(False)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.deterministic = False
    torch.backends.cudnn.allow_tf32 = True
    torch.use_deterministic_algorithms(False)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_trial_after_others_is_the_trial_in_a_fresh_process(
    name: str, fresh: dict[str, str]
) -> None:
    spoil_process()
    assert trial_digest(*train_tiny(tiny_config(name))) == fresh[name]


def test_a_trial_in_a_thread_is_the_trial_in_a_fresh_process(
    fresh: dict[str, str],
) -> None:
    spoil_process()
    digests = []
    thread = threading.Thread(
        target=lambda: digests.append(trial_digest(*train_tiny(tiny_config("cnn"))))
    )
    thread.start()
    thread.join()
    assert digests == [fresh["cnn"]]


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_trial_has_the_threads_of_its_world(num_threads: int) -> None:
    torch.set_num_threads(3 - num_threads)
    seen: list[int] = []
    link = FakeLink(on_report=lambda: seen.append(torch.get_num_threads()))
    train_tiny(tiny_config(train__epochs=2), link, world=alone("cpu", num_threads))
    assert seen == [num_threads] * 2


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_trial_has_the_kernels_that_it_asks_for(deterministic: bool) -> None:
    spoil_process()
    isolate(ALONE, deterministic=deterministic)
    assert torch.are_deterministic_algorithms_enabled() is deterministic
    assert torch.backends.cudnn.benchmark is not deterministic
    assert torch.get_float32_matmul_precision() == "highest"


def test_two_seeds_are_two_trials_and_one_seed_is_one() -> None:
    digests = [
        trial_digest(*train_tiny(tiny_config(train__epochs=1, seed=seed)))
        for seed in (0, 1, 0)
    ]
    assert digests[0] == digests[2] != digests[1]


def test_ranks_and_epochs_have_streams_of_their_own() -> None:
    draws = set()
    for rank, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        world = World(rank, 2, torch.device("cpu"), 1)
        seed_generators(2**32 - 1, world, epoch)
        draws.add((random.random(), np.random.rand(), float(torch.rand(()))))
    assert len({draw for parts in draws for draw in parts}) == 12
