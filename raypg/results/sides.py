"""What is compared, as a person names it: a sweep, a trial, an arm, a condition."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa

from raypg.errors import ResultsError, suggest_name
from raypg.faults import format_value
from raypg.results import compute as pc
from raypg.results.columns import LEFT
from raypg.results.lookup import Key, keys_of, read_found, read_keys
from raypg.results.memo import FlatRow
from raypg.results.query import Results
from raypg.results.schema import flat_rows, flatten
from raypg.results.views import query_trials

SECTIONS = ("data", "model", "optimizer", "schedule", "train", "seed")
"""Of the config: their names may stand without the `config.` of the tables."""

COLUMNS = tuple(
    """
    sweep trial attempt arm seed number status status_reason source_sweep config
    fingerprint imported mixed micro_batch num_epochs best_epoch val best
    num_parameters num_flops num_workers num_threads device
    """.split()
)
"""Top-level columns that whoever compares sides asks for: no traceback is read."""

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
    """`COLUMNS` of `trials`, whatever their status, each trial once."""


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
    (side,) = find_sides(results, [text], sweeps)
    return side


def find_sides(
    results: Results, texts: Sequence[str], sweeps: Sequence[str] = ()
) -> list[Side]:
    """The same of several names, for which the store is read once.

    Args:
        results: of a store.
        texts: the names.
        sweeps: only their trials; all of the store when empty.

    Raises:
        ResultsError: nothing fits one of them, or its condition is wrong.
    """
    for sweep in sweeps:
        results.sweep_description(sweep)
    names = results.store.sweeps()
    others = [text for text in texts if text not in names]
    found: dict[str, list[FlatRow]] = {}
    if others:
        known = _read_known(results, others, sweeps or names)
        keys = {text: _find_keys(results, known, text, sweeps) for text in others}
        rows = read_found(results.store, {*chain(*keys.values())}, COLUMNS)
        by_key = {(row["sweep"], row["trial"]): row for row in rows}
        found = {
            text: [by_key[k] for k in own if k in by_key] for text, own in keys.items()
        }
    for text in {*texts} & {*names}:
        rows = results.trials(text, COLUMNS)
        found[text] = [row for row in rows if row["status"] not in LEFT]
    return [Side(text, found[text]) for text in texts]


def _read_known(
    results: Results, texts: Sequence[str], sweeps: Sequence[str]
) -> pa.Table:
    """The trials that count, with the columns that these names may mean."""
    words = {word.lower() for text in texts for word in re.findall(r"\w+", text)}
    more = {*words, "config"} if words & {*SECTIONS} else words
    trials = read_keys(results.store, sweeps, *sorted(more))
    return trials.filter(pc.invert(pc.is_in(trials["status"], pa.array(LEFT))))


def _find_keys(
    results: Results, known: pa.Table, text: str, sweeps: Sequence[str]
) -> list[Key]:
    if not known.num_rows:
        fix = "Wait for one, or name another store."
        raise ResultsError(results.store.uri, "must hold trials", "none yet", fix)
    keys = keys_of(known.filter(pc.equal(known["arm"], text))) or _by_id(known, text)
    settings = _settings(text)
    if not keys and settings:
        keys = _by_settings(results, known, text, sweeps)
    if not keys and not settings and re.search(r"[=<>\s]", text.strip()):
        keys = _by_condition(results, known, text, sweeps)
    if keys:
        return keys
    arms = [arm for arm in known["arm"].unique().to_pylist() if arm]
    names = [*results.store.sweeps(), *arms, *known["trial"].to_pylist()]
    near = difflib.get_close_matches(text, names, n=1) or names[:_MOST_NAMED]
    raise ResultsError(f'"{text}"', _RULE, "no such trial", suggest_name(text, near))


def _by_id(known: pa.Table, text: str) -> list[Key]:
    if not _TRIAL.fullmatch(text):
        return []
    found = keys_of(known.filter(pc.starts_with(known["trial"], text)))
    if len(found) > 1:
        names = ", ".join(trial for _, trial in found[:5])
        rule, fix = "must start the id of one trial", "Give more of its digits."
        raise ResultsError(f'"{text}"', rule, names, fix)
    return found


def _settings(text: str) -> dict[str, str]:
    """Dotted names to values, where the text is nothing but `KEY=VALUE`s."""
    found = [_SETTING.fullmatch(part) for part in text.split()]
    if not found or not all(found):
        return {}
    return {one[1]: one[2] for one in found if one is not None}


def _by_settings(
    results: Results, known: pa.Table, text: str, sweeps: Sequence[str]
) -> list[Key]:
    flat = flatten(known)
    names: dict[str, str] = {}
    for key, value in _settings(text).items():
        is_short = (
            key.split(".")[0] in SECTIONS and f"config.{key}" in flat.schema.names
        )
        name = f"config.{key}" if is_short else key
        if name not in flat.schema.names:
            columns = results.sql("from trials limit 0", sweeps=sweeps).column_names
            last = {one.rpartition(".")[2] for one in columns}
            fix = suggest_name(key.rpartition(".")[2], last)
            rule = "must name a column of trials"
            raise ResultsError(f'"{text}"', rule, f'"{key}"', fix)
        names[name] = value
    rows = flat_rows(flat.select([*dict.fromkeys(("sweep", "trial", *names))]))
    return [(row["sweep"], row["trial"]) for row in rows if _has(row, names)]


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


def _by_condition(
    results: Results, known: pa.Table, text: str, sweeps: Sequence[str]
) -> list[Key]:
    condition = _SECTION.sub(lambda one: one[1] or f"config.{one[2]}.", text)
    counts = f"status not in {LEFT}"
    query = f"select sweep, trial from unique_trials where ({condition}) and {counts}"
    try:
        return keys_of(query_trials(known, query))
    except ResultsError:
        pass  # of a name that was not read; whoever knows all can say what is wrong
    try:
        return keys_of(results.sql(query, sweeps=sweeps))
    except ResultsError as error:
        _, rule, found, fix = error.args
        if "must be one statement" in rule:
            rule = _RULE
            fix = "Write settings as model.depth=22, or what SQL takes behind WHERE."
        raise ResultsError(f'"{text}"', rule, found, fix) from error
