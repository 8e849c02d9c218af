"""Why a sweep ends before its last trial."""

import shlex
import sys
from dataclasses import dataclass

from raypg.store import Store


@dataclass
class Ending:
    """Set by whoever wants the sweep to end; Tune asks at every step."""

    reason: str = ""
    """Empty while the sweep is to go on."""
    is_interrupt: bool = False
    """Whether a person or the system asked, with a signal."""
    is_planned: bool = False
    """Whether it ends as it was asked to end before it began."""
    is_hopeless: bool = False
    """Whether to go on as before would end the same way."""
    unwritten: str = ""
    """What could not be written in the end, and where it is kept."""

    def interrupt(self, signal_name: str) -> None:
        """End the sweep because a signal came."""
        self.reason, self.is_interrupt = signal_name, True
        self.is_planned = False

    @property
    def is_gentle(self) -> bool:
        """Whether its trials under way save first."""
        return self.is_interrupt or self.is_planned

    def conclude(self, reason: str) -> None:
        """End the sweep with what it has, as it was asked to."""
        if not self.reason:
            self.reason, self.is_planned = reason, True

    def give_up(self, reason: str) -> None:
        """End the sweep because it cannot go on."""
        self.reason = self.reason or reason


def print_ending(ending: Ending, resume: str) -> None:
    """Say why a sweep ended early, what is not in its tables, and what to do.

    Args:
        ending: with a reason, or with something unwritten.
        resume: the command that goes on.
    """
    if ending.reason:
        reason = ending.reason.removesuffix(".")
        print(f"The sweep ended early: {reason}.", file=sys.stderr)
    if ending.unwritten:
        print(ending.unwritten, file=sys.stderr)
    if ending.is_hopeless:
        print("Mend that, and start it again.", file=sys.stderr)
        return
    print(f"Go on with: {resume}", file=sys.stderr)


def resume_command(store: Store, sweep: str, address: str = "") -> str:
    """What to type to go on with a sweep, in the cluster at `address`."""
    where = store.option
    if address:
        where += f" --address {shlex.quote(address)}"
    return f"python -m raypg.tune --resume {sweep} {where}"
