"""The Pareto front of a sweep: who is on it, and how it is told."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypg.errors import ResultsError
from raypg.results import Results, open_results
from raypg.results import __main__ as command_line
from raypg.results.front import find_front, read_front
from raypg.store import Store
from tests.command import Command
from tests.results.sweeps import new_store, trial_row, write

NAN = math.nan
values = st.sampled_from([0.0, 1.0, 2.0, 3.0, math.inf, -math.inf, NAN])
BOTH = ("val.accuracy", "num_parameters")


@pytest.mark.parametrize(
    ("points", "modes", "front"),
    [
        ([], ("max", "max"), []),
        ([(1, 1)], ("max", "min"), [0]),
        ([(1, 1), (2, 2)], ("max", "max"), [1]),
        ([(1, 1), (2, 2)], ("max", "min"), [1, 0]),
        ([(1, 1), (1, 1)], ("max", "min"), [0, 1]),
        ([(1, 2), (1, 1)], ("max", "min"), [1]),
        ([(2, 1), (1, 1)], ("min", "max"), [1]),
        ([(NAN, 9), (1, 1), (2, NAN)], ("max", "max"), [1]),
        ([(math.inf, 1), (1, 2)], ("max", "max"), [0, 1]),
        ([(1, 1, 1), (1, 1, 2), (1, 2, 1)], ("max", "max", "max"), [2, 1]),
    ],
)
def test_a_front_is_what_nothing_beats(
    points: list[tuple[float, ...]], modes: tuple[str, ...], front: list[int]
) -> None:
    assert find_front(points, modes) == front


@given(st.data(), st.integers(1, 4))
def test_a_front_is_that_of_its_definition(data: st.DataObject, size: int) -> None:
    modes = data.draw(st.tuples(*[st.sampled_from(["max", "min"])] * size))
    points = data.draw(st.lists(st.tuples(*[values] * size), max_size=14))

    def beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        pairs = [
            (a, b) if mode == "max" else (b, a)
            for a, b, mode in zip(one, other, modes, strict=True)
        ]
        return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)

    wanted = {
        i
        for i, one in enumerate(points)
        if not any(map(math.isnan, one))
        if not any(beats(other, one) for other in points)
    }
    found = find_front(points, modes)
    assert {*found} == wanted
    assert len(found) == len(wanted)
    firsts = [points[i][0] for i in found]
    assert firsts == sorted(firsts, reverse=modes[0] == "max")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = new_store(tmp_path, "depth", axes=["model.depth"], metric="val.accuracy")
    arms = [("small", 10, 0.5), ("middle", 20, 0.8), ("large", 30, 0.75)]
    write(
        store,
        "depth",
        trials=[
            trial_row(
                f"{arm}{seed}",
                "cached" if seed else "completed",
                arm=arm,
                seed=seed,
                number=seed,
                num_parameters=size,
                val__accuracy=accuracy + 0.01 * seed,
                val__loss=1 - accuracy,
                val__cost=accuracy,
                train_s=2.0 if arm == "large" else 4.0,
            )
            for arm, size, accuracy in arms
            for seed in (0, 1)
        ]
        + [
            trial_row("x", arm="x", num_parameters=1, val__accuracy=NAN),
            trial_row("y", arm="y", num_parameters=1),
            trial_row("z", "failed", arm="z", num_parameters=1, val__accuracy=0.99),
            trial_row("w", "extended", arm="w", num_parameters=1, val__accuracy=0.99),
        ],
    )
    return store


@pytest.fixture
def results(store: Store) -> Results:
    return open_results(store)


def test_arms_are_averaged_over_their_seeds(results: Results) -> None:
    front = read_front(results, "depth")
    assert [one.label for one in front.members] == ["middle", "small"]
    assert (front.num_candidates, front.num_left_out) == (3, 2)
    accuracy, size = front.members[0].means
    assert accuracy.num_values == 2
    assert accuracy.mean == pytest.approx(0.805)
    assert accuracy.low is not None
    assert accuracy.low < 0.8
    assert (size.mean, size.low) == (20, None)


def test_any_two_metrics_have_a_front(results: Results) -> None:
    def labels(*metrics: str) -> list[str]:
        return [one.label for one in read_front(results, "depth", metrics).members]

    assert labels("val.accuracy", "train_s") == ["middle", "large"]
    assert labels("train_s", "val.accuracy") == ["large", "middle"]
    assert labels("val.loss", "val.accuracy") == ["middle"]
    assert labels("val.accuracy", "num_parameters", "train_s") == [
        *("middle", "large", "small")
    ]
    # One of the user's own is better upwards, unless it is said.
    assert labels("val.cost", "num_parameters")[0] == "middle"
    assert labels("val.cost:min", "num_parameters") == ["small"]


@pytest.mark.parametrize(
    ("metrics", "match"),
    [
        (["val.accuracy"], "must be given twice or more; found val.accuracy"),
        (["val.accuracy", "val.acuracy"], 'Did you mean "val.accuracy"'),
        (["val.accuracy", "parameters"], "or a cost; found parameters.*num_parameters"),
        (["val.accuracy", "test.accuracy"], "must be of validation, or a cost"),
        (["val.loss", "val.loss:min"], "must all differ; found val.loss twice"),
        (["val.loss", "train_s:low"], "must end in :max or :min; found train_s:low"),
        (["val.loss", "num_flops"], "must have a completed trial with val.loss, num_"),
    ],
)
def test_what_has_no_front_is_an_error(
    results: Results, metrics: list[str], match: str
) -> None:
    with pytest.raises(ResultsError, match=match):
        read_front(results, "depth", metrics)


@pytest.fixture
def ask(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    return Command(command_line.main, store.uri, capsys, monkeypatch)


def test_a_front_is_told_with_its_noise(ask: Command) -> None:
    said = ask("front", "depth")
    assert (said.code, said.err) == (0, "")
    header, first, *_ = said.out.splitlines()
    assert header.split() == ["arm", "seeds", *BOTH]
    assert first.split() == ["middle", "2", "80.50", "±", "6.35", "%", "20"]
    assert "Pareto front: 2 of 3 arms, for the highest val.accuracy and" in said.out
    assert "Left out for want of a number: 2 trials that ended well." in said.out


def test_a_front_is_read_by_machines(ask: Command) -> None:
    asked = [part for name in BOTH for part in ("--metric", name)]
    rows = json.loads(ask("front", "depth", *asked, "--format", "json").out)
    assert [row["arm"] for row in rows] == ["middle", "small"]
    assert rows[0]["val.accuracy_high"] == pytest.approx(0.8685, abs=1e-4)
    assert (rows[0]["num_parameters"], rows[0]["num_parameters_low"]) == (20, None)
    assert ask("front", "depth", "--metric", "val.loss").code == 2


SEVERAL = ["val.accuracy:max", "val.cost:min", "num_parameters:min"]


def several(tmp_path: Path, *trials: dict[str, object]) -> Store:
    about = {"kind": "search", "metric": "val.accuracy", "mode": "max"}
    store = new_store(tmp_path, "wide", **about, metrics=SEVERAL, axes=["model.hidden"])
    write(store, "wide", trials=trials)
    return store


def hidden(size: int, accuracy: float, cost: float) -> dict[str, object]:
    return trial_row(
        f"t{size}",
        num_epochs=2,
        num_parameters=1000 * size,
        val__accuracy=accuracy,
        val__cost=cost,
        config__model__hidden=size,
        train_s=1.0,
        number=size,
    )


def test_a_search_of_several_metrics_is_answered_by_its_front(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        hidden(1, 0.5, 3),
        hidden(2, 0.75, 1),
        hidden(3, 0.75, 2),
        hidden(4, 0.5, 5),
    ]
    store = several(tmp_path, *rows)
    ask = Command(command_line.main, store.uri, capsys, monkeypatch)
    shown = ask("show", "wide").out
    for out in (shown, ask("best", "wide").out, ask("front", "wide").out):
        assert "t2     75.00 %       1         2,000           " in out
        assert "Pareto front: 2 of 4 trials, for the highest val.accuracy and" in out
    assert "val.cost" in shown.partition("\n\n")[2].splitlines()[0]
    assert "order by val.accuracy desc" in shown
    for form in ("json", "csv", "markdown", "latex"):
        assert ask("best", "wide", "--format", form).code == 0
        assert "t3" not in ask("front", "wide", "--format", form).out
    paper = ask("show", "wide", "--format", "markdown").out
    header, _, first, *_ = paper.splitlines()
    wanted = ["trial", "val.accuracy (%)", "val.cost", "num_parameters"]
    assert [cell.strip() for cell in header.split("|")[1:5]] == wanted
    assert [cell.strip() for cell in first.split("|")[1:5]] == [
        *("t2", "75.00", "1.0000", "2,000")
    ]
    said = ask("best", "wide", "--test")
    assert (said.code, said.err.splitlines()) == (
        2,
        [
            "--metric: must be given with several metrics; found --test of wide alone. "
            "Say by which one."
        ],
    )
    listed = json.loads(ask("best", "wide", "--mode", "min", "--format", "json").out)
    assert listed[0]["val.accuracy"] == 0.5
    page = tmp_path / "wide.html"
    assert ask("report", "wide", "--out", str(page)).code == 0
    assert "What no other trial beats" in page.read_text("utf-8")


def test_a_search_without_a_number_has_no_front(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = several(tmp_path, hidden(1, 0.5, NAN))
    ask = Command(command_line.main, store.uri, capsys, monkeypatch)
    assert (
        "No trial that ended well has a number of val.accuracy"
        in ask("show", "wide").out
    )
    said = ask("front", "wide")
    assert said.code == 2
    assert "must have a completed trial with val.accuracy, val.cost" in said.err
