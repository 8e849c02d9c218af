"""What trials are worth together, as people and as scripts read it."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from raypg.results.ensemble import NUM_FOLDS, SOUP, Answer, Ensemble
from raypg.results.gains import Gain
from raypg.results.numerals import (
    format_amount,
    format_interval,
    format_metric,
    format_p,
)
from raypg.results.output import MISSING, print_rows
from raypg.results.statistics import CONFIDENCE

_READ = ("table", "markdown", "latex")
_TITLES = {"val": "Validation", "test": "Test"}
_MOST_NAMED = 6
_INTERVALS = (
    f"Intervals ({100 * CONFIDENCE:.0f} %) are of the bootstrap over images: they are "
    "about these trained networks, not about what other seeds would give."
)


def print_ensembles(found: Sequence[Ensemble], form: str) -> None:
    """Print ensembles in the form asked for; only `table` has sentences.

    Args:
        found: as `build_ensembles` gives them.
        form: of `print_rows`.
    """
    if form in _READ:
        for one in found:
            if form == "table":
                print(f"{_title(one)}\n")
            cells = [_cells(answer) for answer in one.answers]
            print_rows(cells, list(cells[0]), form)
            if form == "table":
                print(f"\n{describe_ensemble(one)}\n")
    else:
        rows = [ensemble_row(one, answer) for one in found for answer in one.answers]
        print_rows(rows, list(rows[0]), form)
    if form != "table" and found[0].left_out:
        print(_left_out(found[0]), file=sys.stderr)


def ensemble_row(one: Ensemble, answer: Answer) -> dict[str, Any]:
    """One way to answer as one row; what it does not have is None."""
    calibrated = answer.calibrated and asdict(answer.calibrated)
    return {
        "split": one.split,
        "averaged": one.kind,
        "way": answer.way,
        "num_trials": one.num_trials,
        "num_images": one.num_images,
        "metric": one.metric,
        **asdict(answer.score),
        "chosen_accuracy": answer.chosen and answer.chosen.accuracy,
        "chosen_loss": answer.chosen and answer.chosen.loss,
        "temperature": answer.temperature,
        "calibrated_loss": calibrated and calibrated["loss"],
        "calibrated_calibration_error": calibrated and calibrated["calibration_error"],
        **_gain_columns("over_best", answer.over_best),
        "only_ensemble": answer.over_best and answer.over_best.only_ours,
        "only_best": answer.over_best and answer.over_best.only_other,
        "p_mcnemar": answer.over_best and answer.over_best.p,
        **_gain_columns("over_mean", answer.over_mean),
        "trials": list(answer.weights),
        "weights": list(answer.weights.values()),
    }


def describe_ensemble(one: Ensemble) -> str:
    """What the numbers allow one to say, and what they do not."""
    ways = {answer.way: answer for answer in one.answers}
    if one.kind == SOUP:
        return _describe_soups(one, ways)
    lines = [
        _verdict("The average of all", ways["average"]),
        _verdict(f"The greedy choice ({_named(ways['greedy'])})", ways["greedy"]),
        _origin(one),
        _INTERVALS,
    ]
    if one.left_out:
        lines.append(_left_out(one))
    return "\n".join(lines)


def _describe_soups(one: Ensemble, ways: dict[str, Answer]) -> str:
    greedy = ways["greedy soup"]
    origin = "Which trials are in the greedy soup is chosen on validation"
    if one.split == "val":
        origin += ", the very images that it is judged by here, which flatters"
    return "\n".join(
        [
            _verdict("The uniform soup", ways["uniform soup"]),
            _verdict(f"The greedy soup ({_named(greedy)})", greedy),
            f"{origin}. Weights are of the best epochs, run here, with batch norms' "
            "statistics found anew. Trials that did not start from the same weights "
            "(train.init) seldom have an average that is of use.",
            _INTERVALS,
        ]
    )


def _left_out(one: Ensemble) -> str:
    num = len(one.left_out)
    rest = f"; {num} in all" if num > _MOST_NAMED else ""
    return f"Left out: {'; '.join(one.left_out[:_MOST_NAMED])}{rest}."


def _origin(one: Ensemble) -> str:
    if one.split == "val":
        return (
            "The best trial, the greedy choice and the temperatures are chosen on "
            f"validation. So each image is judged by what was chosen on the other "
            f"{NUM_FOLDS - 1} of {NUM_FOLDS} folds; `as chosen` is what the choice "
            "reaches on the images that it was chosen on, and flatters."
        )
    other = (
        f" Of {one.num_other_epoch} trials the best epoch, which is tested, is not the "
        "last one, which validation's numbers are of."
        if one.num_other_epoch
        else ""
    )
    return (
        f"Chosen and fitted on validation, from {one.num_trials} trials; the test "
        f"split was looked at because of --test.{other}"
    )


def _verdict(what: str, answer: Answer) -> str:
    gain = answer.over_best
    assert gain is not None
    assert gain.p is not None
    if not gain.only_ours and not gain.only_other:
        return f"{what} is right on the same images as the best trial."
    beyond = "more" if gain.p < 1 - CONFIDENCE else "no more"
    return (
        f"{what} is right on {gain.only_ours} images where the best trial is wrong, "
        f"and wrong on {gain.only_other} where that is right: {format_p(gain.p)} "
        f"(McNemar's exact test), {beyond} than chance."
    )


def _named(answer: Answer) -> str:
    named = [f"{name} x{num}" for name, num in answer.weights.items()]
    rest = f", … {len(named)} in all" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + rest


def _title(one: Ensemble) -> str:
    soup = ", weights averaged" * (one.kind == SOUP)
    images = f"{one.num_trials} trials on {one.num_images} images"
    return f"{_TITLES[one.split]}{soup}: {images}, chosen by {one.metric}"


def _cells(answer: Answer) -> dict[str, Any]:
    score, mended = answer.score, answer.calibrated
    return {
        "": answer.way,
        "trials": len(answer.weights) or MISSING,
        "accuracy": format_metric(score.accuracy, "accuracy"),
        "as chosen": answer.chosen
        and format_metric(answer.chosen.accuracy, "accuracy"),
        "over the best": _gain_cell(answer.over_best),
        "over the mean": _gain_cell(answer.over_mean),
        "loss": f"{score.loss:.4f}",
        "ECE": format_metric(score.calibration_error, "accuracy"),
        "temperature": MISSING
        if answer.temperature is None
        else f"{answer.temperature:.3f}",
        "loss then": mended and f"{mended.loss:.4f}",
        "ECE then": mended and format_metric(mended.calibration_error, "accuracy"),
    }


def _gain_cell(gain: Gain | None) -> str:
    if gain is None:
        return MISSING
    said = format_amount(gain.difference, "accuracy", sign=True)
    return f"{said} ({format_interval(gain.low, gain.high, 'accuracy')})"


def _gain_columns(name: str, gain: Gain | None) -> dict[str, float | None]:
    names = (f"gain_{name}", f"gain_{name}_low", f"gain_{name}_high")
    if gain is None:
        return dict.fromkeys(names)
    return dict(zip(names, (gain.difference, gain.low, gain.high), strict=True))
