"""Trials that answer together: choice, calibration, honest judging, refusals."""

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from raypg.errors import ResultsError
from raypg.results import __main__ as command_line
from raypg.results.calibration import (
    Labels,
    Probs,
    at_temperature,
    calibration_error,
    cross_entropy,
    fit_temperature,
)
from raypg.results.ensemble import Ensemble, build_ensembles, cross_fit, folds
from raypg.results.gains import gain_of, gain_over_one
from raypg.results.greedy import PICKS, pick_best, pick_greedily, pool
from raypg.results.members import Members, read_members
from raypg.results.predictions import write_predictions
from raypg.results.query import open_results
from raypg.store import Store
from tests.results.sweeps import new_store, trial_row, write

NUM, CLASSES = 60, 4
NAMES = ("a" * 16, "b" * 16, "c" * 16)

Command = Callable[..., tuple[int, str, str]]


def draw(num: int, seed: int = 0, *, help_of: float = 1.5) -> tuple[Probs, Labels]:
    """Answers that are right more often than not, and their labels."""
    rng = np.random.default_rng(seed)
    labels_N = np.arange(num) % CLASSES
    logits_NK = rng.normal(size=(num, CLASSES))
    logits_NK[np.arange(num), labels_N] += help_of
    powers_NK = np.exp(logits_NK)
    return (powers_NK / powers_NK.sum(1, keepdims=True)).astype(np.float32), labels_N


def predict(
    store: Store, trial: str, seed: int, *, num: int = NUM, table: str = "predictions"
) -> None:
    probs_NK, labels_N = draw(num, seed)
    write_predictions(
        store,
        "depth",
        trial,
        0,
        probabilities_NK=probs_NK.astype(np.float16),
        labels_N=labels_N,
        table=table,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three trials of one arm; of the last one the best epoch is not its last."""
    store = new_store(tmp_path, "depth")
    rows = [
        trial_row(name, best_epoch=3 - (seed == 2), num_epochs=3)
        | {"arm": "deep", "seed": seed}
        for seed, name in enumerate(NAMES)
    ]
    write(store, "depth", trials=rows)
    for seed, name in enumerate(NAMES):
        predict(store, name, seed)
        predict(store, name, 10 + seed, num=80, table="test_predictions")
    return store


@pytest.fixture
def run(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setenv("RAYPG_STORE", store.uri)

    def ensemble(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["raypg.results", "ensemble", *arguments])
        code: object = 0
        try:
            command_line.main()
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return int(str(code)), out, err

    return ensemble


def build(store: Store, metric: str = "val.accuracy", **options: bool) -> Ensemble:
    rows = open_results(store).trials("depth")
    return build_ensembles(open_results(store), rows, metric, **options)[-1]


def test_calibration_error_is_the_gap_of_each_bin_by_its_share() -> None:
    # Two images at 0.9 of which one is right, two at 0.6 that are right.
    sure = [0.9, 0.9, 0.6, 0.6]
    probs_NK = np.array([[p, 1 - p] for p in sure], np.float32)
    labels_N = np.array([0, 1, 0, 0])
    by_hand = 0.5 * abs(0.9 - 0.5) + 0.5 * abs(0.6 - 1)
    assert calibration_error(probs_NK, labels_N) == pytest.approx(by_hand, abs=1e-6)
    assert calibration_error(np.eye(2, dtype=np.float32), np.arange(2)) == 0


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_a_temperature_that_was_put_in_is_found_again(heat: float) -> None:
    probs_NK, _ = draw(4000, help_of=0.0)
    rng = np.random.default_rng(1)
    # Labels drawn from the probabilities themselves: these are calibrated at 1.
    draws_N = (probs_NK.cumsum(1) < rng.random((4000, 1))).sum(1)
    heated_NK = at_temperature(probs_NK, 1 / heat)
    assert fit_temperature(heated_NK, draws_N) == pytest.approx(heat, rel=0.1)


def test_a_temperature_changes_no_answer_and_no_loss_is_infinite() -> None:
    probs_NK, labels_N = draw(NUM)
    probs_NK[0] = np.eye(CLASSES)[(labels_N[0] + 1) % CLASSES]
    assert (at_temperature(probs_NK, 7.0).argmax(1) == probs_NK.argmax(1)).all()
    assert at_temperature(probs_NK, 0.3).sum(1) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(cross_entropy(probs_NK, labels_N))


def test_greedy_selection_takes_a_trial_as_often_as_it_helps() -> None:
    """The second of three is wrong; two of the first and one of the third are best."""
    labels_N = np.array([0, 0, 1])
    first = [[0.55, 0.45], [0.45, 0.55], [0.1, 0.9]]
    third = [[0.45, 0.55], [0.7, 0.3], [0.2, 0.8]]
    probs_MNK = np.array([first, [[0, 1], [0, 1], [1, 0]], third], np.float32)
    weights_M = pick_greedily(probs_MNK, labels_N, "val.accuracy")
    assert weights_M[1] == 0
    assert weights_M.min(initial=9, where=[True, False, True]) >= 1
    right_N = pool(probs_MNK, weights_M).argmax(1) == labels_N
    assert right_N.all(), "each alone is right on two of three"


@pytest.mark.parametrize("metric", ["val.accuracy", "val.loss"])
def test_greedy_selection_is_no_worse_where_it_chooses(metric: str) -> None:
    drawn = [draw(NUM, seed, help_of=0.5 + 0.1 * seed) for seed in range(5)]
    probs_MNK, labels_N = np.stack([own for own, _ in drawn]), drawn[0][1]
    best, greedy = (
        pool(probs_MNK, pick(probs_MNK, labels_N, metric))
        for pick in (pick_best, pick_greedily)
    )
    assert cross_entropy(greedy, labels_N) <= cross_entropy(best, labels_N) + 1e-6


def test_a_trial_beside_copies_of_itself_is_chosen_once() -> None:
    probs_NK, labels_N = draw(NUM)
    weights_M = pick_greedily(np.stack([probs_NK] * 3), labels_N, "val.loss")
    assert weights_M.tolist() == [1, 0, 0]


def test_no_image_has_a_say_in_its_own_answer(store: Store) -> None:
    """Other labels in one fold change what the others get, not what it gets."""
    members = read_members(open_results(store), open_results(store).trials("depth"))
    is_in = folds(members.labels_N) == 0
    others_MNK, labels_N = members.probs_MNK[:, ~is_in], members.labels_N
    spoilt_MNK = members.probs_MNK.copy()
    spoilt_MNK[0, is_in] = np.roll(spoilt_MNK[0, is_in], 1, axis=1)
    for pick in PICKS.values():
        spoilt = Members(members.rows, spoilt_MNK, labels_N, [])
        plain_NK, calibrated_NK = cross_fit(spoilt, pick, "val.loss")
        weights_M = pick(others_MNK, labels_N[~is_in], "val.loss")
        temperature = fit_temperature(pool(others_MNK, weights_M), labels_N[~is_in])
        own_NK = pool(spoilt_MNK[:, is_in], weights_M)
        np.testing.assert_array_equal(plain_NK[is_in], own_NK)
        cooled_NK = at_temperature(own_NK, temperature)
        np.testing.assert_array_equal(calibrated_NK[is_in], cooled_NK)


def test_each_fold_has_its_share_of_each_class() -> None:
    labels_N = np.repeat([0, 1, 2], [50, 25, 10])
    counts = np.array([np.bincount(labels_N[folds(labels_N) == f]) for f in range(5)])
    assert (counts == [10, 5, 2]).all()


def test_a_gain_has_the_interval_of_its_images() -> None:
    ours_N = np.array([True] * 70 + [False] * 30)
    other_N = np.array([True] * 55 + [False] * 45)
    gain = gain_over_one(ours_N, other_N)
    assert (gain.only_ours, gain.only_other) == (15, 0)
    assert gain.difference == pytest.approx(0.15)
    # Of 100 images, 15 differ: the standard error is 0.0357.
    assert (gain.low, gain.high) == pytest.approx((0.08, 0.22), abs=0.011)
    assert gain.p == pytest.approx(2 / 2**15)
    nothing = gain_of(np.zeros(10))
    assert (nothing.difference, nothing.low, nothing.high) == (0.0, 0.0, 0.0)


def test_the_average_is_the_mean_of_what_the_trials_say(store: Store) -> None:
    found = build(store)
    ways = {answer.way: answer for answer in found.answers}
    mean_NK = np.mean([draw(NUM, seed)[0] for seed in range(3)], 0)
    accuracy = (mean_NK.argmax(1) == draw(NUM)[1]).mean()
    assert ways["average"].score.accuracy == pytest.approx(accuracy, abs=1 / NUM)
    assert ways["average"].weights == dict.fromkeys(NAMES, 1)
    assert ways["average"].score == ways["average"].chosen
    singles = [
        (draw(NUM, seed)[0].argmax(1) == draw(NUM)[1]).mean() for seed in range(3)
    ]
    assert ways["mean trial"].score.accuracy == pytest.approx(np.mean(singles))
    best = ways["best trial"].chosen
    assert best is not None
    assert best.accuracy == pytest.approx(max(singles))


def test_the_test_split_is_answered_by_what_validation_chose(store: Store) -> None:
    val = build(store)
    test = build(store, with_test=True)
    assert (test.split, test.num_images, test.num_other_epoch) == ("test", 80, 1)
    for before, after in zip(val.answers, test.answers, strict=True):
        assert (before.weights, before.temperature) == (
            after.weights,
            after.temperature,
        )
        assert after.chosen is None


def test_the_test_split_is_not_shown_unless_asked_for(run: Command) -> None:
    assert "Test:" not in run("depth")[1]
    assert "Test: 3 trials on 80 images" in run("depth", "--test")[1]
    assert "from 3 trials; the test split was looked at" in run("depth", "--test")[1]


def test_the_table_says_by_what_each_image_is_judged(run: Command) -> None:
    code, out, err = run(*NAMES)
    assert (code, err) == (0, "")
    assert out.startswith("Validation: 3 trials on 60 images, chosen by val.accuracy\n")
    for word in ("mean trial", "best trial", "average", "greedy", "temperature"):
        assert word in out
    assert "judged by what was chosen on the other 4 of 5 folds" in out
    assert "not about what other seeds would give" in out


@pytest.mark.parametrize("form", ["json", "csv", "markdown", "latex"])
def test_every_form_has_a_row_for_each_way(run: Command, form: str) -> None:
    code, out, _ = run("deep", "--format", form, "--metric", "val.loss")
    assert code == 0
    assert all(way in out for way in ("mean trial", "best trial", "greedy"))
    if form == "json":
        rows = json.loads(out)
        assert rows[2]["weights"] == [1, 1, 1]
        assert rows[2]["gain_over_best_low"] <= rows[2]["gain_over_best"]
    if form == "csv":
        assert len([*csv.DictReader(io.StringIO(out))]) == 4


def test_a_metric_that_predictions_cannot_tell_gives_way_to_accuracy(
    store: Store, run: Command
) -> None:
    store.write_description("depth", {"kind": "ablation", "metric": "val.f1"})
    assert run("depth")[1].splitlines()[0].endswith("chosen by val.accuracy")
    assert "must be what trials are chosen by" in run("depth", "--metric", "val.f1")[2]


def test_binary_forms_go_to_a_file(run: Command, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "own.parquet"
    assert run("depth", "--format", "parquet", "--out", str(path))[0] == 0
    assert pq.read_table(path)["way"].to_pylist()[-1] == "greedy"


def test_a_trial_that_is_named_twice_counts_once(run: Command) -> None:
    assert run("depth", NAMES[0])[1] == run("depth")[1]


def test_trials_without_predictions_are_left_out_and_said(
    store: Store, run: Command
) -> None:
    failed = trial_row("d" * 16, "failed", status_reason="loss is NaN")
    write(store, "depth", trials=[failed | {"arm": "deep", "seed": 3}])
    said = f"Left out: {'d' * 16} (it is failed (loss is NaN) and has no predictions)."
    assert said in run("depth")[1]
    assert said in run("depth", "--format", "json")[2]


def test_trials_of_other_classes_are_refused(store: Store) -> None:
    probs_NK, labels_N = draw(NUM)
    write_predictions(
        store,
        "depth",
        NAMES[2],
        0,
        probabilities_NK=np.pad(probs_NK, ((0, 0), (0, 1))).astype(np.float16),
        labels_N=labels_N,
    )
    with pytest.raises(ResultsError, match="must have the same classes; found 4 and 5"):
        build(store)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((NAMES[0],), "needs two trials with probabilities; found 1 of 1 named"),
        (("dept",), 'Did you mean "depth"'),
        (("depth", "--metric", "lr"), "must be what trials are chosen by; found lr"),
        ((), "Missing argument"),
        (("depth", "--store", "/nowhere/at/all"), "must exist"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    run: Command, arguments: Sequence[str], message: str
) -> None:
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_trials_of_other_images_are_refused(store: Store) -> None:
    predict(store, NAMES[1], 1, num=NUM - 4)
    with pytest.raises(ResultsError, match="same images; found 60 and 56"):
        build(store)


def test_other_labels_are_refused_and_too_few_images(store: Store) -> None:
    probs_NK, labels_N = draw(NUM)
    for trial in NAMES:
        labels_N = np.roll(labels_N, 1)
        write_predictions(
            store,
            "depth",
            trial,
            0,
            probabilities_NK=probs_NK.astype(np.float16),
            labels_N=labels_N,
        )
    with pytest.raises(ResultsError, match="found other labels of 60 of 60"):
        build(store)
    for trial in NAMES:
        predict(store, trial, 0, num=4)
    with pytest.raises(ResultsError, match="needs 5 images at least; found 4"):
        build(store)


def test_trials_of_which_only_the_class_is_kept_are_named(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raypg.results.predictions.MAX_BYTES", 7)
    predict(store, NAMES[1], 1)
    (left_out,) = build(store).left_out
    assert left_out.startswith(f"{NAMES[1]} (of its predictions only the class")
    predict(store, NAMES[2], 1)
    with pytest.raises(ResultsError, match="found 1 of 3 named: b.*only the class"):
        build(store)


def test_a_trial_without_test_predictions_is_refused_where_asked(store: Store) -> None:
    write(store, "depth", trials=[trial_row("d" * 16) | {"arm": "deep", "seed": 3}])
    predict(store, "d" * 16, 3)
    assert build(store).num_trials == 4
    with pytest.raises(ResultsError, match="--test: needs what every trial said"):
        build(store, with_test=True)
