"""A range test of the rate and a search for a batch size, which keep nothing."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from raypg.solo import batch_sizes
from raypg.solo.batch_sizes import find_batch_size
from raypg.solo.lr_range import HIGHEST, LOWEST, find_lr
from raypg.store import Store
from raypg.training.step import Stepper
from tests.command import Command
from tests.training.tiny import ALONE, tiny_config

STORE = Store("nowhere")
"""Not read, as no trial is named in it."""


def test_a_rate_rises_evenly_and_the_steepest_fall_is_suggested() -> None:
    found = find_lr(tiny_config("cnn", data__fraction=0.5), ALONE, STORE)
    assert found.lrs[0] == LOWEST
    ratios = {round(b / a, 6) for a, b in zip(found.lrs, found.lrs[1:], strict=False)}
    assert len(ratios) == 1
    assert len(found.lrs) == len(found.losses) == len(found.smoothed) <= 100
    assert 1e-4 < found.suggested < found.least < HIGHEST
    at = found.lrs.index(found.suggested)
    falls = [
        found.smoothed[i - 1] - found.smoothed[i + 1]
        for i in range(5, len(found.lrs) - 2)
    ]
    assert found.smoothed[at - 1] - found.smoothed[at + 1] == max(falls)


def test_what_a_rate_is_found_by_follows_from_the_seed_alone() -> None:
    config = tiny_config(optimizer__lr=0.5, train__swa_start=0.5)
    again = tiny_config(optimizer__lr=0.01, schedule__name="constant")
    assert find_lr(config, ALONE, STORE) == find_lr(again, ALONE, STORE)
    assert find_lr(config, ALONE, STORE) != find_lr(tiny_config(seed=1), ALONE, STORE)


def test_the_test_ends_where_the_loss_runs_away() -> None:
    config = tiny_config(optimizer__momentum=0.99, optimizer__weight_decay=0.0)
    found = find_lr(config, ALONE, STORE)
    assert len(found.lrs) < 100
    assert found.smoothed[-1] > 4 * min(found.smoothed)


def test_sizes_double_until_one_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Stepper.step

    def short_of_memory(s: Stepper, images: Tensor, labels: Tensor, n: int) -> Tensor:
        if len(images) > 64:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(s, images, labels, n)

    monkeypatch.setattr(Stepper, "step", short_of_memory)
    found = find_batch_size(tiny_config(data__fraction=1.0), ALONE)
    assert [one.size for one in found.tried] == [16, 32, 64]
    assert (found.largest, found.ended_by) == (64, "out of memory at 128")
    assert found.fast in (16, 32, 64)
    assert all(one.images_per_s == one.size / one.step_s for one in found.tried)


def test_a_host_is_not_asked_for_more_than_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = iter([100, 150, 250])
    monkeypatch.setattr(
        batch_sizes,
        "_held",
        lambda what, file="": (next(held) if what == "VmHWM" else 240) << 20,
    )
    found = find_batch_size(tiny_config(data__fraction=1.0), ALONE)
    assert found.largest == 64
    assert found.ended_by == "128 would take 200 MB more"


def test_sizes_end_with_the_images() -> None:
    found = find_batch_size(tiny_config(data__fraction=0.05), ALONE)
    assert (found.largest, found.ended_by) == (32, "60 training images")


def test_the_command_suggests_a_rate_and_draws_it(
    train: Command, tmp_path: Path
) -> None:
    out = tmp_path / "lr.svg"
    said = train("--find-lr", "--threads", "1", "model.name=cnn", "--out", str(out))
    assert said.code == 0
    assert said.out.splitlines()[0].split() == ["optimizer.lr", "train.loss"]
    assert "Suggested: optimizer.lr=0." in said.out
    assert "range test" in out.read_text()
    assert train.is_untouched()


def test_the_command_suggests_a_batch_size(train: Command) -> None:
    few = ("model.name=mlp", "data.fraction=0.05", "train.batch_size=16")
    said = train("--find-batch-size", "--threads", "1", *few)
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()[1:3]] == ["16", "32"]
    assert "Suggested: train.batch_size=32 fits" in said.out
    assert train.is_untouched()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--find-lr", "--name", "x"), "--find-lr: must stand alone; found --name"),
        (("--find-lr", "--find-batch-size"), "must stand alone; found --find-batch"),
        (("--find-batch-size", "--out", "x.svg"), "must stand alone; found --out"),
        (("--out", "x.svg"), "must have --find-lr beside it; found no figure"),
        (("--find-lr", "--out", "x.txt"), "must end in .png, .svg or .pdf"),
        (("--find-lr", "model.nam=cnn"), 'Did you mean "model.name"?'),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: tuple[str, ...], line: str, train: Command
) -> None:
    said = train(*arguments)
    assert (said.code, said.out) == (2, "")
    assert line in said.err
