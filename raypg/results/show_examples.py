"""A comparison image by image, as people and as scripts read it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from raypg.results.examples import (
    ClassChange,
    ExampleDiff,
    Flip,
    Pair,
    describe_status,
)
from raypg.results.numerals import format_amount, format_metric, format_p
from raypg.results.output import print_csv, print_table
from raypg.results.statistics import CONFIDENCE, correct_holm

DIGITS = 4
"""Of a probability: half precision, in which they are stored, has no more."""


def print_diff(
    diff: ExampleDiff, labels: tuple[str, str], form: str, limit: int
) -> None:
    """Print a comparison in the form asked for.

    Args:
        diff: as `compare_examples` gives it.
        labels: what A and B are.
        form: `table`; `json`, one object; or `csv`, the flips alone.
        limit: how many classes and flips a table shows; the other forms have all.
    """
    flips = [_round_probabilities(flip) for flip in diff.flips]
    if form == "json":
        print(_as_json(replace(diff, flips=flips)))
    elif form == "csv":
        columns = [field.name for field in fields(Flip)]
        print_csv([asdict(flip) for flip in flips], columns)
    else:
        _print_tables(diff, labels, limit)


def describe_diff(diff: ExampleDiff) -> str:
    """What the counts allow one to say, in two or three sentences."""
    left_out = "".join(
        f" Seed {row['seed']} is left out: {row['trial']} is {describe_status(row)} "
        "and has no predictions."
        for row in diff.left_out
    )
    if len(diff.pairs) > 1:
        return _describe_seeds(diff.pairs) + left_out
    return _describe_pair(diff.pairs[0]) + left_out


def _as_json(diff: ExampleDiff) -> str:
    rows = asdict(diff)
    names = ("sweep", "trial", "seed", "status")
    rows["left_out"] = [{name: row[name] for name in names} for row in diff.left_out]
    return json.dumps(rows, ensure_ascii=False, allow_nan=False)


def _print_tables(diff: ExampleDiff, labels: tuple[str, str], limit: int) -> None:
    for side, label in zip("AB", labels, strict=True):
        print(f"{side}: {label}")
    print()
    _print_cells([_pair_cells(pair) for pair in diff.pairs])
    print(f"\nClasses, the most changed first{_shown(diff.classes, limit)}:")
    _print_cells([_class_cells(change) for change in diff.classes[:limit]])
    if diff.flips:
        several = len(diff.pairs) > 1
        first = "those of most seeds first" if several else "the surest first"
        flips = diff.flips[:limit]
        print(f"\nImages that flipped, {first}{_shown(diff.flips, limit)}:")
        _print_cells([_flip_cells(flip, several=several) for flip in flips])
    print(f"\n{describe_diff(diff)}")


def _shown(rows: Sequence[object], limit: int) -> str:
    return f" ({limit} of {len(rows)}; --limit N)" if len(rows) > limit else ""


def _print_cells(rows: Sequence[dict[str, Any]]) -> None:
    print_table(rows, list(rows[0]))


def _pair_cells(pair: Pair) -> dict[str, Any]:
    same = pair.seed_a == pair.seed_b
    return {
        "seed": str(pair.seed_a) if same else f"{pair.seed_a} and {pair.seed_b}",
        "trial A": pair.trial_a,
        "trial B": pair.trial_b,
        "both right": pair.both_right,
        "only A": pair.only_a,
        "only B": pair.only_b,
        "both wrong": pair.both_wrong,
        **_accuracy_cells(pair),
        "p": f"{pair.p:.2g}",
    }


def _class_cells(change: ClassChange) -> dict[str, Any]:
    return {
        "label": change.label,
        "images": change.images,
        **_accuracy_cells(change),
        "gained": change.gained,
        "lost": change.lost,
    }


def _accuracy_cells(row: Pair | ClassChange) -> dict[str, str]:
    return {
        "accuracy A": format_metric(row.accuracy_a, "accuracy"),
        "accuracy B": format_metric(row.accuracy_b, "accuracy"),
        "B against A": format_amount(row.difference, "accuracy", sign=True),
    }


def _flip_cells(flip: Flip, *, several: bool) -> dict[str, Any]:
    cells = {
        "example": flip.example,
        "label": flip.label,
        "right": flip.right,
        "A says": f"{flip.predicted_a} ({flip.probability_a:.3f})",
        "B says": f"{flip.predicted_b} ({flip.probability_b:.3f})",
    }
    if not several:
        return cells
    return cells | {
        "in seed": flip.seed_a,
        "seeds only A": flip.only_a,
        "seeds only B": flip.only_b,
    }


def _round_probabilities(flip: Flip) -> Flip:
    return replace(
        flip,
        probability_a=float(f"{flip.probability_a:.{DIGITS}g}"),
        probability_b=float(f"{flip.probability_b:.{DIGITS}g}"),
    )


def _describe_pair(pair: Pair) -> str:
    if not pair.only_a and not pair.only_b:
        return "A and B are right on the same images."
    verdict = "more" if pair.p < 1 - CONFIDENCE else "no more"
    images = "1 image" if pair.only_a == 1 else f"{pair.only_a} images"
    return (
        f"A is right on {images} where B is wrong, B on {pair.only_b} where A is "
        f"wrong: {format_p(pair.p)} (McNemar's exact test), {verdict} than chance. "
        "This compares two trained networks; it does not say what other seeds would "
        "give."
    )


def _describe_seeds(pairs: Sequence[Pair]) -> str:
    num_a, num_b = sum(p.only_a for p in pairs), sum(p.only_b for p in pairs)
    if not num_a and not num_b:
        return f"A and B are right on the same images in each of {len(pairs)} seeds."
    corrected = correct_holm([pair.p for pair in pairs])
    is_for_b = [
        pair.only_b > pair.only_a
        for pair, p in zip(pairs, corrected, strict=True)
        if p is not None and p < 1 - CONFIDENCE
    ]
    for_a, for_b = _seeds(is_for_b.count(False)), _seeds(is_for_b.count(True))
    more = f"more than chance for A in {for_a} and for B in {for_b}"
    verdict = more if is_for_b else "no more than chance in any seed"
    return (
        f"Over {len(pairs)} seeds A is right {num_a} times where B is wrong, B {num_b} "
        f"times where A is wrong: {verdict} (McNemar's exact test a seed, p < "
        f"{1 - CONFIDENCE:.2g} after Holm's correction for {len(pairs)} tests). The "
        "tests of several seeds on the same images are not independent, so that no "
        "pooled p-value is given."
    )


def _seeds(number: int) -> str:
    return {0: "none", 1: "1 seed"}.get(number, f"{number} seeds")
