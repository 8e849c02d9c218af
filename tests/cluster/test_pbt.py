"""A population on real workers: few slots, either kind, tight retention, a resume."""

from typing import Any

import pytest

from raypg.results import open_results
from raypg.store import Store
from tests.cluster.aged import Interrupt, interrupt_after
from tests.conftest import RunSpace, resume

__all__ = ["interrupt_after"]

SPACE = """
SPACE = Search(
    base={"model.name": "mlp", "model.hidden": 8, "data.fraction": 0.2},
    axes={"optimizer.lr": log_uniform(1e-4, 1.0),
          "optimizer.momentum": uniform(0.5, 0.95),
          "train.label_smoothing": uniform(0.0, 0.2)},
    trials=6, scheduler=PBT(max_epochs=6, perturb_every=2),
)
"""
AXES = ("optimizer.lr", "optimizer.momentum", "train.label_smoothing")

Rows = dict[tuple[str, int], dict[str, Any]]


def epochs(store: Store, sweep: str) -> Rows:
    """The rows of all epochs, without when and how fast they were."""
    found = open_results(store).epochs(sweep)
    keys = [(row["trial"], row["epoch"]) for row in found]
    assert len(keys) == len(set(keys))
    kept = ("train.loss", "val.loss", "val.accuracy", "copied_from")
    names = [*kept, *(f"config.{axis}" for axis in AXES)]
    own = [{name: row.get(name) for name in names} for row in found]
    return dict(zip(keys, own, strict=True))


@pytest.fixture(scope="module")
def calm() -> dict[str, Rows]:
    """What the undisturbed sweep gave, once one has run."""
    return {}


def calm_rows(calm: dict[str, Rows], run_space: RunSpace) -> Rows:
    if not calm:
        finished = run_space(SPACE, name="calm", max_concurrent=2, is_fresh=True)
        calm["rows"] = epochs(finished.store, finished.sweep)
    return calm["rows"]


@pytest.mark.slow
def test_a_population_is_trained_on_few_slots_and_says_with_what(
    run_space: RunSpace, calm: dict[str, Rows]
) -> None:
    rows = calm_rows(calm, run_space)
    assert len(rows) == 6 * 6
    copies = {
        key: row["copied_from"] for key, row in rows.items() if row["copied_from"]
    }
    # ceil(6 / 4) after epochs 2 and 4.
    assert sorted(epoch for _, epoch in copies) == [3, 3, 5, 5]
    for (trial, epoch), donor in copies.items():
        own, others = rows[trial, epoch], rows[donor, epoch - 1]
        before = rows[trial, epoch - 1]
        assert own["val.accuracy"] >= before["val.accuracy"]
        assert others["val.accuracy"] >= before["val.accuracy"]
        changed = [own[f"config.{axis}"] != others[f"config.{axis}"] for axis in AXES]
        assert any(changed)
    for (trial, epoch), row in rows.items():
        if epoch % 2 == 0:  # nothing changes but between rounds
            before = rows[trial, epoch - 1]
            assert all(row[f"config.{a}"] == before[f"config.{a}"] for a in AXES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"max_concurrent": 4, "checkpoint_every_s": 0.0},
        {
            "max_concurrent": 2,
            "keep_checkpoints": "best",
            "checkpoint_disk": "1B",
            "checkpoint_every_s": 0.0,
        },
        {"max_concurrent": 2, "uses_group": True},
        {"max_concurrent": 1, "trials_per_worker": 2},
    ],
    ids=["slots", "retention", "group", "recycled"],
)
def test_no_number_follows_from_how_it_is_run(
    run_space: RunSpace,
    calm: dict[str, Rows],
    capfd: pytest.CaptureFixture[str],
    options: dict[str, Any],
) -> None:
    """Among all: no donor is lost with the tightest retention there is."""
    expected = calm_rows(calm, run_space)
    capfd.readouterr()
    finished = run_space(SPACE, name="other", **options)
    assert epochs(finished.store, finished.sweep) == expected
    assert "goes on from its own state" not in capfd.readouterr().err
    assert finished.exit_code == 0
    trials = open_results(finished.store).trials(finished.sweep)
    assert {row["status"] for row in trials} == {"completed"}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "epoch"), [(0, 2), (5, 2), (1, 3), (3, 5)])
def test_a_resumed_population_gives_the_rows_of_a_calm_one(
    run_space: RunSpace,
    calm: dict[str, Rows],
    interrupt_after: Interrupt,
    number: int,
    epoch: int,
) -> None:
    expected = calm_rows(calm, run_space)
    interrupt_after(number, epoch)
    broken = run_space(SPACE, name="broken", max_concurrent=2)
    interrupt_after()
    assert broken.exit_code == 130
    again = resume(broken)
    assert again.exit_code == 0
    assert epochs(again.store, again.sweep) == expected


@pytest.mark.slow
def test_a_resumed_bandit_chooses_as_one_that_was_not_interrupted(
    run_space: RunSpace, calm: dict[str, Rows], interrupt_after: Interrupt
) -> None:
    by_chance = calm_rows(calm, run_space)
    space = SPACE.replace("PBT(", "PB2(")
    whole = run_space(space, name="whole", max_concurrent=2)
    expected = epochs(whole.store, whole.sweep)
    assert {key: row["copied_from"] for key, row in expected.items() if key[1] < 4} == {
        key: row["copied_from"] for key, row in by_chance.items() if key[1] < 4
    }
    assert expected != by_chance
    interrupt_after(3, 5)
    broken = run_space(space, name="broken", max_concurrent=2, is_fresh=True)
    interrupt_after()
    assert broken.exit_code == 130
    again = resume(broken)
    assert epochs(again.store, again.sweep) == expected


@pytest.mark.slow
def test_a_member_is_a_hit_of_no_other_sweep(
    run_space: RunSpace, calm: dict[str, Rows]
) -> None:
    first = run_space(SPACE, name="first", max_concurrent=4)
    plain = SPACE.replace("PBT(max_epochs=6, perturb_every=2)", "ASHA(6, 6)")
    other = run_space(plain.replace("trials=6", 'trials=2, sampler="random"'))
    rows = open_results(other.store).trials(other.sweep)
    known = {row["trial"] for row in open_results(first.store).trials("first")}
    assert {row["trial"] for row in rows} <= known
    assert {row["status"] for row in rows} == {"completed"}
    marks = {row["changing"] for row in open_results(first.store).trials("first")}
    assert marks == {", ".join(AXES)}
