"""A finished sweep is given more seeds or trials: only these are trained."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from raypg.checkpoints import list_held
from raypg.errors import StoreError
from raypg.results import open_results
from tests.conftest import RunSpace, resume

ABLATION = """
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 16, "train.epochs": 2},
    axes={"optimizer.lr": [0.05, 0.1]},
    seeds=1,
)
"""
SEARCH = """
SPACE = Search(
    base={"model.name": "mlp", "model.hidden": 16, "train.epochs": 2},
    axes={"optimizer.lr": log_uniform(1e-4, 1.0)},
    trials=3,
)
"""
GROWN = {"seeds=1": "seeds=3", "trials=3": "trials=5"}


def write_space(folder: Path, source: str, **changes: str) -> str:
    """Another file with the space, changed; its path."""
    for old, new in changes.items():
        source = source.replace(old, new)
    path = folder / "more.py"
    path.write_text(f"from raypg import *\n{source}\n")
    return str(path)


@pytest.mark.parametrize("source", [ABLATION, SEARCH], ids=["ablation", "search"])
def test_a_finished_sweep_goes_on_with_more(
    run_space: RunSpace, tmp_path: Path, source: str
) -> None:
    first = run_space(source, keep_checkpoints="best")
    results, name = open_results(first.store), first.sweep
    before = results.trials(name)
    more = write_space(tmp_path, source, **GROWN)
    grown = resume(first, space=more)
    rows = results.trials(name)
    assert grown.exit_code == 0
    assert len(rows) > len(before)
    assert {row["status"] for row in rows} == {"completed"}
    assert [row["number"] for row in rows] == list(range(len(rows)))
    # Trained once, in the same order, and never begun again.
    keys = ("trial", "attempt", "started", "finished", "val.loss")
    for old, row in zip(before, rows, strict=False):
        assert [row[key] for key in keys] == [old[key] for key in keys]
    assert set(grown.ledger.entries) == {r["trial"] for r in rows[len(before) :]}
    assert results.sweep_description(name)["num_trials"] == len(rows)
    assert len(list_held(first.store, name)) == 1
    again = resume(first)
    assert (again.ledger.entries, again.ledger.num_ended) == ({}, len(rows))


@pytest.mark.parametrize(
    ("source", "others"),
    [
        (
            ABLATION,
            [
                ("seeds=1", "seeds=[1, 2]", "seeds"),
                ("0.1]", "0.2]", "axes"),
                ("16", "8", "base"),
                ("seeds=1", 'seeds=2, metric="val.loss", mode="min"', "metric, mode"),
            ],
        ),
        (
            SEARCH,
            [
                ("trials=3", "trials=2", "trials"),
                ("1e-4", "1e-3", "axes"),
                (SEARCH, ABLATION, "kind"),
            ],
        ),
    ],
    ids=["ablation", "search"],
)
def test_another_space_is_refused_and_nothing_changes(
    run_space: RunSpace,
    tmp_path: Path,
    source: str,
    others: Sequence[tuple[str, str, str]],
) -> None:
    first = run_space(source)
    about = first.store.read_description(first.sweep)
    for old, new, differs in others:
        more = write_space(tmp_path, source, **{old: new})
        with pytest.raises(StoreError, match=f"found {more} with other {differs}. St"):
            resume(first, space=more)
        assert first.store.read_description(first.sweep) == about


def test_a_sweep_goes_on_without_a_run_of_what_its_store_says(
    run_space: RunSpace, tmp_path: Path
) -> None:
    first = run_space(ABLATION)
    store, name, mark = first.store, first.sweep, tmp_path / "was_run"
    about = store.read_description(name)
    assert about["space"]["@kind"] == "Ablation"
    store.write_description(
        name, {**about, "space_source": f"open({str(mark)!r}, 'w')\n"}
    )
    assert resume(first).ledger.num_ended == 2
    assert resume(first, space=write_space(tmp_path, ABLATION, **GROWN)).exit_code == 0
    assert store.read_description(name)["space"]["seeds"] == 3
    # As an older raypg kept it: only the flag runs it, and then it is kept as data.
    about = store.read_description(name)
    (tmp_path / "more.py").unlink()
    store.write_description(name, {k: v for k, v in about.items() if k != "space"})
    with pytest.raises(StoreError, match="a store's code is not run"):
        resume(first)
    assert resume(first, runs_saved=True).exit_code == 0
    assert store.read_description(name)["space"] == about["space"]
    assert not mark.exists()
