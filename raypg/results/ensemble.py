"""Several trials that answer together, judged without running a model.

Whatever is chosen or fitted on validation is judged by cross-fitting: in turn, each
fifth of the images is answered by what was chosen and fitted on the other four.

Shapes: M trials · N images · K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raypg.errors import ResultsError
from raypg.results.calibration import (
    Labels,
    Probs,
    at_temperature,
    fit_temperature,
)
from raypg.results.gains import Gain, Score, gain_of, gain_over_one, score_of
from raypg.results.greedy import PICKS, Pick, Weights, pool
from raypg.results.members import Members, read_members
from raypg.results.memo import FlatRow
from raypg.results.query import Results

NUM_FOLDS = 5
ANSWERS, SOUP = "answers", "weights"
"""What is averaged."""
MEAN = "mean trial"
METRICS = ("val.accuracy", "val.loss")


@dataclass(frozen=True)
class Answer:
    """One way to answer: the best trial, all, some, or one at random.

    Attributes:
        way: a key of `PICKS`, or `MEAN`.
        weights: how often each trial is in it, by id; of `MEAN` none.
        score: where each image is answered by what was chosen without it.
        chosen: the same on the images that it was chosen on, which flatters; None of
            the test split.
        temperature: fitted on all of validation; of `MEAN` None.
        calibrated: at a temperature that was fitted without the image.
        over_best: than the best trial.
        over_mean: than a trial at random.
    """

    way: str
    weights: dict[str, int]
    score: Score
    chosen: Score | None = None
    temperature: float | None = None
    calibrated: Score | None = None
    over_best: Gain | None = None
    over_mean: Gain | None = None


@dataclass(frozen=True)
class Ensemble:
    """What trials are worth together on one split."""

    split: str
    """`val` or `test`."""
    metric: str
    """That greedy selection and the best trial go by."""
    num_trials: int
    num_images: int
    answers: list[Answer]
    left_out: list[str]
    kind: str = ANSWERS
    """Or `SOUP`, of which nothing is cross-fitted."""
    num_other_epoch: int = 0
    """Trials whose best epoch is not their last: of the one are the test's answers, of
    the other those of validation."""


def build_ensembles(
    results: Results, rows: Sequence[FlatRow], metric: str, *, with_test: bool = False
) -> list[Ensemble]:
    """What the trials answer together on validation and, if asked, on the test split.

    Args:
        results: of the store that holds the trials.
        rows: flat rows of `trials`.
        metric: one of `METRICS`.
        with_test: whether to look at the test split, too, with what was chosen and
            fitted on validation.

    Raises:
        ResultsError: fewer than two trials have predictions, or of other images, or of
            too few.
    """
    if metric not in METRICS:
        rule, fix = "must be what trials are chosen by", f"Take {' or '.join(METRICS)}."
        raise ResultsError("--metric", rule, metric, fix)
    val = read_members(results, rows)
    if len(val.labels_N) < NUM_FOLDS:
        rule, few = f"needs {NUM_FOLDS} images at least", str(len(val.labels_N))
        raise ResultsError("ensemble", rule, few, "Take trials with more of them.")
    fitted = {way: _fit(val, pick, metric) for way, pick in PICKS.items()}
    found = [_judge_val(val, fitted, metric)]
    if with_test:
        test = read_members(results, val.rows, "test_predictions")
        if test.left_out:
            where, fix = "--test", "Leave them out, or train them again."
            rule, first = "needs what every trial said of it", test.left_out[0]
            raise ResultsError(where, rule, f"{first}", fix)
        found.append(_judge_test(test, fitted, metric))
    return found


@dataclass(frozen=True)
class _Fitted:
    weights_M: Weights
    temperature: float


def _fit(members: Members, pick: Pick, metric: str) -> _Fitted:
    weights_M = pick(members.probs_MNK, members.labels_N, metric)
    pooled_NK = pool(members.probs_MNK, weights_M)
    return _Fitted(weights_M, fit_temperature(pooled_NK, members.labels_N))


def _judge_val(val: Members, fitted: dict[str, _Fitted], metric: str) -> Ensemble:
    answered = {way: cross_fit(val, pick, metric) for way, pick in PICKS.items()}
    chosen = {
        way: score_of(pool(val.probs_MNK, one.weights_M), val.labels_N)
        for way, one in fitted.items()
    }
    return _judge("val", metric, val, fitted, answered, chosen)


def _judge_test(test: Members, fitted: dict[str, _Fitted], metric: str) -> Ensemble:
    answered = {}
    for way, one in fitted.items():
        probs_NK = pool(test.probs_MNK, one.weights_M)
        answered[way] = (probs_NK, at_temperature(probs_NK, one.temperature))
    return _judge("test", metric, test, fitted, answered, {})


def cross_fit(members: Members, pick: Pick, metric: str) -> tuple[Probs, Probs]:
    """Each image's probabilities, plain and calibrated, by what never saw it."""
    plain_NK = np.empty_like(members.probs_MNK[0])
    calibrated_NK = np.empty_like(plain_NK)
    fold_N = folds(members.labels_N)
    for fold in np.unique(fold_N):
        is_in = fold_N == fold
        seen_MNK, seen_N = members.probs_MNK[:, ~is_in], members.labels_N[~is_in]
        weights_M = pick(seen_MNK, seen_N, metric)
        temperature = fit_temperature(pool(seen_MNK, weights_M), seen_N)
        plain_NK[is_in] = pool(members.probs_MNK[:, is_in], weights_M)
        calibrated_NK[is_in] = at_temperature(plain_NK[is_in], temperature)
    return plain_NK, calibrated_NK


def folds(labels_N: Labels) -> Labels:
    """The fifth that each image is in: stratified by class, the same every time."""
    order = np.random.default_rng(0).permutation(len(labels_N))
    order = order[np.argsort(labels_N[order], kind="stable")]
    fold_N = np.empty(len(labels_N), np.int64)
    fold_N[order] = np.arange(len(labels_N)) % min(NUM_FOLDS, len(labels_N))
    return fold_N


def _judge(
    split: str,
    metric: str,
    members: Members,
    fitted: dict[str, _Fitted],
    answered: dict[str, tuple[Probs, Probs]],
    chosen: dict[str, Score],
) -> Ensemble:
    labels_N, names = members.labels_N, [row["trial"] for row in members.rows]
    right_MN = members.probs_MNK.argmax(2) == labels_N
    right = {way: own.argmax(1) == labels_N for way, (own, _) in answered.items()}
    best_N = right["best trial"]
    answers = [_mean_answer(members)]
    for way, (plain_NK, calibrated_NK) in answered.items():
        weights = zip(names, fitted[way].weights_M.tolist(), strict=True)
        is_best = way == "best trial"
        answer = Answer(
            way=way,
            weights={name: num for name, num in weights if num},
            score=score_of(plain_NK, labels_N),
            chosen=chosen.get(way),
            temperature=fitted[way].temperature,
            calibrated=score_of(calibrated_NK, labels_N),
            over_best=None if is_best else gain_over_one(right[way], best_N),
            over_mean=gain_of(right[way] - right_MN.mean(0)),
        )
        answers.append(answer)
    num_other = sum(row["best_epoch"] != row["num_epochs"] for row in members.rows)
    return Ensemble(
        split=split,
        metric=metric,
        num_trials=len(names),
        num_images=len(labels_N),
        answers=answers,
        left_out=members.left_out,
        num_other_epoch=num_other,
    )


def _mean_answer(members: Members) -> Answer:
    scores = [score_of(own, members.labels_N) for own in members.probs_MNK]
    mean = Score(
        accuracy=float(np.mean([one.accuracy for one in scores])),
        loss=float(np.mean([one.loss for one in scores])),
        calibration_error=float(np.mean([one.calibration_error for one in scores])),
    )
    return Answer(MEAN, {}, mean)
