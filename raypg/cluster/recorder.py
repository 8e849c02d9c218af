"""Tune's events become entries in the ledger, and processes that die are counted."""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.exceptions import RayTaskError
from ray.tune import Callback
from ray.tune.experiment import Trial

from raypg.causes import cause_of_text
from raypg.cluster.deaths import Deaths
from raypg.cluster.farewell import Farewell
from raypg.cluster.leaving import Notices
from raypg.cluster.messages import Assignment
from raypg.cluster.repair import COLUMN
from raypg.cluster.room import leaving_nodes
from raypg.cluster.searcher import LedgerSearcher
from raypg.cluster.stopper import Unsaved
from raypg.cluster.trainable import EPOCH, REPORTED
from raypg.entries import Entry
from raypg.ledger import Ledger

TIDY_EVERY_S = 1.0
"""How often the room of groups that died is freed."""


class Recorder(Unsaved, Callback):  # type: ignore[misc]
    """Books what Tune tells; a trial's own failures never reach Tune as errors.

    What Tune takes for a failure is a process that died. The trial starts again, unless
    `Deaths` finds the trial itself at fault.
    """

    def __init__(
        self,
        ledger: Ledger,
        searcher: LedgerSearcher,
        on_failure: Callable[[Entry], None],
        tidy: Callable[[], object],
        farewell: Farewell,
    ) -> None:
        self._ledger = ledger
        self._searcher = searcher
        self._on_failure = on_failure
        self._tidy = tidy
        self._farewell = farewell
        self._tidied_at = 0.0
        self._running: dict[str, Trial] = {}
        self._notices = Notices()
        self._deaths: dict[str, Deaths] = {}
        self._reported: dict[str, int] = {}
        """The last epoch of each trial that is on a worker; 0 before its first."""
        self._incarnations: dict[str, int] = {}
        self._started: set[str] = set()

    def on_step_end(self, iteration: int, trials: list[Trial], **info: object) -> None:
        """Look after the cluster now and then, and after a sweep that is to end."""
        self._farewell.look(self._running.values())
        if time.monotonic() - self._tidied_at >= TIDY_EVERY_S:
            self._tidied_at = time.monotonic()
            self._tidy()
            self._notices.tell(self._running.values(), leaving_nodes())

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """The trial is on a worker."""
        entry = self._searcher.live[trial.trial_id]
        self._running[trial.trial_id] = trial
        self._notices.forget(trial)
        again = trial.trial_id in self._deaths or self._has_lost(entry, trial)
        self._ledger.start(entry, again=again)
        self._started.add(trial.trial_id)
        self._incarnations[trial.trial_id] = self._reported[trial.trial_id] = 0

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **info: object,
    ) -> None:
        """An epoch was reported, or the trial ended."""
        entry = self._searcher.live[trial.trial_id]
        history = result.pop("raypg_history", ())
        if history:
            self._ledger.recall(entry, history)
        if problem := result.pop("raypg_problem", ""):
            print(f"{entry.trial.key}: {problem}", file=sys.stderr, flush=True)
        summary = result.get("raypg_summary") or {}
        size = summary.get(COLUMN, 0)
        is_repaired = size not in (0, entry.columns.get(COLUMN))
        entry.columns.update(summary)
        if is_repaired and result["raypg_status"] != "failed":
            self._note_repair(entry, trial, size)
        if REPORTED in result:
            self._report(entry, trial.trial_id, result)
        if result["done"] and result["raypg_status"] == "running":
            result["raypg_status"] = "stopped"
            # The scheduler stops it here: what it reached can be gone on from.
            result["should_checkpoint"] = True

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """The trial is over, its checkpoint is written."""
        entry = self._leave(trial)
        last = trial.last_result
        checkpoint = trial.checkpoint
        summary = dict(last.get("raypg_summary") or {})
        if checkpoint is not None:
            summary["checkpoint"] = checkpoint.path
        if "node_ip" in last:
            summary |= {"node": last.get("node_ip"), "pid": last.get("pid")}
        status = last.get("raypg_status", "failed")
        if trial.status == Trial.PAUSED:  # no worker tells of its end
            last, status = {**last, "raypg_status": "stopped"}, "stopped"
        self._ledger.end(
            entry,
            status,
            reason=_reason(entry, last, checkpoint),
            cause=last.get("raypg_cause", "code"),
            error=last.get("raypg_error", ""),
            summary=summary,
            test=last.get("raypg_test"),
        )
        if entry.status == "failed":
            self._on_failure(entry)

    def may_go_on(self, trial: Trial, error: Exception) -> bool:
        """A process of the trial died; whether Tune is to start it again.

        `POLICIES` says how often, by the cause. A death is not the trial's where it
        has not been started since the death before.
        """
        deaths = self._deaths.setdefault(trial.trial_id, Deaths())
        epoch = self._reported.pop(trial.trial_id, None)
        has_raised = isinstance(error, RayTaskError)
        raised = getattr(error, "cause", None)
        is_code = has_raised and not isinstance(raised, OSError)
        otherwise = "code" if is_code else "worker_lost"
        cause = cause_of_text(str(error), otherwise=otherwise)
        was_idle = epoch is None and not getattr(error, "actor_init_failed", False)
        how = "failed" if has_raised else "died"
        return deaths.note(epoch or 0, cause=cause, how=how, is_outside=was_idle)

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Its processes died too often: the trial has failed."""
        entry = self._leave(trial)
        deaths = self._deaths[trial.trial_id]
        reason = deaths.reason("its process", entry.epoch)
        error = _traceback(trial)
        self._ledger.end(
            entry, "failed", reason=reason, cause=deaths.cause, error=error
        )
        self._on_failure(entry)

    def _has_lost(self, entry: Entry, trial: Trial) -> bool:
        """Whether a trial that was paused goes on from before its last epoch."""
        saved = trial.latest_checkpoint_result
        epoch = saved.metrics.get(EPOCH, 0) if saved else 0
        return trial.trial_id in self._started and entry.epoch > epoch

    def _note_repair(self, entry: Entry, trial: Trial, size: int) -> None:
        """A trial is trained in smaller pieces from now on, whatever ends before it."""
        said = f"out of memory; it goes on with train.micro_batch={size}"
        print(f"{entry.trial.key}: {said}", file=sys.stderr, flush=True)
        self._ledger.note(entry)
        # Another process that takes the trial over begins where this one has come to.
        assignment = Assignment.from_json(trial.config["assignment"])
        trial.config["assignment"] = replace(assignment, micro_batch=size).to_json()

    def _leave(self, trial: Trial) -> Entry:
        self._running.pop(trial.trial_id, None)
        self._notices.forget(trial)
        return self._searcher.live.pop(trial.trial_id)

    def _report(self, entry: Entry, trial_id: str, result: dict[str, Any]) -> None:
        # A group whose workers were replaced repeats epochs: the newer rows are to win.
        incarnation = result.get("raypg_incarnation", 0)
        entry.attempt += incarnation - self._incarnations[trial_id]
        self._incarnations[trial_id] = incarnation
        self._ledger.report(entry, result[EPOCH], dict(result[REPORTED]))
        self._reported[trial_id] = result[EPOCH]


def _reason(entry: Entry, last: dict[str, Any], checkpoint: object) -> str:
    reasons = [last.get("raypg_reason", "")]
    if last.get("raypg_status") == "stopped" and not reasons[0]:
        reasons = [f"stopped by the scheduler after epoch {entry.epoch}"]
    if last.get("should_checkpoint") and checkpoint is None:
        reasons.append("its checkpoint could not be written")
    return "; ".join(filter(None, reasons))


def _traceback(trial: Trial) -> str:
    """What Tune kept of the errors of a trial's processes, without colours."""
    if not trial.error_file:
        return ""
    return re.sub(r"\x1b\[\d+m", "", Path(trial.error_file).read_text())
