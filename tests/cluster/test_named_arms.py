"""Sweeps of arms with names, and the papers' table from its file to its numbers."""

from pathlib import Path

import pytest

from raypg.cluster.prepare import Options
from raypg.cluster.sweep import resume_sweep
from raypg.errors import StoreError
from raypg.results import open_results
from raypg.results.published import describe_otherwise, read_published
from raypg.space import Ablation, from_data
from tests.conftest import RunSpace, resume

PAPER = Path(__file__).parents[2] / "search_spaces" / "paper_table.py"
SPACE = """SPACE = Ablation(
    arms={
        "wide": {"model.name": "mlp", "model.hidden": 16},
        "long": {"model.name": "mlp", "model.hidden": 8, "train.epochs": 2},
        "cnn": {"model.name": "cnn"},
    },
    published={"A, table 1": {"wide": 9.5, "cnn": 8}},
    SEEDS
)
"""


def test_chosen_arms_are_run_and_stand_beside_what_is_published(
    run_space: RunSpace, tmp_path: Path
) -> None:
    source = SPACE.replace("SEEDS", "seeds=1")
    finished = run_space(source, "train.epochs=1", arms=("wide", "long"))
    results = open_results(finished.store)
    rows = results.trials(finished.sweep)
    assert [row["arm"] for row in rows] == ["wide", "long"]
    assert [row["num_epochs"] for row in rows] == [1, 1]
    about = results.sweep_description(finished.sweep)
    assert (about["arms"], about["baseline"]) == (["wide", "long"], "")
    saved = from_data(about["space"], "sweep.json")
    assert isinstance(saved, Ablation)
    assert [*saved.arms] == ["wide", "long"]

    (wide,) = read_published(results, finished.sweep, with_test=True)
    (tested,) = results.sql(
        f"select test.accuracy as a from test_results where trial='{rows[0]['trial']}'"
    ).to_pylist()
    assert wide.error is not None
    assert wide.error.mean == pytest.approx(1 - tested["a"])
    assert describe_otherwise([wide]) == ["not as stated: train.epochs=1 in place of 3"]

    # With more seeds the file still has all arms, and the sweep the chosen ones.
    path = tmp_path / "space.py"
    path.write_text(path.read_text().replace("seeds=1", "seeds=2"))
    options = Options(store=finished.store.uri)
    grown = resume_sweep(finished.sweep, options, space=str(path))
    again = open_results(grown.store).trials(grown.sweep)
    assert [(row["arm"], row["seed"]) for row in again] == [
        ("wide", 0),
        ("long", 0),
        ("wide", 1),
        ("long", 1),
    ]
    with pytest.raises(StoreError, match="arms with train.epochs of their own"):
        resume(finished, "train.epochs=2")


@pytest.mark.slow
def test_the_papers_table_runs_on_a_stand_in(run_space: RunSpace) -> None:
    chosen = ("DenseNet-40-12 C10", "ResNet-20 C10+", "ResNet-110-long C10+")
    finished = run_space(
        PAPER.read_text("utf-8"),
        "data.name=synthetic",
        "train.epochs=1",
        arms=chosen,
    )
    assert finished.exit_code == 0
    found = read_published(open_results(finished.store), finished.sweep, with_test=True)
    told = {one.arm: (one.published, one.source, one.num_seeds) for one in found}
    assert told == {
        "ResNet-20 C10+": (0.0875, "He et al. 2016, table 6", 1),
        "DenseNet-40-12 C10": (0.07, "Huang et al. 2017, table 2", 1),
        "ResNet-110-long C10+": (0.0641, "Huang et al. 2017, table 2", 1),
    }
    assert describe_otherwise(found) == [
        "not as stated: data.name=synthetic in place of cifar10",
        "not as stated: train.epochs=1 in place of 182 or 300 or 500",
        "not the published images: a difference says that it runs, and no more",
    ]
