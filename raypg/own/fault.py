"""What is wrong with a user's own component; who knows the place makes it an error."""

import traceback
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from raypg.tracebacks import is_users

_MOST_FRAMES = 5


class OwnFault(NamedTuple):
    """The parts of an error but for its place.

    Attributes:
        rule: that is broken.
        found: what was found, as an error shows it.
        fix: what to do.
    """

    rule: str
    found: str
    fix: str


class OwnFaults(Exception):
    """All that is wrong with one component."""

    def __init__(self, faults: Sequence[OwnFault]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(f"{rule}; found {found}. {fix}" for rule, found, fix in self)

    def __iter__(self) -> Iterator[OwnFault]:
        return iter(self.faults)


def fault_of(cause: BaseException, rule: str) -> OwnFault:
    """What a user's code raised, with the user's own lines of the traceback."""
    if isinstance(cause, SyntaxError):
        found = f"{cause.msg}: {(cause.text or '').strip()}".removesuffix(": ")
        place = f" ({cause.filename}:{cause.lineno})" if cause.lineno else ""
        return OwnFault(rule, f"{found}{place}", "Correct it.")
    found = " ".join(f"{type(cause).__name__}: {cause}".split())
    frames = [
        frame
        for frame in traceback.extract_tb(cause.__traceback__)
        if is_users(frame.filename)
    ][-_MOST_FRAMES:]
    places = [f"  {f.filename}:{f.lineno}, in {f.name}: {f.line}" for f in frames]
    fix = "\n".join(["Correct it:", *places]) if places else "Correct it."
    return OwnFault(rule, found, fix)
