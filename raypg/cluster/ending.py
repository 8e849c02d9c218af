"""Why a sweep ends before its last trial."""

from dataclasses import dataclass


@dataclass
class Ending:
    """Set by whoever wants the sweep to end; Tune asks at every step."""

    reason: str = ""
    """Empty while the sweep is to go on."""
    is_interrupt: bool = False
    """Whether a person or the system asked, with a signal."""
    is_hopeless: bool = False
    """Whether to go on as before would end the same way."""
    unwritten: str = ""
    """What could not be written in the end, and where it is kept."""

    def interrupt(self, signal_name: str) -> None:
        """End the sweep because a signal came."""
        self.reason, self.is_interrupt = signal_name, True

    def give_up(self, reason: str) -> None:
        """End the sweep because it cannot go on."""
        self.reason = self.reason or reason
