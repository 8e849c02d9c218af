"""A model card in Markdown (Mitchell et al. 2019), as Hugging Face lays it out.

It says what the tables say and no more: what nobody has recorded, it calls unknown.
"""

import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from raypg.faults import format_value
from raypg.results.candidate import Candidate, find_candidate
from raypg.results.card_data import front_matter
from raypg.results.card_limits import limits_of
from raypg.results.card_results import evaluation_lines
from raypg.results.listing import PROGRAMS
from raypg.results.query import Results

_SECTIONS = ("data.", "model.", "optimizer.", "schedule.", "train.")
_UNKNOWN = "not recorded"


def write_card(
    results: Results, sweep: str, trial: str = "", *, with_test: bool = False
) -> str:
    """The card of the best trial of a sweep by validation, or of the one named.

    Args:
        results: of the store.
        sweep: its name.
        trial: the start of an id; empty: the best one.
        with_test: whether to show its result on the test split, too.

    Raises:
        ResultsError: there is no such sweep or trial, or none that ended well.
    """
    one = find_candidate(results, sweep, trial, with_test=with_test)
    data = yaml.safe_dump(front_matter(one), sort_keys=False, allow_unicode=True)
    sections = {
        "Model details": _model(one),
        "Uses": _uses(one),
        "Training": _training(one),
        "Evaluation": evaluation_lines(one, with_test=with_test),
        "Limits": [f"- {limit}" for limit in limits_of(one)],
        "Environment": _environment(one),
        "How to reproduce": _reproduction(one),
    }
    lines = ["---", data.rstrip(), "---", "", f"# {_title(one)}"]
    for heading, body in sections.items():
        lines += ["", f"## {heading}", "", *body]
    return "\n".join(lines) + "\n"


def _title(one: Candidate) -> str:
    return f"{one.model_name} on {one.data_name}: trial {one.row['trial']}"


def _model(one: Candidate) -> list[str]:
    facts = {
        "architecture": one.model_name,
        **_settings(one, "model."),
        "parameters": _count(one.row.get("num_parameters")),
        "multiply-adds of one image": _count(one.row.get("num_flops")),
        "weights": _weights(one),
    }
    return _table(facts)


def _weights(one: Candidate) -> str:
    """Where they are in the store; where that is, a card need not tell everybody."""
    path = str(one.row.get("checkpoint") or "")
    store, found, inside = path.rpartition("/checkpoints/")
    sweep = store.rpartition("/")[2]
    return f"{sweep}{found}{inside}" if path else "no checkpoint is kept"


def _uses(one: Candidate) -> list[str]:
    question = str(one.about.get("question", "")).strip().splitlines()
    asked = f' that asks: "{question[0]}"' if question else ""
    kind = one.about.get("kind", "sweep")
    if one.is_imported:
        origin = f"It was imported from {one.about.get('source')}."
    else:
        origin = f"It is a trial of the {kind} {one.sweep}{asked}"
        origin += "" if origin.endswith('"') else "."
    return [origin, "No other use has been stated, and none has been evaluated."]


def _training(one: Candidate) -> list[str]:
    row = one.row
    facts = {
        **_settings(one, "data."),
        "version of the data": row.get("fingerprint.data"),
        **_settings(one, "optimizer."),
        **_settings(one, "schedule."),
        **_settings(one, "train."),
        "seed": row.get("seed"),
        **_other_settings(one),
        "epochs trained": row.get("num_epochs"),
        "seconds of training": _short(row.get("train_s")),
        "workers": row.get("num_workers"),
        "threads a worker": row.get("num_threads"),
        "device": row.get("device"),
    }
    return _table({n: _UNKNOWN if v is None else v for n, v in facts.items()})


def _environment(one: Candidate) -> list[str]:
    row = one.row
    dirty = {True: "with changes that were not committed", False: "clean", None: ""}
    commit = row.get("git.commit")
    told = ", ".join(filter(None, [commit, dirty[row.get("git.dirty")]]))
    prefix = "versions."
    versions = {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and value is not None
    }
    facts = {**versions, "code": told if commit else _UNKNOWN}
    return _table(facts)


def _reproduction(one: Candidate) -> list[str]:
    if one.is_imported:
        return ["Another tool has trained it; its config is what that tool kept."]
    lines = ["```"]
    if commit := one.row.get("git.commit"):
        lines.append(f"git checkout {commit}")
    if (one.row.get("num_workers") or 1) == 1:
        lines.append(_train_command(one))
    elif command := one.about.get("command"):
        program = PROGRAMS.get(str(one.about.get("kind")), "tune")
        lines.append(f"python -m raypg.{program} {shlex.join(command)}")
    note = "In a store that holds the trial, --fresh trains it anew."
    return [*lines, "```", "", note]


def _train_command(one: Candidate) -> str:
    """What trains this one trial, with every key of its config."""
    keys = [f"{name}={text}" for name, text in _settings(one, "").items()]
    options = ["--device", one.row.get("device") or "cpu"]
    if threads := one.row.get("num_threads"):
        options += ["--threads", str(threads)]
    return f"python -m raypg.train {shlex.join([*keys, *options])}"


def _settings(one: Candidate, start: str) -> dict[str, str]:
    """The config by dotted name, as one would type it, of names that start so.

    Where the data lies alters no number, and is not for everybody to read.
    """
    prefix = "config."
    return {
        name.removeprefix(prefix): format_value(value)
        for name, value in one.row.items()
        if name.startswith(f"{prefix}{start}")
        and name != f"{prefix}data.root"
        and value not in (None, "")
    }


def _other_settings(one: Candidate) -> dict[str, str]:
    """The config of an import that no section of ours has."""
    return {
        name: text
        for name, text in _settings(one, "").items()
        if not name.startswith(_SECTIONS) and name != "seed"
    }


def _table(facts: Mapping[str, Any]) -> list[str]:
    """Rows of a name and a value; a bar in either would be a column of its own."""
    known = {name: value for name, value in facts.items() if value is not None}
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in known.items()]
    return ["| | |", "|---|---|", *rows]


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def _count(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f}"
