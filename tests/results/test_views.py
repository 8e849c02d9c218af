"""SQL over the tables of one sweep, of several, and of sweeps over different models."""

from pathlib import Path

import numpy as np
import pytest

import raypg
from raypg.errors import ResultsError
from raypg.results.predictions import write_predictions
from raypg.results.query import Results, open_results
from raypg.store import Store
from tests.results.sweeps import epoch_row, new_store, trial_row, write


def _query(store: Store, query: str, *sweeps: str) -> list[tuple[object, ...]]:
    table = open_results(store).sql(query, sweeps=sweeps)
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.fixture
def two_sweeps(tmp_path: Path) -> Store:
    """Sweep `old` trained a and b; `new` found b there and trained c, another model."""
    store = new_store(tmp_path, "old", "new")
    write(
        store,
        "old",
        trials=[trial_row(t, config__model__depth=22) for t in "ab"],
        epochs=[epoch_row(t, e) for t in "ab" for e in (1, 2)],
    )
    cached = trial_row("b", "cached", source_sweep="old", config__model__depth=22)
    trained = trial_row("c", config__model__width=1.5)
    write(store, "new", trials=[cached, trained], epochs=[epoch_row("c", 1)])
    return store


def test_dotted_names_need_no_quotes(two_sweeps: Store) -> None:
    query = "select config.model.depth, count(*) from trials group by all order by 1"
    assert _query(two_sweeps, query, "old") == [(22, 2)]


def test_sweeps_over_different_models_join(two_sweeps: Store) -> None:
    query = (
        "select trial, config.model.depth, config.model.width from trials order by 1"
    )
    found = [("a", 22, None), ("b", 22, None), ("b", 22, None), ("c", None, 1.5)]
    assert _query(two_sweeps, query) == found


def test_a_cached_trial_shows_the_epochs_of_its_source(two_sweeps: Store) -> None:
    query = "select sweep, trial, epoch from epochs order by all"
    new = [("new", "b", 1), ("new", "b", 2), ("new", "c", 1)]
    assert _query(two_sweeps, query, "new") == new
    old = [("old", "a", 1), ("old", "a", 2), ("old", "b", 1), ("old", "b", 2)]
    assert _query(two_sweeps, query) == new + old


def test_a_trial_that_began_here_and_is_cached_shows_its_source_alone(
    tmp_path: Path,
) -> None:
    store = new_store(tmp_path, "cut", "whole")
    begun = trial_row("a", "interrupted")
    write(store, "cut", trials=[begun], epochs=[epoch_row("a", e) for e in (1, 2)])
    rows = [epoch_row("a", e, 0, lr=0.5) for e in (1, 2, 3)]
    write(store, "whole", trials=[trial_row("a")], epochs=rows)
    write(store, "cut", trials=[trial_row("a", "cached", source_sweep="whole")])
    query = "select epoch, lr from epochs order by all"
    assert _query(store, query, "cut") == [(1, 0.5), (2, 0.5), (3, 0.5)]
    assert len(_query(store, query)) == 6


def test_a_trial_that_went_on_as_another_shows_its_epochs_where_it_is_cached(
    tmp_path: Path,
) -> None:
    store = new_store(tmp_path, "grown", "other")
    rows = [epoch_row(trial, e) for trial, e in (("a", 1), ("a2", 1), ("a2", 2))]
    trials = [trial_row("a", "extended"), trial_row("a2", began_as="a")]
    write(store, "grown", trials=trials, epochs=rows)
    write(store, "other", trials=[trial_row("a", "cached", source_sweep="grown")])
    query = "select trial, epoch from epochs order by all"
    assert _query(store, query, "grown") == [("a2", 1), ("a2", 2)]
    assert _query(store, query, "other") == [("a", 1)]
    assert _query(store, query) == [("a", 1), ("a2", 1), ("a2", 2)]
    once = _query(store, "select trial, status from unique_trials order by all")
    assert once == [("a", "cached"), ("a2", "completed")]


def test_statistics_over_sweeps_count_each_trial_once(two_sweeps: Store) -> None:
    query = "select sweep, trial, status from unique_trials order by trial"
    once = [("old", "a"), ("old", "b"), ("new", "c")]
    assert _query(two_sweeps, query) == [(*key, "completed") for key in once]
    joined = "select count(*) from epochs join unique_trials using (sweep, trial)"
    assert _query(two_sweeps, joined) == [(5,)]


def test_predictions_come_as_single_precision(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    labels_N = np.array([0, 1])
    for attempt, high in ((0, 0.75), (1, 0.5)):
        probabilities_NK = np.array([[high, 0.25], [0.125, high]], dtype=np.float16)
        write_predictions(
            store,
            "depth",
            "a",
            attempt,
            probabilities_NK=probabilities_NK,
            labels_N=labels_N,
        )
    query = "select example, label, probabilities, attempt from predictions order by 1"
    found = [(0, 0, [0.5, 0.25], 1), (1, 1, [0.125, 0.5], 1)]
    assert _query(store, query) == found
    write(store, "depth")
    assert _query(store, query) == found
    assert len(store.files("depth/tables/predictions")) == 1


def test_large_predictions_keep_the_class_and_its_probability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raypg.results.predictions.MAX_BYTES", 7)
    store = new_store(tmp_path, "depth")
    probabilities_NK = np.array([[0.75, 0.25], [0.125, 0.5]], dtype=np.float16)
    write_predictions(
        store,
        "depth",
        "a",
        0,
        probabilities_NK=probabilities_NK,
        labels_N=np.array([0, 0]),
        table="test_predictions",
    )
    query = "select label, predicted, probability, probabilities from test_predictions"
    assert _query(store, query) == [(0, 0, 0.75, None), (0, 1, 0.5, None)]


@pytest.mark.parametrize(
    "table", ["epochs", "trials", "predictions", "test_results", "unique_trials"]
)
def test_an_empty_store_has_every_table(tmp_path: Path, table: str) -> None:
    store = new_store(tmp_path)
    Path(store.uri).mkdir()
    assert _query(store, f"from {table}") == []
    assert "trial" in open_results(store).sql(f"from {table}").column_names


def test_a_store_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    results = raypg.open_store(str(tmp_path / "rnus"))
    for ask in (results.sweeps, lambda: results.sql("from trials")):
        with pytest.raises(ResultsError, match="rnus: must exist; found nothing there"):
            ask()


def test_an_answer_has_flat_dotted_names(two_sweeps: Store) -> None:
    assert raypg.open_store is raypg.open_results
    rows = raypg.open_store(two_sweeps.uri).sql("from trials", sweeps=["old"])
    assert rows["config.model.depth"].to_pylist() == [22, 22]
    assert {"config.model.depth", "val.accuracy"} <= {*rows.to_pandas().columns}


def test_trials_come_in_the_order_in_which_they_were_proposed(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    rows = [trial_row(t, number=n) for t, n in (("b", 1), ("c", None), ("a", 2))]
    write(store, "depth", trials=rows)
    results = raypg.open_store(store)
    table = results.trials_table("depth", ["trial", "number"])
    assert table.to_pydict() == {"trial": ["c", "b", "a"], "number": [None, 1, 2]}
    assert [row["trial"] for row in results.trials("depth")] == ["c", "b", "a"]
    assert results.trials_table("depth", ["trial"]).num_rows == 3


def test_a_column_of_two_types_is_an_error_and_no_crash(tmp_path: Path) -> None:
    store = new_store(tmp_path, "one", "two")
    write(store, "one", trials=[trial_row("a", config__x=1)])
    write(store, "two", trials=[trial_row("b", config__x="text")])
    assert len(_query(store, "from trials", "one")) == 1
    with pytest.raises(ResultsError, match="a column has one type.*int64 vs string"):
        _query(store, "from trials")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select * from epochz", 'found epochz. Did you mean "epochs"'),
        ("select accurcy from epochs", "train.accuracy or val.accuracy"),
        ("select config.model.dept from trials", "Did you mean config.model.depth"),
        ("select vall.accuracy from epochs", "Did you mean val.loss or val.accuracy"),
        ("select xyzzy from test_results", "Known: sweep, trial, attempt"),
        ("selec 1", 'syntax error at or near "selec"'),
        ("", "found 0 statements"),
        ("select 1; select 2", "found 2 statements"),
        ("create table x as select 1", "must be one statement that only reads"),
        ("copy trials to '/tmp/x.csv'", "must be one statement that only reads"),
        ("from read_csv('/etc/passwd')", "file system operations are disabled"),
        ("from '/etc/passwd'", "must read the tables of the store"),
        ("set threads = 1", "must be one statement that only reads"),
    ],
)
def test_wrong_sql_is_one_line_that_helps(
    two_sweeps: Store, query: str, message: str
) -> None:
    with pytest.raises(ResultsError) as error:  # noqa: PT011 matched below
        open_results(two_sweeps).sql(query)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_pivot_reads_too(two_sweeps: Store) -> None:
    query = "pivot (select trial, epoch from epochs) on epoch using count(*)"
    assert len(_query(two_sweeps, query, "old")) == 2


def test_an_unknown_sweep_is_answered_with_the_nearest(two_sweeps: Store) -> None:
    results: Results = open_results(two_sweeps)
    for ask in (results.trials, results.epochs, results.known_epochs):
        with pytest.raises(ResultsError, match='Did you mean "old"'):
            ask("odl")
