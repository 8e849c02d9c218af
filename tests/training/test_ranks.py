"""Two workers do what one does."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from raypg.models import MODELS
from raypg.training import loop
from raypg.training.evaluation import Evaluation, evaluate
from raypg.training.parts import build_parts
from tests.fakes import digest
from tests.training.ranks import AVERAGES, SYNCED, TRAINED, run_alone, run_ranks
from tests.training.tiny import ALONE, digits, drift

Found = dict[str, Any]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    """What each of two workers found in every scenario."""
    folder: Path = tmp_path_factory.mktemp("ranks")
    return run_ranks(folder, 2)


@pytest.fixture(scope="module")
def single() -> Found:
    """What one worker found."""
    return run_alone()


def assert_close(some: list[Tensor], others: list[Tensor], limit: float = 1e-6) -> None:
    assert len(some) == len(others) > 0
    for one, other in zip(some, others, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=limit)


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("what", ["gradients", "weights"])
def test_two_workers_learn_what_one_learns_where_no_batch_counts(
    name: str, what: str, pair: list[Found], single: Found
) -> None:
    alone = single["learnt"][name][what]
    for rank in pair:
        assert_close(rank["learnt"][name][what], alone, drift(name, what))


@pytest.mark.parametrize("what", ["gradients", "weights"])
def test_two_workers_learn_the_same_in_pieces(
    what: str, pair: list[Found], single: Found
) -> None:
    for found in (single, *pair):
        assert_close(found["pieces"][what], single["learnt"]["cnn"][what])


@pytest.mark.parametrize("scenario", ["mixed", "mixed pieces"])
@pytest.mark.parametrize("what", ["gradients", "weights"])
def test_two_workers_learn_the_same_from_mixed_labels(
    scenario: str, what: str, pair: list[Found], single: Found
) -> None:
    alone = single["mixed"][what]
    for found in (single, *pair):
        assert_close(found[scenario][what], alone)


@pytest.mark.parametrize("name", SYNCED)
@pytest.mark.parametrize("what", ["gradients", "weights"])
def test_two_workers_learn_what_one_learns_from_synchronised_statistics(
    name: str, what: str, pair: list[Found], single: Found
) -> None:
    for rank in pair:
        assert_close(rank["synced"][name][what], single["synced"][name][what])


def test_two_workers_synchronise_statistics_that_are_computed_again(
    pair: list[Found], single: Found
) -> None:
    for rank in pair:
        assert_close(
            rank["synced again"]["weights"],
            single["synced"]["densenet"]["weights"],
        )


@pytest.mark.parametrize("name", AVERAGES)
def test_two_workers_keep_one_average(name: str, pair: list[Found]) -> None:
    assert pair[0]["averaged"][name] == pair[1]["averaged"][name]


def test_two_workers_tell_their_gradients_once_a_step(pair: list[Found]) -> None:
    # Shares of 16 and 15 examples are three pieces, those of the last step two.
    assert [rank["told"] for rank in pair] == [3 * 2 + 1] * 2


def test_two_workers_hold_the_same_weights_to_the_last_bit(pair: list[Found]) -> None:
    states = [rank["trained"]["states"] for rank in pair]
    assert digest([s.model for s in states[0]]) == digest([s.model for s in states[1]])


@pytest.mark.parametrize("split", ["val", "test"])
def test_two_workers_evaluate_as_one_does(split: str, pair: list[Found]) -> None:
    outcomes = [rank["trained"]["outcome"] for rank in pair]
    states = pair[0]["trained"]["states"]
    epoch = outcomes[0].best_epoch if split == "test" else len(states)
    parts = build_parts(TRAINED, digits(TRAINED), ALONE)
    parts.module.load_state_dict(states[epoch - 1].model)
    batches = parts.test_batches() if split == "test" else parts.val_batches
    metrics = parts.metrics if split == "val" else {}
    alone = evaluate(parts.stepper, parts.module, batches, metrics=metrics)
    for outcome in outcomes:
        together: Evaluation = getattr(outcome, split)
        assert together.accuracy == alone.accuracy
        assert together.loss == pytest.approx(alone.loss, rel=1e-6)
        assert together.metrics == pytest.approx(alone.metrics, rel=1e-5)
        assert len(together.metrics) == len(metrics)
        near = torch.isclose(
            together.probabilities_NK, alone.probabilities_NK, atol=1e-3
        )
        assert near.all()


def test_two_workers_agree_on_the_best_epoch(pair: list[Found]) -> None:
    first, second = (rank["trained"]["outcome"] for rank in pair)
    assert first.best_epoch == second.best_epoch
    assert first.best["val.loss"] == second.best["val.loss"]


def test_two_workers_stop_at_the_same_step(pair: list[Found]) -> None:
    assert pair[0]["stopped"] == pair[1]["stopped"]
    assert pair[0]["stopped"] == ("stopped", 0, 3 * loop.ASK_EVERY_STEPS)


def test_two_workers_go_on_bit_for_bit(pair: list[Found]) -> None:
    for rank in pair:
        straight, resumed = rank["resumed"]
        assert straight == resumed


def test_two_workers_fail_together_where_the_loss_is_no_number(
    pair: list[Found],
) -> None:
    for rank in pair:
        assert rank["diverged"].startswith("train.loss: must be finite; found nan")
