"""The command `--plan`, as it is typed."""

from dataclasses import replace
from pathlib import Path

import pytest

from raypg.cluster import plan as planning
from raypg.config import flatten
from raypg.experiment import AblationProposals, build_proposals, load_space
from raypg.memo import fingerprint_columns
from tests.command import Command
from tests.results.sweeps import new_store, trial_row, write

SPACE = """from raypg import Ablation
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 8, "train.epochs": 2},
    axes={"optimizer.lr": [0.05, 0.1]}, seeds=2)
"""
SEARCH = """from raypg import *
SPACE = Search(base={"model.name": "mlp"}, axes={"optimizer.lr": uniform(0.1, 1)},
    trials=6, scheduler=ASHA(max_epochs=9))
"""


@pytest.fixture
def tune(tune: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command beside a space.py of four trials; nor may a plan reach for Ray."""

    def refuse(*_: object) -> None:
        raise AssertionError("a cluster was asked for")

    Path("space.py").write_text(SPACE)
    monkeypatch.setattr(planning, "join", refuse)
    return tune


@pytest.fixture
def no_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a step was measured")

    monkeypatch.setattr(planning, "measure_here", refuse)


def hold_completed(folder: Path, num: int, changed_file: str = "") -> None:
    """A store in which the first trials of space.py are completed.

    With a file, they were trained by another version of it.
    """
    proposals = build_proposals(load_space("space.py"), [], device="cpu", num_workers=1)
    assert isinstance(proposals, AblationProposals)
    rows = []
    for trial in proposals.trials[:num]:
        prints = trial.fingerprint
        if changed_file:
            prints = replace(prints, code={**prints.code, changed_file: "old"})
        leaves = flatten(trial.config).items()
        row = {f"config.{name}": value for name, value in leaves}
        rows.append(trial_row(prints.key) | row | fingerprint_columns(prints))
    write(new_store(folder, "old"), "old", trials=rows)


@pytest.mark.usefixtures("no_steps")
def test_a_count_says_what_would_run(tune: Command) -> None:
    said = tune("space.py", "--plan=count")
    assert (said.code, said.err) == (0, "")
    assert "trials     4: 2 arms × 2 seeds" in said.out
    assert "0 are in" in said.out
    assert "epochs     8; 2 a trial" in said.out
    assert "steps      152; 19 an epoch" in said.out
    assert "mlp      682 " in said.out
    assert tune.is_untouched()


@pytest.mark.usefixtures("no_steps")
def test_a_count_of_a_race_is_a_range(tune: Command) -> None:
    race = ("--until-interval", "0.01", "--max-seeds", "5")
    said = tune("space.py", "--plan=count", *race)
    assert (said.code, said.err) == (0, "")
    assert "trials     6 to 10: 2 arms × 3 to 5 seeds\n" in said.out
    assert "cached     0 are in" in said.out
    assert "; 6 to 10 to train\n" in said.out
    assert "epochs     12 to 20; 2 a trial\n" in said.out
    assert "2 arms × 3 seeds\n" in tune("space.py", "--plan=count", *race[:-1], "3").out


@pytest.mark.usefixtures("no_steps")
def test_a_count_asks_no_cluster_even_where_one_is_named(tune: Command) -> None:
    said = tune("space.py", "--plan=count", "--address", "10.0.0.1:6379")
    assert said.code == 0


@pytest.mark.usefixtures("no_steps")
def test_a_count_of_a_search_is_a_range(tune: Command) -> None:
    Path("space.py").write_text(SEARCH)
    said = tune("space.py", "--plan=count")
    assert "at most 6, drawn one by one" in said.out
    assert "to 54; 9 a trial at most" in said.out


@pytest.mark.usefixtures("no_steps")
@pytest.mark.parametrize("flag", ["--plan", "--plan=count"])
def test_a_sweep_that_the_store_answers_says_so(
    tune: Command, tmp_path: Path, flag: str
) -> None:
    hold_completed(tmp_path, 4)
    said = tune("space.py", flag)
    assert "all 4 are in" in said.out
    assert "there is nothing to train" in said.out
    assert "to train" in tune("space.py", "--plan=count", "--fresh").out


@pytest.mark.usefixtures("no_steps")
def test_what_is_cached_and_what_made_others_stale_is_named(
    tune: Command, tmp_path: Path
) -> None:
    hold_completed(tmp_path, 3)
    before = sorted(map(str, Path("runs").rglob("*")))
    said = tune("space.py", "--plan=count")
    assert "3 are in" in said.out
    assert "1 to train" in said.out
    assert sorted(map(str, Path("runs").rglob("*"))) == before


@pytest.mark.usefixtures("no_steps")
def test_a_store_that_is_a_file_is_refused(tune: Command, tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    said = tune("space.py", "--plan=count")
    assert said.code == 2
    assert "found not a directory" in said.err


def test_stale_trials_name_the_file_that_changed(tune: Command, tmp_path: Path) -> None:
    hold_completed(tmp_path, 3, "raypg/optim/__init__.py")
    said = tune("space.py", "--plan=count")
    assert (
        "stale      raypg/optim/__init__.py has changed: 3 of the store's" in said.out
    )


@pytest.mark.usefixtures("no_steps")
def test_a_search_names_the_file_that_made_its_trials_stale(
    tune: Command, tmp_path: Path
) -> None:
    hold_completed(tmp_path, 3, "raypg/optim/__init__.py")
    # The third has another seed than the search.
    source = SPACE.replace("Ablation", "*").replace("*(", "Search(")
    Path("space.py").write_text(
        source.replace("[0.05, 0.1]}, seeds=2", "uniform(0.01, 1)}, trials=4")
    )
    said = tune("space.py", "--plan=count")
    assert (
        "stale      raypg/optim/__init__.py has changed: 2 of the store's" in said.out
    )


@pytest.mark.usefixtures("no_steps")
def test_a_plan_says_which_depths_are_rounded(tune: Command) -> None:
    Path("space.py").write_text(
        SPACE.replace("mlp", "densenet").replace("hidden", "depth")
    )
    said = tune("space.py", "--plan=count", "model.round_depth=true")
    assert "model.round_depth=true builds other depths: 8→7" in said.err


def test_a_plan_measures_steps_and_gives_ranges(tune: Command) -> None:
    said = tune("space.py", "--plan", "--max-concurrent", "1")
    assert (said.code, said.err) == (0, "")
    facts = dict(one.split(maxsplit=1) for one in said.out.splitlines() if one)
    assert facts["measured"].endswith("1 shape of trial, alone")
    assert "1 trial at a time" in facts["time"]
    assert "a worker at its peak (resident)" in facts["memory"]
    assert "of it checkpoints" in facts["disk"]
    assert "costliest" not in said.out
    assert tune.is_untouched()


def test_a_plan_of_steps_that_fail_says_why(
    tune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from raypg.plan.report import Report, Timing

    report = Report([Timing(error="OutOfMemoryError: 80 GiB")], 0, 0)
    monkeypatch.setattr(planning, "measure_here", lambda *_: ([report], 1.0))
    said = tune("space.py", "--plan")
    assert said.code == 0
    assert "fails      mlp: OutOfMemoryError: 80 GiB" in said.out


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["nowhere.py"], "nowhere.py: must be a readable file"),
        (["space.py", "train.epohcs=3"], 'command line: "train.epohcs"'),
        (["space.py", "--name", "old"], "--name old: must be new"),
        (["space.py", "--cpus-per-worker", "999"], "--workers-per-trial, --cpus"),
        (["space.py", "train.batch_size=1", "--workers-per-trial", "2"], '"train.b'),
    ],
)
@pytest.mark.usefixtures("no_steps")
def test_a_sweep_that_could_not_start_cannot_be_planned(
    tune: Command, tmp_path: Path, arguments: list[str], where: str
) -> None:
    new_store(tmp_path, "old")
    said = tune(*arguments, "--plan")
    assert said.code == 2
    assert said.err.startswith(where)
    assert said.out == ""


def test_a_cluster_is_planned_on_its_own_workers(
    cluster: None, tune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "join", lambda *_: None)
    said = tune("space.py", "--plan", "--address", "auto", "--max-concurrent", "1")
    assert (said.code, said.err) == (0, "")
    assert "1 trial at a time" in said.out


def test_a_cluster_without_a_free_worker_is_an_error(
    cluster: None, tune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "join", lambda *_: None)
    monkeypatch.setattr(planning, "PATIENCE_S", 0.0)
    said = tune("space.py", "--plan", "--address", "auto", "--max-concurrent", "1")
    assert said.code == 2
    assert said.err.startswith("--plan: a worker of the cluster must be free")
