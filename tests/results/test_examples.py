"""Trials image by image: counts, McNemar's test, classes, flips, refusals."""

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from raypg.errors import ResultsError
from raypg.results import __main__ as command_line
from raypg.results.examples import ExampleDiff, Pair, compare_examples, mcnemar_p
from raypg.results.memo import FlatRow
from raypg.results.predictions import write_predictions
from raypg.results.query import open_results
from raypg.results.show_examples import describe_diff, print_diff
from raypg.store import Store
from tests.results.sweeps import Row, new_store, trial_row, write

LABELS = (0, 0, 0, 1, 1, 2)
SURE = 0.75

Command = Callable[..., tuple[int, str, str]]


def _predict(
    store: Store,
    trial: str,
    predicted: Sequence[int],
    *,
    sure: Sequence[float] = (SURE,) * len(LABELS),
    labels: Sequence[int] = LABELS,
    sweep: str = "depth",
) -> None:
    """Write a trial's predictions as a worker does; the rest goes to all classes."""
    probabilities_NK = np.full((len(predicted), 4), 0.03125)
    places = np.arange(len(predicted))
    probabilities_NK[places, predicted] = sure[: len(predicted)]
    write_predictions(
        store,
        sweep,
        trial,
        0,
        probabilities_NK=probabilities_NK.astype(np.float16),
        labels_N=np.array(labels[: len(predicted)]),
    )


def _seeded(arm: str, seed: int, status: str = "completed", **columns: object) -> Row:
    return trial_row(f"{arm}{seed}", status, **columns) | {"arm": arm, "seed": seed}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """`a0` and `b0` differ on four images; `a1` and `b1` on one of them."""
    store = new_store(tmp_path, "depth")
    trials = [_seeded(arm, seed) for arm in "ab" for seed in (0, 1)]
    write(store, "depth", trials=trials)
    _predict(store, "a0", [0, 0, 1, 1, 2, 0], sure=(0.5, 0.5, 0.75, 0.75, 0.75, 0.75))
    _predict(store, "b0", [1, 1, 1, 1, 1, 2], sure=(0.75, 0.5625, *[0.75] * 4))
    _predict(store, "a1", [0, 0, 0, 1, 1, 2])
    _predict(store, "b1", [0, 1, 0, 1, 1, 2])
    return store


@pytest.fixture
def run(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run `results diff`: its exit code, its output and its errors."""
    monkeypatch.setenv("RAYPG_STORE", store.uri)

    def diff(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["raypg.results", "diff", *arguments])
        code: object = 0
        try:
            command_line.main()
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return int(str(code)), out, err

    return diff


def _rows(store: Store, *trials: str, sweep: str = "depth") -> list[FlatRow]:
    rows = {row["trial"]: row for row in open_results(store).trials(sweep)}
    return [rows[trial] for trial in trials]


def _compare(store: Store, a: Sequence[str], b: Sequence[str]) -> ExampleDiff:
    return compare_examples(open_results(store), _rows(store, *a), _rows(store, *b))


@pytest.mark.parametrize(
    ("only_a", "only_b"),
    [(0, 1), (0, 5), (1, 9), (5, 12), (12, 5), (59, 121), (400, 500)],
)
def test_mcnemar_is_twice_the_tail_of_the_binomial(only_a: int, only_b: int) -> None:
    tosses = only_a + only_b
    tail = sum(math.comb(tosses, k) for k in range(min(only_a, only_b) + 1))
    by_hand = float(min(Fraction(1), Fraction(2 * tail, 2**tosses)))
    assert mcnemar_p(only_a, only_b) == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (1, 7, 0.070312),  # airway responsiveness, Bentur et al. 2009
        (6, 16, 0.052479),  # complete response, Cavo et al. 2012
    ],
)
def test_mcnemar_agrees_with_fagerland_2013(only_a: int, only_b: int, p: float) -> None:
    """Both are table examples of BMC Medical Research Methodology 13:91."""
    assert mcnemar_p(only_a, only_b) == pytest.approx(p, abs=1e-6)


@pytest.mark.parametrize("each", [0, 1, 7])
def test_sides_that_win_as_often_are_no_evidence(each: int) -> None:
    assert mcnemar_p(each, each) == 1.0


def test_a_pair_is_counted_image_by_image(store: Store) -> None:
    (pair,) = _compare(store, ["a0"], ["b0"]).pairs
    counts = (pair.both_right, pair.only_a, pair.only_b, pair.both_wrong)
    assert counts == (1, 2, 2, 1)
    assert (pair.accuracy_a, pair.accuracy_b, pair.difference) == (0.5, 0.5, 0.0)
    assert pair.p == 1.0


def test_classes_gain_and_lose(store: Store) -> None:
    classes = _compare(store, ["a0"], ["b0"]).classes
    found = [(c.label, c.images, c.difference, c.gained, c.lost) for c in classes]
    assert found == [(2, 1, 1.0, 1, 0), (0, 3, -2 / 3, 0, 2), (1, 2, 0.5, 1, 0)]
    assert [(c.accuracy_a, c.accuracy_b) for c in classes] == [
        (0.0, 1.0),
        (2 / 3, 0.0),
        (0.5, 1.0),
    ]


def test_the_flips_of_which_both_were_surest_come_first(store: Store) -> None:
    flips = _compare(store, ["a0"], ["b0"]).flips
    assert [(f.example, f.right, f.predicted_a, f.predicted_b) for f in flips] == [
        (4, "B", 2, 1),
        (5, "B", 0, 2),
        (0, "A", 0, 1),
        (1, "A", 0, 1),
    ]
    assert (flips[2].probability_a, flips[2].probability_b) == (0.5, 0.75)


def test_an_image_that_flips_in_several_seeds_is_listed_once(store: Store) -> None:
    found = _compare(store, ["a1", "a0"], ["b0", "b1"])
    assert [(p.seed_a, p.only_a, p.only_b, p.p) for p in found.pairs] == [
        (0, 2, 2, 1.0),
        (1, 1, 0, 1.0),
    ]
    first, *others = found.flips
    assert (first.example, first.only_a, first.only_b) == (1, 2, 0)
    # Of its two pairs the second one is the surer: 0.75 and 0.75.
    assert (first.seed_a, first.probability_a, first.probability_b) == (1, 0.75, 0.75)
    assert [(f.example, f.only_a, f.only_b) for f in others] == [
        (4, 0, 1),
        (5, 0, 1),
        (0, 1, 0),
    ]
    zeros = next(c for c in found.classes if c.label == 0)
    assert (zeros.images, zeros.gained, zeros.lost) == (3, 0, 3)
    assert (zeros.accuracy_a, zeros.accuracy_b) == (5 / 6, 2 / 6)


def test_an_image_won_by_each_side_once_comes_last(store: Store) -> None:
    _predict(store, "b1", [0, 0, 0, 1, 2, 2])  # 4 is now lost here, and won in seed 0
    last = _compare(store, ["a0", "a1"], ["b0", "b1"]).flips[-1]
    assert (last.example, last.only_a, last.only_b) == (4, 1, 1)


def test_two_trials_of_different_seeds_are_a_pair(store: Store) -> None:
    (pair,) = _compare(store, ["a0"], ["a1"]).pairs
    assert (pair.seed_a, pair.seed_b, pair.only_b) == (0, 1, 3)


def test_predictions_without_probabilities_give_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _compare(store, ["a0"], ["b0"])
    monkeypatch.setattr("raypg.results.predictions.MAX_BYTES", 7)
    _predict(store, "b0", [1, 1, 1, 1, 1, 2], sure=(0.75, 0.5625, *[0.75] * 4))
    assert _compare(store, ["a0"], ["b0"]) == whole


def test_a_cached_trial_answers_as_its_source(store: Store) -> None:
    store.create_sweep("again")
    store.write_description("again", {"kind": "ablation"})
    cached = _seeded("b", 0, "cached", source_sweep="depth")
    write(store, "again", trials=[cached])
    rows_b = _rows(store, "b0", sweep="again")
    found = compare_examples(open_results(store), _rows(store, "a0"), rows_b)
    assert found == _compare(store, ["a0"], ["b0"])


@pytest.mark.parametrize(
    ("status", "columns", "message"),
    [
        ("failed", {"status_reason": "loss is\nNaN"}, r"it is failed \(loss is NaN\)"),
        ("stopped", {}, "it is stopped"),
        ("running", {}, "it is running"),
        ("extended", {}, "it is extended"),
        ("cached", {"source_sweep": "gone"}, r"it is cached \(gone\)"),
    ],
)
def test_a_trial_without_predictions_is_named_with_its_status(
    store: Store, status: str, columns: dict[str, str], message: str
) -> None:
    write(store, "depth", trials=[_seeded("c", 0, status, **columns)])
    with pytest.raises(ResultsError, match=f"c0: must have predictions.*{message}"):
        _compare(store, ["a0"], ["c0"])


def test_a_seed_that_failed_is_left_out_and_said(store: Store) -> None:
    write(store, "depth", trials=[_seeded("a", 2), _seeded("b", 2, "failed")])
    _predict(store, "a2", LABELS)
    found = _compare(store, ["a0", "a1", "a2"], ["b0", "b1", "b2"])
    assert [pair.seed_a for pair in found.pairs] == [0, 1]
    left_out = "Seed 2 is left out: b2 is failed and has no predictions."
    assert describe_diff(found).endswith(left_out)


def test_a_trial_that_went_on_as_another_does_not_count(store: Store) -> None:
    write(store, "depth", trials=[_seeded("c", 0, "extended")])
    found = _compare(store, ["a0", "c0"], ["b0", "b1"])
    assert [pair.trial_a for pair in found.pairs] == ["a0"]


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("a0", "a0", "must be different trials; found a0 on both sides"),
        ("a0 a1", "a0 b1", "must be different trials; found a0 on both sides"),
        ("a0", "b1 c2", "must share a seed; found 0 in A and 1, 2 in B"),
        ("a0 b0", "b1 a1", "found two of seed 0, a0 of depth and b0 of depth"),
        ("a0", "c2", "must be validated on the same images; found 6 and 5"),
        ("a0", "d0", "found other labels of 1 of 6"),
    ],
)
def test_what_cannot_be_paired_is_refused(
    store: Store, a: str, b: str, message: str
) -> None:
    write(store, "depth", trials=[_seeded("c", 2), _seeded("d", 0)])
    _predict(store, "c2", [0, 0, 0, 1, 1])
    _predict(store, "d0", LABELS, labels=(0, 0, 0, 1, 1, 3))
    with pytest.raises(ResultsError, match=message):
        _compare(store, a.split(), b.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("a0", "b0z"),
            'a condition over trials; found no such trial. Did you mean "b0"',
        ),
        (("a0", ""), "must not be empty"),
        (("a0", "b0", "--sweep", "dept"), 'Did you mean "depth"'),
        (("a0", "b0", "--limit", "0"), "--limit"),
        (("a0", "b0", "--store", "/nowhere/at/all"), "must exist"),
        (("a0",), "Missing argument 'B'"),
        (("a0", "c0"), "c0: must have predictions"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    store: Store, run: Command, arguments: Sequence[str], message: str
) -> None:
    write(store, "depth", trials=[_seeded("c", 0, "failed")])
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_the_table_says_it_in_three_tables_and_a_sentence(run: Command) -> None:
    code, out, err = run("a0", "b0", "--limit", "2")
    assert (code, err) == (0, "")
    assert out.startswith("A: a0\nB: b0\n\nseed  trial A  trial B  both right  only A")
    assert "50.00 %     50.00 %     +0.00 points  1\n" in out
    assert "Classes, the most changed first (2 of 3; --limit N):\n" in out
    assert (
        "    2       1  0.00 %      100.00 %    +100.00 points       1     0\n" in out
    )
    assert "Images that flipped, the surest first (2 of 4; --limit N):\n" in out
    assert "      4      1  B      2 (0.750)  1 (0.750)\n" in out
    assert "A is right on 2 images where B is wrong, B on 2 where A is wrong" in out
    assert out.endswith("it does not say what other seeds would give.\n")


def test_json_is_one_object_with_all_of_it(run: Command) -> None:
    code, out, _ = run("a0", "b0", "--format", "json", "--limit", "1")
    found = json.loads(out)
    assert code == 0
    assert [len(found[name]) for name in ("pairs", "classes", "flips")] == [1, 3, 4]
    assert (found["pairs"][0]["trial_b"], found["pairs"][0]["p"]) == ("b0", 1.0)
    assert found["left_out"] == []


def test_csv_has_every_flip(run: Command) -> None:
    code, out, _ = run("a0", "b0", "--format", "csv", "--limit", "1")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, [row["example"] for row in rows]) == (0, ["4", "5", "0", "1"])
    assert (rows[0]["right"], rows[0]["probability_b"]) == ("B", "0.75")


def test_a_probability_has_the_digits_of_half_precision(
    store: Store, run: Command
) -> None:
    _predict(store, "b0", [1, *LABELS[1:]], sure=(0.91, *[SURE] * 5))
    _predict(store, "a0", LABELS, sure=(0.9996, *[SURE] * 5))
    _, out, _ = run("a0", "b0", "--format", "json")
    (flip,) = json.loads(out)["flips"]
    assert (flip["probability_a"], flip["probability_b"]) == (0.9995, 0.9102)
    assert "0 (1.000)  1 (0.910)" in run("a0", "b0")[1]


def test_trials_that_agree_have_no_flips(store: Store, run: Command) -> None:
    _predict(store, "b0", [0, 0, 1, 1, 2, 0])
    _, out, _ = run("a0", "b0")
    assert "flipped" not in out
    assert out.endswith("A and B are right on the same images.\n")


def _pair(only_a: int, only_b: int) -> Pair:
    p = mcnemar_p(only_a, only_b)
    return Pair(0, 0, "a", "b", 80, only_a, only_b, 3, 0.9, 0.8, -0.1, p)


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        (
            [_pair(12, 5)],
            "A is right on 12 images where B is wrong, B on 5 where A is wrong: "
            "p = 0.14 (McNemar's exact test), no more than chance.",
        ),
        ([_pair(1, 30)], "A is right on 1 image where B is wrong, B on 30 "),
        ([_pair(1, 30)], "p < 0.001 (McNemar's exact test), more than chance."),
        ([_pair(0, 0), _pair(0, 0)], "same images in each of 2 seeds."),
        (
            [_pair(12, 5), _pair(9, 8)],
            "Over 2 seeds A is right 21 times where B is wrong, B 13 times where A is "
            "wrong: no more than chance in any seed (McNemar's exact test a seed, "
            "p < 0.05 after Holm's correction for 2 tests). The tests of several seeds "
            "on the same images are not independent, so that no pooled p-value is "
            "given.",
        ),
        (
            [_pair(30, 1), _pair(30, 2), _pair(5, 5)],
            "more than chance for A in 2 seeds and for B in none (",
        ),
        # Each p is 0.041, which two looks do not leave standing.
        ([_pair(5, 15), _pair(5, 15)], "no more than chance in any seed"),
    ],
)
def test_the_sentence_says_no_more_than_the_test(
    pairs: list[Pair], sentence: str
) -> None:
    assert sentence in describe_diff(ExampleDiff(pairs, [], [], []))


def test_several_seeds_are_shown_with_how_often_an_image_flips(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _compare(store, ["a0", "a1"], ["b0", "b1"])
    print_diff(found, ("depth=22", "depth=40"), "table", 20)
    out = capsys.readouterr().out
    assert out.startswith("A: depth=22\nB: depth=40\n")
    assert "Images that flipped, those of most seeds first:\n" in out
    assert "in seed  seeds only A  seeds only B\n" in out
    assert "      1      0  A      0 (0.750)  1 (0.750)        1             2" in out
    assert "no pooled p-value is given" in out
