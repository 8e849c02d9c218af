"""The files of an experiment of Ray Tune, read without Ray and without a pickle."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from raypg.errors import ResultsError
from raypg.faults import join_errors

RESULTS, PARAMS, ERROR = "result.json", "params.json", "error.txt"


def is_experiment(path: str) -> bool:
    """Whether a path looks like an experiment of Tune."""
    return any(_with_results(Path(path)))


def _with_results(path: Path) -> Iterator[Path]:
    return (
        p.parent for pattern in (RESULTS, f"*/{RESULTS}") for p in path.glob(pattern)
    )


def trial_folders(path: Path) -> list[Path]:
    """The folders of all trials of an experiment, or the one of a trial.

    Raises:
        ResultsError: there is none.
    """
    found = sorted(_with_results(path))
    if found:
        return found
    deeper = sorted({p.parents[1].name for p in path.glob(f"*/*/{RESULTS}")})
    rule = f"must hold folders of trials with a {RESULTS}"
    if deeper:
        fix = "Name one of them."
        told = f"experiments: {', '.join(deeper[:5])}"
        raise ResultsError(str(path), rule, told, fix)
    fix = "Name the folder of one experiment, below Tune's storage_path."
    raise ResultsError(str(path), rule, "none", fix)


def read_results(folders: Sequence[Path]) -> tuple[dict[Path, list[Any]], list[str]]:
    """The results of each trial by line, and notes on lines that a kill has torn."""
    results: dict[Path, list[Any]] = {}
    torn: list[str] = []
    faults: list[ResultsError] = []
    for folder in folders:
        lines = (folder / RESULTS).read_text("utf-8").split("\n")
        results[folder] = []
        for number, line in enumerate(lines, start=1):
            where = f"{folder.name}/{RESULTS}:{number}"
            found, wrong = _parse(line)
            if found is not None:
                results[folder].append(found)
            elif wrong and number == len(lines):  # behind a whole one stands an end
                torn.append(f"{where}: torn and left out")
            elif wrong:
                rule, fix = "must be an object in JSON", "Mend or remove the line."
                faults.append(ResultsError(where, rule, wrong, fix))
    if faults:
        raise join_errors(faults)
    return results, torn


def _parse(line: str) -> tuple[dict[str, Any] | None, str]:
    """The result on a line, or what is wrong with it; an empty line is nothing."""
    if not line.strip():
        return None, ""
    try:
        found = json.loads(line)
    except json.JSONDecodeError as cause:
        return None, cause.msg
    return (found, "") if isinstance(found, dict) else (None, type(found).__name__)


def flat_leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names to leaves; an empty dict has none."""
    for name, value in tree.items():
        dotted = prefix + str(name).replace("/", ".")
        if isinstance(value, Mapping):
            yield from flat_leaves(value, f"{dotted}.")
        else:
            yield dotted, value


def read_states(path: Path) -> dict[str, str]:
    """Tune's status of each trial's folder, from its newest snapshot.

    What the snapshot holds as pickles stays text: the status is none of it.
    """
    snapshots = sorted(path.glob("experiment_state-*.json"))
    if not snapshots:
        return {}
    try:
        kept = json.loads(snapshots[-1].read_text("utf-8"))["trial_data"]
        trials = [json.loads(state) for state, _ in kept]
        return {one["relative_logdir"]: one["status"] for one in trials}
    except (ValueError, KeyError, TypeError) as cause:
        found = f"{type(cause).__name__}: {cause}"
        fix = "Move it away: the trials are then judged by their own files."
        rule = "must be a snapshot as Ray 2.60 writes it"
        raise ResultsError(str(snapshots[-1]), rule, found, fix) from cause
