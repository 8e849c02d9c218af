"""A list of sweeps opens no table that is as it was, and says the same as if it did."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from raypg.results import digest, open_results
from raypg.results.listing import SweepLine
from raypg.store import Store
from tests.results.flips import flip
from tests.results.sweeps import new_store, trial_row, write

DIGEST = "depth/tables/digest.json"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """With one ended sweep of three trials."""
    store = new_store(tmp_path, "depth")
    best = {"val__accuracy": 0.9, "started": datetime(2026, 1, 2, tzinfo=UTC)}
    write(
        store,
        "depth",
        trials=[
            trial_row("a", **best),
            trial_row("b", "failed"),
            trial_row("c", val__accuracy=0.7),
        ],
    )
    return store


def _line(store: Store) -> SweepLine:
    (line,) = open_results(store).sweeps()
    return line


def test_an_ended_sweep_is_listed_without_its_table(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _line(store)
    store.delete(DIGEST)
    assert _line(store) == kept
    assert (kept.completed, kept.failed) == (2, 1)
    assert kept.best == pytest.approx(0.9)
    write(store, "depth")
    monkeypatch.delattr(digest, "read_newest")
    assert _line(store) == kept


@pytest.mark.parametrize("compact", [False, True])
def test_rows_that_came_after_it_count(store: Store, *, compact: bool) -> None:
    more = [trial_row("d", val__accuracy=0.95), trial_row("b", val__accuracy=0.1)]
    write(store, "depth", trials=more, compact=compact)
    line = _line(store)
    assert (line.trials, line.completed, line.failed) == (4, 4, 0)
    assert line.best == pytest.approx(0.95)


def test_another_metric_is_looked_for_afresh(store: Store) -> None:
    store.write_description("depth", {"kind": "search", "metric": "val.loss"})
    assert (_line(store).metric, _line(store).best) == ("val.loss", None)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"statuses": 3}', b"\xff"])
def test_a_damaged_one_is_not_heeded(store: Store, content: bytes) -> None:
    kept = _line(store)
    store.write_whole(DIGEST, content)
    assert _line(store) == kept


def test_a_flipped_bit_of_it_changes_no_line(store: Store) -> None:
    kept, content = _line(store), store.read(DIGEST)
    for bit in range(0, 8 * len(content), 7):
        store.write_whole(DIGEST, flip(content, bit))
        assert _line(store) == kept
