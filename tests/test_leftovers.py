"""What trials go on from is found without a look into any state."""

from datetime import UTC, datetime
from typing import Any

import pytest

from raypg.leftovers import Shelf, find_leftover
from raypg.store import Store
from raypg.training.state import INDEX_FILE, STATE_FILE, build_index
from tests.buckets import each_kind, new_bucket

ROW = {
    "sweep": "s",
    "source_sweep": None,
    "number": 3,
    "attempt": 1,
    "started": datetime.now(UTC),
}
STATE = b"a state" * 100


def save(store: Store, own: str, number: int, size: int = len(STATE)) -> str:
    """A checkpoint whose state has so many of its bytes; its folder."""
    folder = f"s/checkpoints/{own}/checkpoint_{number:06d}"
    store.write_whole(f"{folder}/{STATE_FILE}", STATE[:size])
    store.write_whole(f"{folder}/{INDEX_FILE}", build_index(STATE, 1).encode())
    return folder


def resume_from(shelf: Shelf, trial: str) -> tuple[str, list[str]]:
    """The folder that a trial goes on from, and what was said."""
    said: list[str] = []
    row: dict[str, Any] = {**ROW, "trial": trial}
    return find_leftover(shelf, row, {1, 2}, said.append).resume_from, said


@each_kind
def test_the_newest_of_the_last_attempt_counts(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(new_bucket(kind, monkeypatch))
    save(store, "ab", 7)
    newest = save(store, "ab-1", 0)
    save(store, "abc", 9)
    shelf = Shelf(store)
    assert resume_from(shelf, "ab") == (newest, [])
    assert resume_from(shelf, "none") == ("", [])


def test_one_that_is_not_whole_is_passed_over_and_named(
    tmp_path: Any,  # noqa: ANN401
) -> None:
    store = Store(str(tmp_path))
    whole = save(store, "ab", 0)
    short = save(store, "ab", 1, size=9)
    torn = save(store, "ab", 2)
    store.delete(f"{torn}/{INDEX_FILE}")
    odd = save(store, "ab", 3)
    store.write_whole(f"{odd}/{INDEX_FILE}", b"{")
    found, said = resume_from(Shelf(store), "ab")
    assert found == whole
    assert [line.partition(";")[0] for line in said] == [
        f"{odd}: must hold state.pt and raypg.json",
        f"{torn}: must hold state.pt and raypg.json",
        f"{short}: state.pt must have 700 bytes",
    ]


def test_many_trials_cost_one_listing_and_no_state(
    tmp_path: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(str(tmp_path))
    for trial in range(20):
        save(store, str(trial), 0)
    listed: list[str] = []
    read: list[str] = []
    list_all, read_one = Store.sizes, Store.read

    def sizes(store: Store, folder: str) -> dict[str, int]:
        listed.append(folder)
        return list_all(store, folder)

    def read_it(store: Store, path: str) -> bytes:
        read.append(path)
        return read_one(store, path)

    monkeypatch.setattr(Store, "sizes", sizes)
    monkeypatch.setattr(Store, "read", read_it)
    shelf = Shelf(store)
    assert all(resume_from(shelf, str(trial))[0] for trial in range(20))
    assert listed == ["s/checkpoints"]
    assert len(read) == 20
    assert all(path.endswith(INDEX_FILE) for path in read)
