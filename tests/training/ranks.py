"""What one or two workers of a trial do: real processes, joined by gloo.

Each scenario is run by every rank, and by one worker alone to compare with.
"""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
import torch.multiprocessing
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from raypg.errors import TrialError
from raypg.models import MODELS, ImageShape
from raypg.training.state import pack_state, unpack_state
from raypg.training.step import Stepper
from raypg.training.world import World
from tests.fakes import FakeLink, digest
from tests.training.tiny import SIZES, tiny_config, train_tiny

SYNCED = ("cnn", "densenet", "resnet")
AVERAGES: dict[str, dict[str, object]] = {
    "ema": {"train__ema": 0.9},
    "swa": {"train__swa_start": 0.5},
}

METRICS = "macro_f1,calibration_error,examples/own/margin.py:margin"
TRAINED = tiny_config("cnn", train__epochs=3, train__metrics=METRICS)
"""With batch norm and dropout; the two shares of a batch are never of one size."""

MIXED: dict[str, object] = {
    "train__mixup": 0.2,
    "train__cutmix": 1.0,
    "train__label_smoothing": 0.1,
    "train__class_weights": "balanced",
    "data__auto_augment": "trivialaugment",
    "data__cutout": 4,
    "data__random_erasing": 0.5,
}
"""All that alters images and labels."""


def run_alone() -> dict[str, Any]:
    """What one worker gives."""
    return _scenarios(World(0, 1, torch.device("cpu"), 1))


def run_ranks(folder: Path, num_workers: int) -> list[dict[str, Any]]:
    """What each of several workers gives, by rank."""
    arguments = (num_workers, folder)
    torch.multiprocessing.spawn(_work, arguments, num_workers)  # type: ignore[no-untyped-call]
    return [
        pickle.loads((folder / f"{rank}.pickle").read_bytes())
        for rank in range(num_workers)
    ]


def _work(rank: int, num_workers: int, folder: Path) -> None:
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/meeting",
        rank=rank,
        world_size=num_workers,
        timeout=timedelta(seconds=60),
    )
    found = _scenarios(World(rank, num_workers, torch.device("cpu"), 1))
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(found))
    dist.destroy_process_group()


def _scenarios(world: World) -> dict[str, Any]:
    return {
        "learnt": {name: learn_without_norms(name, world) for name in MODELS},
        "pieces": learn_without_norms("cnn", world, train__micro_batch=7),
        "mixed": learn_without_norms("cnn", world, **MIXED),
        "mixed pieces": learn_without_norms(
            "cnn", world, **MIXED, train__micro_batch=7
        ),
        "synced": {name: learn_synced(name, world) for name in SYNCED},
        "synced again": learn_synced(
            "densenet", world, train__checkpoint_activations=True
        ),
        "averaged": {name: average(world, **more) for name, more in AVERAGES.items()},
        "told": tell_of_pieces(world),
        "trained": train_whole(world),
        "resumed": resume(world),
        "stopped": stop_within_an_epoch(world),
        "diverged": diverge(world),
    }


def learn_without_norms(
    name: str, world: World, **more: object
) -> dict[str, list[Tensor]]:
    """The first gradients and the last weights, with no statistic of a batch."""
    has_dropout = "model.dropout" in SIZES.get(name, {})
    dropout = {"model__dropout": 0.0} if has_dropout else {}
    own = {**dropout, **more, "train__clip_norm": 1.0, "train__epochs": 2}
    config = tiny_config(name, **own)
    with _without_batch_norm(name), _kept_gradients() as gradients:
        _, link = train_tiny(config, world=world)
    weights = [w for _, w in sorted(link.last_state.model.items())]
    return {"gradients": gradients, "weights": weights}


def learn_synced(name: str, world: World, **more: object) -> dict[str, list[Tensor]]:
    """The first gradients and the last weights and statistics, of whole batches."""
    has_dropout = "model.dropout" in SIZES.get(name, {})
    dropout = {"model__dropout": 0.0} if has_dropout else {}
    own = {**dropout, **more, "train__sync_batchnorm": True, "train__epochs": 1}
    with _kept_gradients() as gradients:
        _, link = train_tiny(tiny_config(name, **own), world=world)
    weights = [w for _, w in sorted(link.last_state.model.items())]
    return {"gradients": gradients, "weights": weights}


def average(world: World, **more: object) -> str:
    """A digest of the averaged weights that are kept, and of what they are tested by.

    Statistics are those of rank 0: others have seen shares of their own.
    """
    outcome, link = train_tiny(tiny_config("cnn", **more), world=world)
    assert outcome.test is not None
    return digest([link.last_state.best["model"], outcome.test.loss])


def tell_of_pieces(world: World) -> int:
    """How many pieces of an epoch's steps kept their gradients to themselves."""
    config = tiny_config(train__micro_batch=7, train__epochs=1)
    no_sync = DistributedDataParallel.no_sync
    with patch.object(DistributedDataParallel, "no_sync", autospec=True) as spy:
        spy.side_effect = no_sync
        train_tiny(config, world=world)
    return spy.call_count


def train_whole(world: World) -> dict[str, Any]:
    """A trial from start to end."""
    outcome, link = train_tiny(TRAINED, world=world)
    return {"outcome": outcome, "states": link.states}


def resume(world: World) -> list[str]:
    """Digests of a trial's last state and results: straight through, and resumed."""
    straight, heard = train_tiny(TRAINED, world=world)
    state = unpack_state(pack_state(heard.states[0]))
    resumed, later = train_tiny(TRAINED, state=state, world=world)
    return [
        digest([link.digests[-1], vars(outcome.val), vars(outcome.test)])
        for outcome, link in ((straight, heard), (resumed, later))
    ]


def stop_within_an_epoch(world: World) -> tuple[str, int, int]:
    """How it ended, the epochs done, and the steps that this rank took."""
    config = tiny_config(train__batch_size=8)
    link = FakeLink(stop_at_ask=3 if world.is_first else 0)
    with _kept_gradients(every=True) as gradients:
        outcome, _ = train_tiny(config, link, world=world)
    return outcome.status, outcome.epoch, len(gradients)


def diverge(world: World) -> str:
    """What a trial raises whose rate is far too high."""
    try:
        train_tiny(tiny_config(optimizer__lr=1e18), world=world)
    except TrialError as error:
        return str(error)
    return ""


@contextmanager
def _without_batch_norm(name: str) -> Iterator[None]:
    """Group norms in place of batch norms: each image by itself."""
    build = MODELS[name]

    def build_without(config: Any, shape: ImageShape, num_classes: int) -> nn.Module:  # noqa: ANN401
        return _replace_norms(build(config, shape, num_classes))

    with patch.dict(MODELS, {name: build_without}):
        yield


def _replace_norms(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.GroupNorm(1, child.num_features))
        else:
            _replace_norms(child)
    return module


@contextmanager
def _kept_gradients(*, every: bool = False) -> Iterator[list[Tensor]]:
    """The gradients of the first step; or one gradient of every step."""
    kept: list[Tensor] = []
    step = Stepper.step

    def keep(stepper: Stepper, *batch: Any) -> Tensor:  # noqa: ANN401
        sums = step(stepper, *batch)
        gradients = [p.grad for p in stepper.model.parameters() if p.grad is not None]
        if every:
            kept.append(gradients[0].clone())
        elif not kept:
            kept.extend(gradient.clone() for gradient in gradients)
        return sums

    with patch.object(Stepper, "step", keep):
        yield kept
