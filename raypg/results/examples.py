"""Two trials compared image by image, or two sets of trials paired by seed.

What a trial answers is read from its stored predictions; no model is run.

Shapes: D the two sides (A, B) · S pairs of trials · N validation images · K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raypg.errors import ResultsError
from raypg.results.memo import FlatRow
from raypg.results.pairs import (
    Answers,
    RowPair,
    pair_rows,
    read_predictions,
    stack_answers,
)
from raypg.results.query import Results


@dataclass(frozen=True)
class Pair:
    """Two trials on the same images; ratios lie in [0, 1]."""

    seed_a: int
    seed_b: int
    trial_a: str
    trial_b: str
    both_right: int
    only_a: int
    """Images that A has right and B has wrong."""
    only_b: int
    both_wrong: int
    accuracy_a: float
    accuracy_b: float
    difference: float
    """B's accuracy less A's."""
    p: float
    """Of McNemar's exact test, not corrected for the number of pairs."""


@dataclass(frozen=True)
class ClassChange:
    """One class, from A to B; ratios are means over the pairs."""

    label: int
    images: int
    accuracy_a: float
    accuracy_b: float
    difference: float
    """B's accuracy less A's."""
    gained: int
    """Images that only B has right, summed over the pairs."""
    lost: int
    """Images that only A has right, summed over the pairs."""


@dataclass(frozen=True)
class Flip:
    """An image that one side alone has right, in one pair at least.

    Of several pairs the answers are those of the pair that was surest of them.
    """

    example: int
    """Its place in the validation split."""
    label: int
    right: str
    """`A` or `B`: who is, in the pair that is shown."""
    predicted_a: int
    probability_a: float
    predicted_b: int
    probability_b: float
    seed_a: int
    seed_b: int
    only_a: int
    """In how many pairs A alone is right."""
    only_b: int


@dataclass(frozen=True)
class ExampleDiff:
    """What changes from A to B."""

    pairs: list[Pair]
    """By seed."""
    classes: list[ClassChange]
    """Those whose accuracy changes most first."""
    flips: list[Flip]
    """Those that one side wins in more pairs than the other first; of equals, those
    of whose answers the less sure side was surest."""
    left_out: list[FlatRow]
    """Trials without predictions; their seeds are not among the pairs."""


def compare_examples(
    results: Results, rows_a: Sequence[FlatRow], rows_b: Sequence[FlatRow]
) -> ExampleDiff:
    """How the trials of B differ from those of A, image by image.

    One trial on each side is a pair whatever the seeds; of more, those of the same
    seed are. Ties that half precision makes go to the lower class, so that an
    accuracy can be an image off the one in `trials`.

    Args:
        results: of the store that holds the trials.
        rows_a: flat rows of `trials`, each trial once.
        rows_b: those to compare them with.

    Raises:
        ResultsError: no pair is there, none has predictions, or two trials were
            validated on different images.
    """
    pairs = pair_rows(rows_a, rows_b)
    found = read_predictions(results, [row for pair in pairs for row in pair])
    whole = [pair for pair in pairs if all(row["trial"] in found for row in pair)]
    left_out = [row for pair in pairs for row in pair if row["trial"] not in found]
    if not whole:
        raise _no_predictions(left_out[0])
    answers = stack_answers([(found[a["trial"]], found[b["trial"]]) for a, b in whole])
    return ExampleDiff(
        pairs=_count_pairs(whole, answers),
        classes=_count_classes(answers),
        flips=_list_flips(whole, answers),
        left_out=left_out,
    )


def mcnemar_p(only_a: int, only_b: int) -> float:
    """Two-sided p of McNemar's exact test (McNemar 1947): are both sides as good?

    If they are, whoever alone is right is so by a fair coin. Without a toss it is 1.

    Args:
        only_a: how many examples A alone has right.
        only_b: how many B alone has right.
    """
    from scipy.special import bdtr  # a tenth of the time that scipy.stats takes

    tail = float(bdtr(min(only_a, only_b), only_a + only_b, 0.5))
    return min(1.0, 2 * tail)


def _no_predictions(row: FlatRow) -> ResultsError:
    """Why there is nothing to compare a trial by."""
    rule, fix = "must have predictions", "They are kept of trials that complete."
    return ResultsError(row["trial"], rule, f"none: it is {describe_status(row)}", fix)


def describe_status(row: FlatRow) -> str:
    """How a trial stands, with the reason or the sweep that it is taken from."""
    why = row["source_sweep"] if row["status"] == "cached" else row["status_reason"]
    return f"{row['status']} ({' '.join(why.split())})" if why else row["status"]


def _count_pairs(pairs: Sequence[RowPair], answers: Answers) -> list[Pair]:
    num_right_DS = answers.right_DSN.sum(2).tolist()
    num_only_DS = answers.only_DSN.sum(2).tolist()
    num_images = len(answers.label_N)
    counts = zip(pairs, *num_right_DS, *num_only_DS, strict=True)
    return [
        Pair(
            seed_a=a["seed"],
            seed_b=b["seed"],
            trial_a=a["trial"],
            trial_b=b["trial"],
            both_right=right_a - only_a,
            only_a=only_a,
            only_b=only_b,
            both_wrong=num_images - right_a - only_b,
            accuracy_a=right_a / num_images,
            accuracy_b=right_b / num_images,
            difference=(right_b - right_a) / num_images,
            p=mcnemar_p(only_a, only_b),
        )
        for (a, b), right_a, right_b, only_a, only_b in counts
    ]


def _count_classes(answers: Answers) -> list[ClassChange]:
    labels_K, class_N, images_K = np.unique(
        answers.label_N, return_inverse=True, return_counts=True
    )
    counts_DN = (*answers.right_DSN.sum(1), *answers.only_DSN.sum(1))
    sums_K = [np.bincount(class_N, count_N).astype(int) for count_N in counts_DN]
    columns = zip(labels_K, images_K, *sums_K, strict=True)
    changes = []
    for label, images, right_a, right_b, only_a, only_b in columns:
        num_answers = int(images) * answers.right_DSN.shape[1]
        change = ClassChange(
            label=int(label),
            images=int(images),
            accuracy_a=int(right_a) / num_answers,
            accuracy_b=int(right_b) / num_answers,
            difference=int(right_b - right_a) / num_answers,
            gained=int(only_b),
            lost=int(only_a),
        )
        changes.append(change)
    return sorted(changes, key=lambda change: (-abs(change.difference), change.label))


def _list_flips(pairs: Sequence[RowPair], answers: Answers) -> list[Flip]:
    is_flip_SN, num_DN = answers.only_DSN.any(0), answers.only_DSN.sum(1)
    # As sure as the less sure side; of a pair without a flip less than of any other.
    sure_SN = np.where(is_flip_SN, answers.probability_DSN.min(0), -1.0)
    lead_N = np.abs(num_DN[0] - num_DN[1])
    order_N = np.lexsort((-sure_SN.max(0), -lead_N))
    flipped = order_N[num_DN.sum(0)[order_N] > 0].tolist()
    shown = sure_SN.argmax(0)[flipped].tolist()
    return [
        _build_flip(pairs[s], answers, s, n)
        for s, n in zip(shown, flipped, strict=True)
    ]


def _build_flip(pair: RowPair, answers: Answers, s: int, n: int) -> Flip:
    """Image `n` as pair `s` shows it."""
    predicted_D = answers.predicted_DSN[:, s, n].tolist()
    probability_D = answers.probability_DSN[:, s, n].tolist()
    only_a, only_b = answers.only_DSN[:, :, n].sum(1).tolist()
    return Flip(
        example=int(answers.example_N[n]),
        label=int(answers.label_N[n]),
        right="A" if answers.only_DSN[0, s, n] else "B",
        predicted_a=predicted_D[0],
        probability_a=probability_D[0],
        predicted_b=predicted_D[1],
        probability_b=probability_D[1],
        seed_a=pair[0]["seed"],
        seed_b=pair[1]["seed"],
        only_a=only_a,
        only_b=only_b,
    )
