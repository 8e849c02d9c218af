"""Which checkpoints stay: the rule, the budget, and what no rule touches."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypg.errors import ConfigError
from raypg.retention import (
    Ended,
    let_go_by_rank,
    let_go_by_size,
    parse_retention,
    rank,
    size_text,
)

STATUSES = ("completed", "stopped", "failed")


@st.composite
def ended_trials(draw: st.DrawFn) -> list[Ended]:
    """Trials in the order of their ends, with ties, NaNs and missing metrics."""
    values = st.one_of(st.none(), st.sampled_from([0.1, 0.5, 0.9, math.nan, math.inf]))
    ends = draw(st.lists(st.tuples(st.sampled_from(STATUSES), values), max_size=8))
    numbers = draw(st.permutations(range(len(ends))))
    return [
        Ended(f"t{number}", number, status, value)
        for number, (status, value) in zip(numbers, ends, strict=True)
    ]


KEPT = st.sampled_from([1, 2, 3, math.inf])
MODES = st.sampled_from(["max", "min"])
REFERRED = st.sets(st.sampled_from([f"t{n}" for n in range(8)]))


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("500MB", 5e8),
        ("50GB", 5e10),
        ("2TiB", 2 * 2**40),
        ("1.5 GiB", 1.5 * 2**30),
        (".5kb", 500),
        ("7B", 7),
        (" 1pb ", 1e15),
    ],
)
def test_a_size_is_read_as_people_write_it(text: str, size_bytes: float) -> None:
    assert parse_retention("all", text).budget_bytes == size_bytes


@pytest.mark.parametrize(
    "text", ["50", "GB", "5 0GB", "-1GB", "0GB", "1e3GB", "5iB", "٣GB", "1GBps", " "]
)
def test_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="must be a size above 0 with its unit"):
        parse_retention("all", text)


@pytest.mark.parametrize("text", ["50G", "50Gi", "50 m"])
def test_a_size_that_lacks_its_last_letter_is_mended(text: str) -> None:
    with pytest.raises(ConfigError, match=f"Write {text}B."):
        parse_retention("all", text)


@pytest.mark.parametrize("text", ["", "none", "Best", "0", "-1", "1.5", "½", "1e3"])
def test_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="must be all, last, best or a number"):
        parse_retention(text, "")


@pytest.mark.parametrize(
    ("keep", "num_trials", "keeps_last_only"),
    [
        ("all", math.inf, False),
        ("last", math.inf, True),
        ("best", 1, True),
        ("3", 3, True),
    ],
)
def test_a_rule_says_how_many_trials_keep_how_much(
    keep: str, num_trials: float, keeps_last_only: bool
) -> None:
    asked = parse_retention(keep, "")
    assert (asked.num_trials, asked.keeps_last_only) == (num_trials, keeps_last_only)
    assert asked.is_asked == (keep != "all")
    assert parse_retention("all", "1GB").is_asked


@given(ended_trials(), KEPT, MODES, REFERRED)
def test_the_best_and_those_referred_to_stay_and_no_others(
    ended: list[Ended], num_trials: float, mode: str, referred: set[str]
) -> None:
    gone = set(let_go_by_rank(rank(ended, mode), num_trials, referred))
    kept = {one.trial for one in ended} - gone
    assert gone.isdisjoint(referred)
    own = [one for one in ended if one.trial in kept - referred]
    assert len(own) <= num_trials
    if num_trials == math.inf:
        assert gone == set()
        return
    assert all(one.is_rated for one in own)
    sign = 1 if mode == "max" else -1
    for bad in (one for one in ended if one.trial in gone and one.is_rated):
        better = [
            one
            for one in ended
            if one.is_rated
            and (one.status, -sign * one.value, one.number)  # type: ignore[operator]
            < (bad.status, -sign * bad.value, bad.number)  # type: ignore[operator]
        ]
        assert len(better) >= num_trials


@given(ended_trials(), KEPT, MODES)
def test_what_went_while_the_sweep_ran_is_what_would_go_at_its_end(
    ended: list[Ended], num_trials: float, mode: str
) -> None:
    at_once = set(let_go_by_rank(rank(ended, mode), num_trials, ()))
    held: list[Ended] = []
    for one in ended:
        held.append(one)
        gone = let_go_by_rank(rank(held, mode), num_trials, ())
        held = [other for other in held if other.trial not in gone]
    assert {one.trial for one in ended} - {one.trial for one in held} == at_once


@given(
    ended_trials(),
    MODES,
    REFERRED,
    st.lists(st.integers(0, 50), min_size=9, max_size=9),
    st.integers(1, 200),
)
def test_a_budget_lets_the_worst_go_and_no_more_than_it_must(
    ended: list[Ended], mode: str, referred: set[str], bytes_: list[int], budget: int
) -> None:
    ranked = rank(ended, mode)
    sizes = {"under way": bytes_[8], **{f"t{n}": bytes_[n] for n in range(len(ended))}}
    gone = let_go_by_size(ranked, sizes, budget, referred)
    assert gone == sorted(gone, key=[one.trial for one in ranked].index, reverse=True)
    best = {one.trial for one in ranked[:1] if one.is_rated}
    assert set(gone).isdisjoint({*referred, *best, "under way"})
    left = sum(sizes.values()) - sum(sizes[trial] for trial in gone)
    if gone:
        assert left + sizes[gone[-1]] > budget
    if left > budget:
        may_go = {one.trial for one in ended} - referred - best
        assert {trial for trial in may_go if sizes[trial]} == set(gone)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0B"), (999, "999B"), (1000, "1KB"), (999_600, "1MB"), (52_500_000, "52.5MB")],
)
def test_bytes_are_told_to_three_digits(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text
