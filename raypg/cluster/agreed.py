"""Changes that a sweep goes on under: refused, allowed, and recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from raypg.cluster.changes import EPOCHS, Present
from raypg.errors import StoreError
from raypg.results.wording import describe_changes
from raypg.store import Store


@dataclass(frozen=True)
class Change:
    """What differs from how a sweep was, beyond what was agreed to before.

    Attributes:
        parts: how each was and is; files by name, leaves of the config by theirs.
        num_trials: how many trials of the tables it concerns.
    """

    parts: Mapping[str, tuple[Sequence[str], Sequence[str]]]
    num_trials: int

    @property
    def of_code(self) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
        """All but the number of epochs, which a person asks for."""
        return {name: ends for name, ends in self.parts.items() if name != EPOCHS}

    def to_json(self, code: Mapping[str, Any]) -> dict[str, Any]:
        """As `sweep.json` records it, from this moment on.

        Args:
            code: columns of `trials` that tell of it.
        """
        parts = {
            name: {"from": list(then), "to": list(now)}
            for name, (then, now) in self.parts.items()
        }
        when = datetime.now(UTC).isoformat(timespec="seconds")
        told = {name: code[name] for name in ("git.commit", "git.dirty", "git.diff")}
        return {"when": when, "trials": self.num_trials, "parts": parts, **told}


def find_change(presents: Sequence[Present], about: Mapping[str, Any]) -> Change | None:
    """What has changed that nobody has agreed to yet; None for nothing.

    Args:
        presents: the trials of the sweep.
        about: its description; the newest change of a part is what holds.
    """
    agreed: dict[str, list[str]] = {}
    for change in about.get("changes", ()):
        agreed |= {name: ends["to"] for name, ends in change["parts"].items()}
    then: dict[str, set[str]] = {}
    now: dict[str, set[str]] = {}
    num_trials = 0
    for one in presents:
        fresh = {
            name: ends
            for name, ends in one.changed.items()
            if ends[1] not in agreed.get(name, ())
        }
        num_trials += bool(fresh)
        for name, (was, is_) in fresh.items():
            then.setdefault(name, set()).add(was)
            now.setdefault(name, set()).add(is_)
    if not num_trials:
        return None
    parts = {name: (sorted(then[name]), sorted(now[name])) for name in sorted(now)}
    return Change(parts, num_trials)


def check_allowed(name: str, change: Change, num_trials: int) -> None:
    """Refuse to mix trials of two versions of code, data or torch in one sweep.

    Args:
        name: of the sweep.
        change: what is not agreed to.
        num_trials: of the sweep's trials in the tables.

    Raises:
        StoreError: anything but the number of epochs has changed; names all of it.
    """
    if change.of_code:
        rule = "must go on with the code, data and torch that it started with"
        of = f"({change.num_trials} of {num_trials} trials)"
        found = f"changes in {describe_changes(change.of_code)} {of}"
        fix = (
            "Start a new sweep, which takes from the store what still holds; or add "
            "--allow-changed: what has ended stays, the rest is trained as things are "
            "now, and the sweep records it."
        )
        raise StoreError(f"--resume {name}", rule, found, fix)


def record(
    store: Store,
    name: str,
    about: Mapping[str, Any],
    change: Change | None,
    code: Mapping[str, Any],
) -> None:
    """Keep what a sweep is from now on, and what has changed.

    Args:
        store: where it lives.
        name: of the sweep.
        about: its description.
        change: what is to be added to it; None for nothing.
        code: with what it goes on, as columns of `trials`.
    """
    if change:
        changes = [*about.get("changes", ()), change.to_json(code)]
        about = {**about, "changes": changes}
    if about != store.read_description(name):
        store.write_description(name, about)
