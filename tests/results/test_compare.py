"""`compare`: who is paired with whom, what is marked, what is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from raypg.errors import ResultsError
from raypg.results import open_results
from raypg.results.__main__ import main
from raypg.results.answer import summarise
from raypg.results.compare import Versus, compare_sides
from raypg.results.metric import metric_of
from raypg.results.sides import find_side
from raypg.store import Store
from tests.command import Command
from tests.results.sweeps import new_store, trial_row, write

SAME = {
    "num_epochs": 3,
    "config.train.precision": "fp32",
    "config.data.name": "digits",
    "config.data.fraction": 1.0,
    "config.train.batch_size": 64,
    "fingerprint.code": json.dumps({"raypg/loop.py": "1", "raypg/mlp.py": "1"}),
    "fingerprint.device": "cpu",
    "fingerprint.data": "digits-1",
    "fingerprint.torch": "2.15",
    "num_workers": 1,
    "num_threads": 1,
}
DEPTHS = {22: [0.90, 0.91, 0.92], 40: [0.95, 0.959, 0.971]}


def rows_of(
    depth: int, values: list[float], status: str = "completed", **more: object
) -> list[dict[str, Any]]:
    """The trials of a depth, one a seed; their ids are hexadecimal."""
    named = {name.replace("__", "."): value for name, value in more.items()}
    lr = named.get("config.optimizer.lr", 0.1)
    assert isinstance(lr, float)
    return [
        trial_row(f"{depth:04x}{int(1000 * lr):04x}{seed:08x}", status)
        | SAME
        | {
            "arm": f"model.depth={depth}",
            "seed": seed,
            "config.seed": seed,
            "config.model.depth": depth,
            "config.optimizer.lr": 0.1,
            "val.accuracy": value,
            "num_parameters": 100 * depth,
        }
        | named
        for seed, value in enumerate(values)
    ]


def new_sweep(folder: Path, *groups: list[dict[str, Any]], **about: object) -> Store:
    store = new_store(folder, "depth", **about)
    write(store, "depth", trials=[row for group in groups for row in group])
    return store


def versus(store: Store, a: str, *others: str, match: str = "") -> list[Versus]:
    results = open_results(store)
    sides = [find_side(results, text) for text in (a, *others)]
    return compare_sides(sides[0], sides[1:], metric_of(results, sides), match)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_sweep(tmp_path, *(rows_of(d, values) for d, values in DEPTHS.items()))


def test_trials_are_paired_by_seed(store: Store) -> None:
    (found,) = versus(store, "model.depth=40", "model.depth=22")
    assert found.seeds == (0, 1, 2)
    assert found.paired.difference.mean == pytest.approx(0.05)
    assert found.paired.difference.low == pytest.approx(0.05 - 0.00248, abs=1e-5)
    assert found.question == ("model.depth",)
    assert found.marks == ()
    assert found.num_trials == (3, 3)


@pytest.mark.parametrize(
    "name",
    [
        "depth",
        "0016006400000001",
        "0016006400000001"[:14] + "01",
        "model.depth=22",
        "config.model.depth=22",
        "model.depth=22 optimizer.lr=0.1",
        "config.model.depth = 22",
        "model.depth < 40 and seed < 2",
        "status = 'completed' and config.optimizer.lr = 0.1",
    ],
)
def test_a_side_is_named_as_one_thinks_of_it(store: Store, name: str) -> None:
    assert find_side(open_results(store), name).rows


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("dept", 'no such trial. Did you mean "depth"'),
        ("model.depth=99", "no such trial. Did you mean"),
        ("model.depht=22", '"model.depht". Did you mean "depth"'),
        ("0016", "must start the id of one trial"),
        ("config.model.depht > 3", "Did you mean config.model.depth"),
        ("config.model.depth >", "syntax error"),
        ("'", "must be a sweep, a trial, an arm or a condition"),
        ("drop table trials", "must be a sweep, a trial, an arm or a condition"),
    ],
)
def test_what_names_nothing_is_one_line_and_exit_code_2(
    store: Store,
    name: str,
    found: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = Command(main, store.uri, capsys, monkeypatch)("compare", name, "depth")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert found in said.err


def test_other_settings_are_matched_and_averaged_within_a_seed(tmp_path: Path) -> None:
    groups = [
        rows_of(depth, values, config__optimizer__lr=lr)
        for depth, lr, values in [
            (22, 0.1, [0.5, 0.6]),
            (22, 0.2, [0.7, 0.8]),
            (40, 0.1, [0.6, 0.8]),
            (40, 0.2, [0.9, 0.9]),
            (40, 0.4, [0.1, 0.1]),  # 22 has none of it
        ]
    ]
    store = new_sweep(tmp_path, *groups)
    (found,) = versus(store, "config.model.depth=40", "config.model.depth=22")
    assert found.paired.difference.num_values == 2
    assert found.paired.difference.mean == pytest.approx(0.15)
    assert found.num_trials == (4, 4)
    (mark,) = found.marks
    assert mark.startswith("unpaired: 2 of 6 trials of A")


def test_what_differs_on_one_side_alone_cannot_be_matched_and_is_marked(
    tmp_path: Path,
) -> None:
    first = rows_of(22, [0.5, 0.6], config__optimizer__lr=0.1)
    second = rows_of(40, [0.6, 0.8], config__optimizer__lr=0.1)
    for row, lr in zip(second, (0.1, 0.3), strict=True):
        row["config.optimizer.lr"] = lr
    for row, lr in zip(first, (0.3, 0.1), strict=True):
        row["config.optimizer.lr"] = lr
    store = new_sweep(tmp_path, first, second)
    (found,) = versus(store, "config.model.depth=40", "config.model.depth=22")
    assert found.marks == ("settings: not matched in optimizer.lr",)


@pytest.mark.parametrize(
    ("more", "mark"),
    [
        ({"num_epochs": 9}, "epochs done: 9 against 3"),
        ({"config.train.precision": "bf16"}, "precision: bf16 against fp32"),
        ({"config.data.name": "mnist"}, "data: mnist against digits"),
        ({"fingerprint.data": "digits-2"}, "data: digits-2 against digits-1"),
        ({"config.data.fraction": 0.5}, "part of the training set: 0.5 against 1"),
        ({"config.train.batch_size": 32}, "effective batch: 32 against 64"),
        ({"micro_batch": 16}, "micro-batch: 16 against none"),
        ({"fingerprint.device": "cuda"}, "device: cuda against cpu"),
        ({"fingerprint.torch": "2.14"}, "torch: 2.14 against 2.15"),
        ({"num_workers": 2}, "workers a trial: 2 against 1"),
        ({"num_threads": 2}, "threads a worker: 2 against 1"),
        ({"attempt": 1}, "retries: 3 of 3 trials of A and 0 of 3 of B were started"),
        ({"mixed": "loop.py"}, "mixed: the code changed while 3 trials of A trained"),
        (
            {"fingerprint.code": json.dumps({"raypg/loop.py": "2"})},
            "code: raypg/loop.py changed between",
        ),
    ],
)
def test_what_is_not_alike_is_marked_before_the_number(
    tmp_path: Path,
    more: dict[str, Any],
    mark: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = [row | more for row in rows_of(40, DEPTHS[40])]
    store = new_sweep(tmp_path, rows_of(22, DEPTHS[22]), other)
    command = Command(main, store.uri, capsys, monkeypatch)
    said = command("compare", "model.depth=40", "model.depth=22")
    assert said.code == 0
    assert said.out.index(f"not alike: {mark}") < said.out.index("A - B")
    assert command("compare", "model.depth=40", "model.depth=22", "--strict").code == 1


def test_a_file_that_only_one_side_has_is_no_mark(tmp_path: Path) -> None:
    code = json.dumps({"raypg/loop.py": "1", "raypg/resnet.py": "1"})
    other = rows_of(40, DEPTHS[40], fingerprint__code=code)
    store = new_sweep(tmp_path, rows_of(22, DEPTHS[22]), other)
    assert versus(store, "model.depth=40", "model.depth=22")[0].marks == ()


def test_stopped_trials_are_censored_and_failed_ones_left_out(tmp_path: Path) -> None:
    rows = rows_of(22, [0.9, 0.91, 0.92])
    bad = rows_of(40, [0.95, 0.96, 0.1, 0.1, 0.1])
    for row, status in zip(bad[2:], ("stopped", "failed", "running"), strict=True):
        row["status"] = status
    store = new_sweep(tmp_path, rows, bad)
    (found,) = versus(store, "model.depth=40", "model.depth=22")
    assert found.paired.difference.mean == pytest.approx(0.05)
    assert found.seeds == (0, 1)
    told = "\n".join(found.marks)
    assert "censored: 1 of 5 trials of A" in told
    assert "failed: 1 of 5 trials of A" in told
    assert "unfinished: 1 of 5 trials of A" in told


def test_several_are_corrected_for_their_number(tmp_path: Path) -> None:
    groups = {**DEPTHS, 58: [0.93, 0.94, 0.96]}
    store = new_sweep(tmp_path, *(rows_of(d, v) for d, v in groups.items()))
    names = [f"model.depth={depth}" for depth in (22, 40, 58)]
    found = versus(store, *names)
    raw = [one.paired.p_t or 0 for one in found]
    assert [one.p_holm for one in found] == pytest.approx(
        [max(2 * min(raw), p) if p > min(raw) else 2 * p for p in raw]
    )


@pytest.mark.parametrize("what", ["parameters", "flops"])
def test_trials_may_be_matched_by_what_they_cost(tmp_path: Path, what: str) -> None:
    first = rows_of(22, [0.5, 0.6])
    second = rows_of(40, [0.6, 0.8])
    for row in (*first, *second):
        # The other measure is of no help: it is as far apart as it can be.
        row |= {"num_parameters": 10 ** row["seed"], "num_flops": 10 ** row["seed"]}
        row[f"num_{what}"] = 2_200 if row in first else 2_300
    far = rows_of(58, [0.1, 0.1])
    store = new_sweep(tmp_path, first, second, far)
    rest = "config.model.depth > 22"
    (found,) = versus(store, rest, "model.depth=22", match=what)
    assert found.paired.difference.mean == pytest.approx(0.15)
    assert any(
        "2 of 4 trials of A have none of B within 10 %" in m for m in found.marks
    )


def test_a_sweep_is_held_against_a_part_of_it_without_that_part(store: Store) -> None:
    (found,) = versus(store, "depth", "model.depth=22")
    assert found.paired.difference.mean == pytest.approx(0.05)
    assert found.marks == ("overlap: 3 trials on both sides do not count for A",)


def test_what_is_better_lower_is_won_by_the_lower(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = [
        [row | {"val.error": row["val.accuracy"]} for row in rows_of(depth, values)]
        for depth, values in DEPTHS.items()
    ]
    store = new_sweep(tmp_path, *groups, metric="val.error", mode="min")
    command = Command(main, store.uri, capsys, monkeypatch)
    assert "B beats A" in command("compare", "model.depth=40", "model.depth=22").out


def test_more_seeds_on_one_side_are_no_mark(tmp_path: Path) -> None:
    more = [*DEPTHS[40], 0.96, 0.97]
    store = new_sweep(tmp_path, rows_of(22, DEPTHS[22]), rows_of(40, more))
    (found,) = versus(store, "model.depth=40", "model.depth=22")
    assert found.seeds == (0, 1, 2)
    assert found.marks == ()


def test_a_text_in_quotes_is_left_as_it_is(tmp_path: Path) -> None:
    rows = [row | {"arm": "model.depth=22 seed"} for row in rows_of(22, [0.9, 0.8])]
    results = open_results(new_sweep(tmp_path, rows))
    found = find_side(results, "arm = 'model.depth=22 seed' and model.depth = 22")
    assert len(found.rows) == 2


def test_a_list_is_typed_as_it_is_overridden(tmp_path: Path) -> None:
    rows = [
        row | {"config.schedule.milestones": [0.5, 0.75]} for row in rows_of(22, [0.9])
    ]
    results = open_results(new_sweep(tmp_path, rows))
    assert find_side(results, "schedule.milestones=[0.5,0.75]").rows


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["depth", "depth"], "must be of different trials"),
        (["model.depth=40", "0016006400000000", "--metric", "val.los"], "val.los"),
        (["model.depth=40", "model.depth=58"], "must have completed trials with"),
        (["0028006400000001", "0016006400000000"], "seeds 1 against 0"),
        (
            ["model.depth=40", "model.depth=22", "--match", "parameters"],
            "must have trials within 10 % of the same parameters",
        ),
        (["model.depth=40"], "Missing argument 'B'"),
        (["depth", "depth", "--sweep", "dept"], 'Did you mean "depth"'),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_exit_code_2(
    tmp_path: Path,
    arguments: list[str],
    found: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = [rows_of(d, values) for d, values in DEPTHS.items()]
    store = new_sweep(tmp_path, *groups, rows_of(58, [0.1], "failed"))
    said = Command(main, store.uri, capsys, monkeypatch)("compare", *arguments)
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert found in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.96, 0.969, 0.981], "A beats B by 6.00 points (p < 0.001)."),
        ([0.92, 0.90, 0.93], "No difference beyond seed noise (p = 0.53). If it is "),
        ([0.95], "A is ahead of B by 5.00 points, but one seed says nothing about"),
        ([0.90, 0.91, 0.92], "A and B are the same in each of 3 seeds."),
    ],
)
def test_the_verdict_is_what_the_seeds_allow(
    tmp_path: Path,
    values: list[float],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = new_sweep(tmp_path, rows_of(22, DEPTHS[22]), rows_of(40, values))
    command = Command(main, store.uri, capsys, monkeypatch)
    out = command("compare", "model.depth=40", "model.depth=22").out
    assert out.splitlines()[-1].startswith(said)


def test_json_has_every_number_and_null_for_what_is_not_known(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command(main, store.uri, capsys, monkeypatch)
    names = ("compare", "model.depth=40", "model.depth=22", "--format", "json")
    (row,) = json.loads(command(*names).out)
    assert row["difference"] == pytest.approx(0.05)
    assert row["interval_low"] < row["difference"] < row["interval_high"]
    assert (row["p_value"], row["num_pairs"], row["seeds"]) == (0.25, 3, [0, 1, 2])
    assert row["rule"] == "the last epoch of each trial"
    one = (
        "compare",
        "config.model.depth=40 and seed=0",
        "config.model.depth=22 and seed=0",
    )
    (row,) = json.loads(command(*one, *names[3:]).out)
    assert row["interval_low"] is row["p_value"] is None


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        (
            [0.95, NAN, 0.97],
            "no number: 1 of 3 trials of A completed with a val.accuracy that is NaN, "
            "and are left out",
        ),
        (
            [0.95, NAN, INF],
            "no number: 2 of 3 trials of A completed with a val.accuracy that is NaN "
            "or infinite, and are left out",
        ),
        (
            [0.95, None, 0.97],
            "no value: 1 of 3 trials of A completed without val.accuracy, and are left "
            "out",
        ),
    ],
)
def test_trials_without_a_number_are_told_before_it(
    values: list[Any],
    mark: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = new_sweep(tmp_path, rows_of(22, DEPTHS[22]), rows_of(40, values))
    command = Command(main, store.uri, capsys, monkeypatch)
    names = ("compare", "model.depth=40", "model.depth=22")
    lines = command(*names).out.splitlines()
    assert lines[2] == f"not alike: {mark}"
    assert lines[3].startswith("val.accuracy of the last epoch of each trial: ")
    assert lines[-1].endswith("They are not alike in all else: see above.")
    (row,) = json.loads(command(*names, "--format", "json").out)
    assert row["marks"] == [mark]


def test_a_side_of_nan_alone_is_refused_in_these_words(tmp_path: Path) -> None:
    store = new_sweep(tmp_path, rows_of(22, DEPTHS[22]), rows_of(40, [NAN, NAN, INF]))
    said = r"3 completed of 3, none with a number \(3 are NaN or infinite\)"
    with pytest.raises(ResultsError, match=said):
        versus(store, "model.depth=40", "model.depth=22")


@pytest.mark.parametrize("mode", ["max", "min"])
def test_a_nan_is_never_the_best(tmp_path: Path, mode: str) -> None:
    values = [NAN, 0.9, NAN, 0.8, NAN]
    store = new_sweep(tmp_path, rows_of(22, values), kind="search", mode=mode)
    results = open_results(store)
    best = results.best("depth", "val.accuracy", mode)
    value = {"max": 0.9, "min": 0.8}[mode]
    assert best is not None
    assert best["val.accuracy"] == value
    summary = summarise(results, "depth")
    assert summary.rows[0]["val.accuracy"] == value
    said = " 3 of 5 completed trials count for nothing: val.accuracy is NaN."
    assert summary.sentence.endswith(said)
    assert results.sweeps()[0].best == pytest.approx(value)


def test_a_loss_is_won_by_the_lower(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = [
        [row | {"val.loss": row["val.accuracy"]} for row in rows_of(depth, values)]
        for depth, values in DEPTHS.items()
    ]
    store = new_sweep(tmp_path, *groups)
    command = Command(main, store.uri, capsys, monkeypatch)
    names = ("model.depth=40", "model.depth=22", "--metric", "val.loss")
    assert "B beats A by 0.0500" in command("compare", *names).out
