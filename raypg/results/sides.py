"""What is compared, as a person names it: a sweep, a trial, an arm, a condition."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raypg.errors import ResultsError, suggest_name
from raypg.faults import format_value
from raypg.results.columns import LEFT
from raypg.results.memo import FlatRow
from raypg.results.query import Results, quoted
from raypg.results.schema import flat_rows

SECTIONS = ("data", "model", "optimizer", "schedule", "train", "seed")
"""Of the config: their names may stand without the `config.` of the tables."""

_RULE = "must be a sweep, a trial, an arm or a condition over trials"
_MOST_NAMED = 6
_TRIAL = re.compile(r"[0-9a-f]{1,16}")
_SETTING = re.compile(r"([\w.]+)=([^=<>'\"()\s]+)")
_SECTION = re.compile(
    rf"('(?:[^']|'')*')|(?<![\w.])({'|'.join(SECTIONS[:-1])})\.(?=[a-z])"
)
"""A text in quotes, which stays as it is, or a section's name."""


@dataclass(frozen=True)
class Side:
    """The trials that one name stands for."""

    label: str
    """As it was typed."""
    rows: list[FlatRow]
    """Of `trials`, whatever their status, each trial once."""


def find_side(results: Results, text: str, sweeps: Sequence[str] = ()) -> Side:
    """The trials that a name stands for: the first of these that fits.

    The name of a sweep; an arm; the start of a trial's id; settings, as one would
    override them (`model.depth=22 optimizer.lr=0.1`); a condition in SQL over
    `unique_trials` (`config.model.depth > 22 and num_epochs = 3`).

    Args:
        results: of a store.
        text: the name.
        sweeps: only their trials; all of the store when empty.

    Raises:
        ResultsError: nothing fits, or the condition is wrong.
    """
    for sweep in sweeps:
        results.sweep_description(sweep)
    if text in results.store.sweeps():
        rows = results.trials(text)
        return Side(text, [row for row in rows if row["status"] not in LEFT])
    named = f"arm = {quoted(text)} or starts_with(trial, {quoted(text)})"
    found = _rows(results, f"from unique_trials where {named}", sweeps)
    rows = [row for row in found if row["arm"] == text] or _by_id(found, text)
    if rows:
        return Side(text, rows)
    known = _rows(results, "from unique_trials", sweeps)
    rows = _by_settings(known, text) if known else []
    if not rows and re.search(r"[=<>\s]", text.strip()) and not _settings(text):
        rows = _by_condition(results, text, sweeps)
    if rows:
        return Side(text, rows)
    arms = dict.fromkeys(row["arm"] for row in known if row["arm"])
    names = [*results.store.sweeps(), *arms, *(row["trial"] for row in known)]
    if not known:
        fix = "Wait for one, or name another store."
        raise ResultsError(results.store.uri, "must hold trials", "none yet", fix)
    near = difflib.get_close_matches(text, names, n=1) or names[:_MOST_NAMED]
    raise ResultsError(f'"{text}"', _RULE, "no such trial", suggest_name(text, near))


def _rows(results: Results, query: str, sweeps: Sequence[str]) -> list[FlatRow]:
    rows = flat_rows(results.sql(query, sweeps=sweeps))
    return [row for row in rows if row["status"] not in LEFT]


def _by_id(known: Sequence[FlatRow], text: str) -> list[FlatRow]:
    if not _TRIAL.fullmatch(text):
        return []
    found = [row for row in known if row["trial"].startswith(text)]
    if len(found) > 1:
        names = ", ".join(row["trial"] for row in found[:5])
        rule, fix = "must start the id of one trial", "Give more of its digits."
        raise ResultsError(f'"{text}"', rule, names, fix)
    return found


def _settings(text: str) -> dict[str, str]:
    """Dotted names to values, where the text is nothing but `KEY=VALUE`s."""
    found = [_SETTING.fullmatch(part) for part in text.split()]
    if not found or not all(found):
        return {}
    return {one[1]: one[2] for one in found if one is not None}


def _by_settings(known: Sequence[FlatRow], text: str) -> list[FlatRow]:
    wanted = _settings(text)
    columns = sorted({name for row in known for name in row})
    names: dict[str, str] = {}
    for key, value in wanted.items():
        is_short = key.split(".")[0] in SECTIONS and f"config.{key}" in columns
        name = f"config.{key}" if is_short else key
        if name not in columns:
            last = {one.rpartition(".")[2] for one in columns}
            fix = suggest_name(key.rpartition(".")[2], last)
            rule = "must name a column of trials"
            raise ResultsError(f'"{text}"', rule, f'"{key}"', fix)
        names[name] = value
    return [row for row in known if wanted and _has(row, names)]


def _has(row: Mapping[str, object], wanted: Mapping[str, str]) -> bool:
    return all(_is_same(row.get(name), text) for name, text in wanted.items())


def _is_same(value: object, text: str) -> bool:
    if isinstance(value, bool):
        return str(value).lower() == text.lower()
    if isinstance(value, int | float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return value is not None and format_value(value) == text


def _by_condition(results: Results, text: str, sweeps: Sequence[str]) -> list[FlatRow]:
    condition = _SECTION.sub(lambda one: one[1] or f"config.{one[2]}.", text)
    try:
        return _rows(results, f"from unique_trials where ({condition})", sweeps)
    except ResultsError as error:
        _, rule, found, fix = error.args
        if "must be one statement" in rule:
            rule = _RULE
            fix = "Write settings as model.depth=22, or what SQL takes behind WHERE."
        raise ResultsError(f'"{text}"', rule, found, fix) from error
