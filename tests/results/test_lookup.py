"""Trials are found in a store of many sweeps without reading what nobody asked for."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from raypg.results import lookup, open_results, views
from raypg.results.read import read_newest
from raypg.results.sides import COLUMNS, find_side, find_sides
from raypg.store import Store
from raypg.studies.reproduce import find_row
from tests.results.sweeps import new_store, trial_row, write

Read = tuple[str, frozenset[str] | None]
"""A sweep, and the columns that were read of it; None for all."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three sweeps of one trial each, of depths 7, 22 and 40."""
    depths = {"a": 7, "b": 22, "c": 40}
    store = new_store(tmp_path, *depths)
    for sweep, depth in depths.items():
        row = trial_row(f"{sweep}0", config__model__depth=depth, error="a long story")
        write(store, sweep, trials=[row | {"arm": f"model.depth={depth}"}])
    return store


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    """What is read of `trials`, as it is read."""
    found: list[Read] = []

    def note(
        store: Store, sweep: str, table: str, columns: Sequence[str] | None = None
    ) -> pa.Table:
        found.append((sweep, None if columns is None else frozenset(columns)))
        return read_newest(store, sweep, table, columns)

    monkeypatch.setattr(lookup, "read_newest", note)
    monkeypatch.setattr(views, "read_newest", note)
    return found


KEYS = frozenset(lookup.KEYS)


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("b0", {"b0"}),
        ("model.depth=22", {"config", "model", "depth", "22"}),
        ("config.model.depth=22", {"config", "model", "depth", "22"}),
        ("model.depth > 7 and model.depth < 30", {"config", "model", "depth"}),
    ],
)
def test_whole_rows_are_read_of_the_found_alone(
    store: Store, reads: list[Read], text: str, more: set[str]
) -> None:
    (row,) = find_side(open_results(store), text).rows
    assert (row["sweep"], row["config.model.depth"]) == ("b", 22)
    *first, last = reads
    assert sorted(sweep for sweep, _ in first) == ["a", "b", "c"]
    assert all(columns is not None and KEYS | more <= columns for _, columns in first)
    assert last == ("b", frozenset(COLUMNS))
    assert not any(columns is None or "error" in columns for _, columns in reads)


def test_several_names_take_one_look(store: Store, reads: list[Read]) -> None:
    sides = find_sides(open_results(store), ["model.depth=7", "seed = 0", "b0"])
    assert [len(side.rows) for side in sides] == [1, 3, 1]
    assert len(reads) == 6


def test_a_trial_to_reproduce_is_found_by_its_id(
    store: Store, reads: list[Read]
) -> None:
    assert find_row(open_results(store), "c")["error"] == "a long story"
    assert {*reads[:3]} == {(sweep, KEYS) for sweep in "abc"}
    assert reads[3:] == [("c", None)]


@pytest.mark.parametrize(
    ("text", "sweeps"),
    [
        ("CONFIG.Model.Depth > 7", ["b", "c"]),  # SQL has no capitals
        ("length(error) > 3 and model.depth = 40", ["c"]),
        ('"config"."model"."depth" in (7, 40)', ["a", "c"]),
        ("starts_with(arm, 'model.depth=2')", ["b"]),
        ("columns('num_epochs') is null and model.depth=7", ["a"]),
    ],
)
def test_a_condition_may_ask_for_any_column(
    store: Store, text: str, sweeps: list[str]
) -> None:
    rows = find_side(open_results(store), text).rows
    assert sorted(row["sweep"] for row in rows) == sweeps


def test_a_trial_that_went_on_as_another_counts_for_nothing(store: Store) -> None:
    row = trial_row("a1", "extended", config__model__depth=7)
    write(store, "a", trials=[row | {"arm": "model.depth=7"}])
    results = open_results(store)
    for text in ("model.depth=7", "config.model.depth = 7", "config.model.depth=7"):
        assert [row["trial"] for row in find_side(results, text).rows] == ["a0"]


def test_of_a_trial_in_two_sweeps_the_row_of_its_training_counts(store: Store) -> None:
    row = trial_row("a0", "cached", source_sweep="a", config__model__depth=7)
    write(store, "c", trials=[row | {"arm": "model.depth=7"}])
    (found,) = find_side(open_results(store), "model.depth=7").rows
    assert (found["sweep"], found["status"]) == ("a", "completed")
