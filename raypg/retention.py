"""Which checkpoints of a sweep stay once their trials have ended: a rule and a budget.

A trial's last checkpoint holds its last epoch and its best one, so that one is enough.
Trials that have not ended keep theirs whatever is asked, and trials whose results
another sweep has taken from the store their last one at least.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from raypg.errors import ConfigError

ALL, LAST, BEST = "all", "last", "best"
KEEP = "--keep-checkpoints"
DISK = "--checkpoint-disk"

_SIZE = re.compile(
    r"(\d+(?:\.\d*)?|\.\d+) *(?:([KMGTP])(i?))?B", re.ASCII | re.IGNORECASE
)
_PREFIXES = " KMGTP"
_COMPETES = {"completed": 0, "stopped": 1}
"""Whose metric counts. A stopped trial is behind all that trained to their end."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """What a person wants to be kept of a sweep's checkpoints.

    Attributes:
        keep: the rule as it was typed.
        num_trials: so many of the best ended trials keep a checkpoint.
        disk: the budget as it was typed; empty is none.
        budget_bytes: the same.
    """

    keep: str = ALL
    num_trials: float = math.inf
    disk: str = ""
    budget_bytes: float = math.inf

    @property
    def is_asked(self) -> bool:
        """Whether anything is ever to be let go."""
        return self.keep != ALL or bool(self.disk)

    @property
    def keeps_last_only(self) -> bool:
        """Whether a trial that keeps a checkpoint keeps its last one alone."""
        return self.keep != ALL

    @property
    def rule(self) -> str:
        """The option that lets trials go by their rank."""
        return f"{KEEP} {self.keep}"

    @property
    def budget(self) -> str:
        """The option that lets trials go by their size."""
        return f"{DISK} {self.disk}"


def parse_retention(keep: str, disk: str) -> Retention:
    """What the two options ask for.

    Args:
        keep: `all`, `last`, `best` or a number of trials.
        disk: a size with its unit, as `500MB`, `50GB` or `2TiB`; empty is no limit.

    Raises:
        ConfigError: one of them is something else.
    """
    return Retention(
        keep=keep,
        num_trials=_parse_num_trials(keep),
        disk=disk,
        budget_bytes=_parse_size(disk) if disk else math.inf,
    )


@dataclass(frozen=True)
class Ended:
    """A trial that has ended.

    Attributes:
        trial: its fingerprint.
        number: its place in the order in which trials were handed out.
        status: `completed`, `stopped` or `failed`.
        value: the sweep's metric at its last epoch; None where it gave no number.
    """

    trial: str
    number: int
    status: str
    value: float | None

    @property
    def is_rated(self) -> bool:
        """Whether it can be among the best."""
        has_value = self.value is not None and math.isfinite(self.value)
        return has_value and self.status in _COMPETES


def rank(ended: Collection[Ended], mode: str) -> list[Ended]:
    """The trials, the best first; the earlier of two that are equal.

    Args:
        ended: in any order.
        mode: `max` or `min`, of the sweep's metric.
    """
    sign = -1 if mode == "max" else 1

    def place(one: Ended) -> tuple[int, float, int]:
        if not one.is_rated or one.value is None:
            return len(_COMPETES), 0.0, one.number
        return _COMPETES[one.status], sign * one.value, one.number

    return sorted(ended, key=place)


def let_go_by_rank(
    ranked: Sequence[Ended], num_trials: float, referred: Collection[str]
) -> list[str]:
    """Trials that are none of the best.

    Args:
        ranked: the ended trials, the best first.
        num_trials: how many of them may keep a checkpoint; infinity is all.
        referred: trials that another sweep refers to.
    """
    if math.isinf(num_trials):
        return []
    rated = [one.trial for one in ranked if one.is_rated]
    kept = {*rated[: int(num_trials)], *referred}
    return [one.trial for one in ranked if one.trial not in kept]


def let_go_by_size(
    ranked: Sequence[Ended],
    sizes: Mapping[str, int],
    budget_bytes: float,
    referred: Collection[str],
) -> list[str]:
    """The worst trials, as many as must go for the rest to fit; never the best one.

    Args:
        ranked: the ended trials, the best first.
        sizes: bytes of the checkpoints of every trial that has some, ended or not.
        budget_bytes: what all of them may take.
        referred: trials that another sweep refers to.
    """
    spared = {*referred, *(one.trial for one in ranked[:1] if one.is_rated)}
    left, found = sum(sizes.values()), []
    for one in reversed(ranked):
        if left <= budget_bytes:
            break
        if one.trial not in spared and sizes.get(one.trial):
            found.append(one.trial)
            left -= sizes[one.trial]
    return found


def size_text(size_bytes: float) -> str:
    """Bytes as the option takes them, to three digits."""
    exponent = 0
    while size_bytes >= 999.5 and exponent < len(_PREFIXES) - 1:
        size_bytes, exponent = size_bytes / 1000, exponent + 1
    return f"{size_bytes:.3g}{_PREFIXES[exponent].strip()}B"


def _parse_num_trials(keep: str) -> float:
    if keep in (ALL, LAST):
        return math.inf
    if keep == BEST:
        return 1
    if re.fullmatch(r"0*[1-9]\d{0,8}", keep, re.ASCII):
        return int(keep)
    rule = "must be all, last, best or a number of trials of at least 1"
    raise ConfigError(KEEP, rule, f'"{keep}"', "Choose one.")


def _parse_size(disk: str) -> float:
    found = _SIZE.fullmatch(disk.strip())
    if found is None or not float(found[1]):
        rule = "must be a size above 0 with its unit, as 500MB, 50GB or 2TiB"
        near = f"{disk.strip()}B"
        can_mend = near[-2:-1].isalpha() and _SIZE.fullmatch(near)
        fix = f"Write {near}." if can_mend else "Change it."
        raise ConfigError(DISK, rule, f'"{disk}"', fix)
    base = 1024 if found[3] else 1000
    return float(found[1]) * float(base ** _PREFIXES.index((found[2] or " ").upper()))
