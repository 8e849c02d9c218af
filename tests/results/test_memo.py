"""Which trials the store holds, and why it lacks others."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from raypg.errors import ResultsError
from raypg.results.memo import Stale, check_types
from raypg.results.query import open_results
from tests.results.sweeps import Row, new_store, trial_row, write


def _done(trial: str, day: int, **columns: object) -> Row:
    return trial_row(trial, finished=datetime(2026, 1, day, tzinfo=UTC), **columns)


def _print(code: dict[str, str], config: str = "c1") -> dict[str, object]:
    return {
        "fingerprint__config": config,
        "fingerprint__data": "digits-1",
        "fingerprint__device": "cpu",
        "fingerprint__code": json.dumps(code),
    }


def test_only_completed_trials_are_hits_and_the_newest_counts(tmp_path: Path) -> None:
    store = new_store(tmp_path, "one", "two")
    others = [trial_row("c", "stopped"), trial_row("d", "cached", source_sweep="two")]
    write(store, "one", trials=[_done("a", 1), _done("b", 3), *others])
    write(store, "two", trials=[_done("a", 2), _done("b", 1), trial_row("e", "failed")])
    memo = open_results(store).completed()
    assert {t: row["sweep"] for t, row in memo.items()} == {"a": "two", "b": "one"}
    assert list(open_results(store).completed(["b", "x"])) == ["b"]
    assert open_results(store).completed([]) == {}


def test_a_trial_with_more_epochs_since_is_a_hit_and_a_mixed_one_is_none(
    tmp_path: Path,
) -> None:
    store = new_store(tmp_path, "one")
    others = [trial_row("b", "replaced"), _done("c", 1, mixed="raypg/optim.py")]
    write(store, "one", trials=[{**_done("a", 1), "status": "extended"}, *others])
    assert list(open_results(store).completed()) == ["a"]


def test_trials_that_other_sweeps_refer_to_are_found(tmp_path: Path) -> None:
    store = new_store(tmp_path, "one", "two", "three")
    write(store, "one", trials=[_done(trial, 1) for trial in "abc"])
    cached = [trial_row(t, "cached", source_sweep="one") for t in "ab"]
    write(store, "two", trials=[*cached, _done("d", 2)])
    write(store, "three", trials=[trial_row("d", "cached", source_sweep="two")])
    results = open_results(store)
    found = {name: results.referred(name) for name in ("one", "two", "three")}
    assert found == {"one": {"a", "b"}, "two": {"d"}, "three": set()}


def test_it_says_which_files_made_how_many_trials_stale(tmp_path: Path) -> None:
    store = new_store(tmp_path, "one")
    old = {"optim.py": "1", "models/resnet.py": "1"}
    past = [_done(t, 1, **_print(old, config=t)) for t in "abc"]
    write(store, "one", trials=past)
    new = {"optim.py": "2", "models/resnet.py": "1"}
    newer = {"optim.py": "2", "models/resnet.py": "2"}
    wanted = [
        trial_row("a2", **_print(new, config="a")),
        trial_row("b2", **_print(newer, config="b")),
        trial_row("z", **_print(new, config="z")),
    ]
    stale = open_results(store).stale(wanted)
    assert stale == Stale(2, {"optim.py": 2, "models/resnet.py": 1})


def test_a_leaf_has_one_type_in_a_store(tmp_path: Path) -> None:
    store = new_store(tmp_path, "one")
    columns = {"config__model__depth": 22, "config__data__name": "digits"}
    write(store, "one", trials=[trial_row("a", **columns)])
    check_types(store, {"config.model.depth": 40, "config.model.width": 1.5})
    check_types(store, {"config.model.depth": 1.5, "config.data.name": None})
    wrong = {"config.model.depth": "deep", "config.model": 1, "config.data.name.x": 2}
    with pytest.raises(ResultsError, match="config.model.depth as") as error:
        check_types(store, wrong)
    assert "config.model beside config.model.depth" in str(error.value)
    assert "config.data.name.x beside config.data.name" in str(error.value)


def test_the_best_trial_is_by_validation_alone(tmp_path: Path) -> None:
    store = new_store(tmp_path, "one")
    values = {"a": 0.5, "b": 0.75, "c": None}
    write(store, "one", trials=[trial_row(t, val__loss=v) for t, v in values.items()])
    results = open_results(store)
    best, least = (results.best("one", "val.loss", mode) for mode in ("max", "min"))
    assert best is not None
    assert least is not None
    assert (best["trial"], least["trial"]) == ("b", "a")
    assert results.best("one", "val.accuracy", "max") is None
    with pytest.raises(ResultsError, match="must be one of validation"):
        results.best("one", "test.accuracy", "max")


def test_a_trial_is_found_by_the_start_of_its_id(tmp_path: Path) -> None:
    store = new_store(tmp_path, "one")
    write(store, "one", trials=[trial_row(t) for t in ("ab1", "ab2", "cd3")])
    assert open_results(store).find_trial("one", "c")["trial"] == "cd3"
    with pytest.raises(ResultsError, match="found 2"):
        open_results(store).find_trial("one", "ab")
