"""Why a trial failed: one of seven causes, and what is done about each.

The cause is decided here and nowhere else: from the exception's type where there is
one, from what Ray says where a process took the exception with it. So is how often a
trial is started again.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raypg.errors import ConfigError, TrialError, suggest_name

EVERY_CAUSE = "all"
"""Asks for the failed trials of every cause."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is done about trials that fail for one cause.

    A trial that has not failed by it is started again by the sweep itself, on other
    workers from its last checkpoint. One that has waits for
    `--resume NAME --retry-failed`.

    Attributes:
        most_errors: as many in a row, at one epoch, have failed the trial: of what was
            raised where it was trained.
        most_deaths: likewise, of its processes that were ended from outside.
        why: the reason for these numbers.
        fix: what a person can do before they run it again.
    """

    most_errors: float
    most_deaths: float
    why: str
    fix: str

    @property
    def is_retried(self) -> bool:
        """Whether the first error of this cause is not yet the trial's failure."""
        return self.most_errors > 1

    def most(self, how: str) -> float:
        """How many in a row fail a trial, by what became of its process.

        Args:
            how: `failed` by what it raised; else it was ended.
        """
        return self.most_errors if how == "failed" else self.most_deaths


AT_ONCE = 1
"""What comes again with every start."""
IN_A_ROW = 3
"""At one epoch these show that the trial is at fault. Two may be chance: whoever ends
processes now and then also meets the one that has just replaced another."""
NEVER = math.inf
"""What is no trial's fault."""


POLICIES: Mapping[str, Policy] = {
    "out_of_memory": Policy(
        most_errors=AT_ONCE,
        most_deaths=IN_A_ROW,
        why="The same trial asks for the same memory again; a process that Ray killed "
        "for a node's want of it is another's fault as likely.",
        fix="Free memory, or give the same batches in pieces: train.micro_batch=N in a "
        "new sweep, or --repair-oom where the process survives (CUDA).",
    ),
    "nan": Policy(
        most_errors=AT_ONCE,
        most_deaths=AT_ONCE,
        why="The same seed gives the same numbers again.",
        fix="Try a smaller optimizer.lr, or train.clip_norm=1, in a new sweep.",
    ),
    "data": Policy(
        most_errors=AT_ONCE,
        most_deaths=AT_ONCE,
        why="A file stays missing or damaged until someone mends it.",
        fix="Mend the files that the error names.",
    ),
    "node_lost": Policy(
        most_errors=NEVER,
        most_deaths=NEVER,
        why="The trial is not at fault: another node trains it.",
        fix="See that the nodes stay up.",
    ),
    "worker_lost": Policy(
        most_errors=IN_A_ROW,
        most_deaths=IN_A_ROW,
        why="Whoever killed the process may be gone; three deaths at one epoch are the "
        "trial's own (a CPU out of memory is a SIGKILL).",
        fix="See the kernel's log and Ray's: who ended the process?",
    ),
    "hang": Policy(
        most_errors=IN_A_ROW,
        most_deaths=IN_A_ROW,
        why="Another process may get what this one waited for; three hangs at one "
        "epoch are the trial's own.",
        fix="See what the last line waits for (of several workers: where the first one "
        "waited for the others); --hang-timeout, in a new sweep, says how long.",
    ),
    "code": Policy(
        most_errors=AT_ONCE,
        most_deaths=AT_ONCE,
        why="The same code raises the same again.",
        fix="Mend what it names; after an edit of the code start a new sweep, which "
        "takes whatever still holds from the store.",
    ),
}
"""Every cause there is. `code` is whatever none of the others is."""

TYPES: Mapping[str, str] = {
    "MemoryError": "out_of_memory",
    "torch.OutOfMemoryError": "out_of_memory",
    "torch.cuda.OutOfMemoryError": "out_of_memory",
    "ray.exceptions.OutOfMemoryError": "out_of_memory",
    "FloatingPointError": "nan",
    "raypg.errors.DataError": "data",
    "ray.exceptions.NodeDiedError": "node_lost",
    "ray.exceptions.LocalRayletDiedError": "node_lost",
    "ray.exceptions.WorkerCrashedError": "worker_lost",
    "ray.exceptions.RayActorError": "worker_lost",
    "ray.exceptions.ActorDiedError": "worker_lost",
    "ray.exceptions.ActorUnavailableError": "node_lost",
    # What a process meets whose peers, or the node's own processes, are gone.
    "ray.exceptions.ObjectLostError": "worker_lost",
    "ray.exceptions.OwnerDiedError": "worker_lost",
    "ray.exceptions.RpcError": "worker_lost",
    "ray.exceptions.RaySystemError": "worker_lost",
}
"""Types by the names that tracebacks have for them: neither torch nor Ray is imported
to ask, and a text is judged as the exception that it is of."""

_HUNG = "must give a sign of life"
"""In the ClusterError of a worker that does not."""

GROUP_ENDED = "must outlive its trials"
"""In the ClusterError of a worker group that does not, whatever it died of: that may
have been a trial before this one."""

_RAY_SIGNS = {
    "its node has died": "node_lost",
    "The actor is temporarily unavailable": "node_lost",
    GROUP_ENDED: "worker_lost",
    "running low on memory": "out_of_memory",
    "killed due to memory pressure": "out_of_memory",
    _HUNG: "hang",
    "died unexpectedly before finishing this task": "worker_lost",
    "died twice after epoch": "worker_lost",  # the words of older stores
    "times after epoch": "worker_lost",
}
"""What Ray 2.60, or the trial's reason, says of a process that is gone. Of a killed one
Ray knows at once that it died; while it only finds no answer, the node is gone."""

_TORCH_SIGNS = ("DefaultCPUAllocator: can't allocate", "CUBLAS_STATUS_ALLOC_FAILED")
"""In a RuntimeError: torch has no type for memory that ran out outside CUDA."""

_NOT_FINITE = ".loss: must be finite"
"""In the TrialError of a loss that is NaN or infinite."""

_RAISED = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)", re.MULTILINE)
"""A line of a traceback that names the type of an exception."""


def cause_of(error: BaseException) -> str:
    """The cause that an exception stands for; a key of `POLICIES`."""
    # Ray wraps what a task raised.
    inner = getattr(error, "cause", None)
    if isinstance(inner, BaseException) and inner is not error:
        return cause_of(inner)
    for kind in type(error).__mro__:
        if (known := TYPES.get(_type_name(kind))) is not None:
            # Of an actor's death Ray has one type, and says what of in words.
            said = _ray_cause(str(error)) if known == "worker_lost" else ""
            return said or known
    if isinstance(error, TrialError) and _NOT_FINITE in str(error):
        return "nan"
    if isinstance(error, RuntimeError) and _has_any(str(error), _TORCH_SIGNS):
        return "out_of_memory"
    if isinstance(error, OSError) and _passed_through(error, "raypg.data"):
        return "data"
    return "code"


def cause_of_text(text: str, otherwise: str = "code") -> str:
    """The cause that a text stands for, where no exception is left.

    Args:
        text: a traceback, a trial's reason, or what Tune kept of a process's errors.
        otherwise: the cause where the text shows none of the others.
    """
    if cause := _ray_cause(text):
        return cause
    types = [TYPES[name] for name in _RAISED.findall(text) if name in TYPES]
    if types:
        return types[-1]
    if _NOT_FINITE in text:
        return "nan"
    return "out_of_memory" if _has_any(text, _TORCH_SIGNS) else otherwise


def row_cause(row: Mapping[str, Any]) -> str:
    """The cause in a failed trial's row; from its texts where an old store has none."""
    texts = (row.get("status_reason"), row.get("error"))
    return row.get("cause") or cause_of_text("\n".join(filter(None, texts)))


def is_asked_for(row: Mapping[str, Any], asked: str) -> bool:
    """Whether `--retry-failed` with this cause, or with `all`, means the trial."""
    return row["status"] == "failed" and asked in (EVERY_CAUSE, row_cause(row))


def check_cause(asked: str) -> None:
    """Refuse a cause that no trial can have.

    Raises:
        ConfigError: there is none of that name; names the nearest.
    """
    known = (EVERY_CAUSE, *POLICIES)
    if asked not in known:
        fix, rule = suggest_name(asked, known), "must be a cause of failure"
        raise ConfigError("--retry-failed", rule, f'"{asked}"', fix)


def _ray_cause(text: str) -> str:
    """The cause that Ray's words stand for; empty where they say none."""
    return next((cause for sign, cause in _RAY_SIGNS.items() if sign in text), "")


def _type_name(kind: type) -> str:
    """As a traceback prints it: with its module, unless it is Python's own."""
    is_own = kind.__module__ == "builtins"
    return kind.__qualname__ if is_own else f"{kind.__module__}.{kind.__qualname__}"


def _has_any(text: str, signs: tuple[str, ...]) -> bool:
    return any(sign in text for sign in signs)


def _passed_through(error: BaseException, package: str) -> bool:
    """Whether the exception came out of a package."""
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_globals.get("__name__", "").startswith(package):
            return True
        frame = frame.tb_next
    return False
