"""Stand-ins for the rest of the system, held to the contracts of what they replace."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from raypg.training.link import Metrics
from raypg.training.state import State


class InjectedFault(Exception):
    """Raised on purpose."""


class FakeLink:
    """Keeps all that it hears; fails and stops where it is told to.

    Args:
        fail_after: the epoch whose report raises.
        stop_at_ask: the number of the question that is answered with a stop, from 1.
        on_report: called at each report.
        on_ask: called at each question.
    """

    def __init__(
        self,
        *,
        fail_after: int = 0,
        stop_at_ask: int = 0,
        on_report: Callable[[], object] = lambda: None,
        on_ask: Callable[[], object] = lambda: None,
    ) -> None:
        self.epochs: list[int] = []
        self.metrics: list[Metrics] = []
        self.states: list[State] = []
        self.digests: list[str] = []
        self.columns: dict[str, object] = {}
        self.num_asks = 0
        self.num_beats = 0
        self._fail_after = fail_after
        self._stop_at_ask = stop_at_ask
        self._on_report = on_report
        self._on_ask = on_ask

    @property
    def last_state(self) -> State:
        """The state at the end of the last epoch that was reported."""
        return self.states[-1]

    def report(
        self, epoch: int, metrics: Metrics, snapshot: Callable[[], State]
    ) -> None:
        """Keep the epoch and its state."""
        self._on_report()
        self.epochs.append(epoch)
        self.metrics.append(metrics)
        self.states.append(snapshot())
        self.digests.append(digest(vars_of(self.last_state)))
        if epoch == self._fail_after:
            raise InjectedFault(f"after epoch {epoch}")

    def describe(self, columns: Mapping[str, object]) -> None:
        """Keep the columns."""
        self.columns = dict(columns)

    def should_stop(self) -> bool:
        """Stop at the question that was named, and from then on."""
        self._on_ask()
        self.num_asks += 1
        return 0 < self._stop_at_ask <= self.num_asks

    def beat(self) -> None:
        """Count the signs of life."""
        self.num_beats += 1

    def rest(self) -> None:
        """Nothing: nobody watches."""


class FakeWriter:
    """A `SweepWriter` that keeps its rows in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Mapping[str, Any]]] = {}

    def append(self, table: str, row: Mapping[str, Any]) -> None:
        """Keep the row."""
        self.rows.setdefault(table, []).append(row)


def vars_of(state: State) -> dict[str, Any]:
    """A state's fields, without what a clock wrote into its history."""
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__}
    best = {**fields["best"], "metrics": timeless(fields["best"]["metrics"])}
    history = [timeless(metrics) for metrics in fields["history"]]
    return {**fields, "best": best, "history": history}


def timeless(metrics: Metrics) -> dict[str, float]:
    """The metrics that do not depend on how fast the machine is."""
    clocks = ("time", "epoch_s", "images_per_s", "compile_s")
    return {name: value for name, value in metrics.items() if name not in clocks}


def digest(tree: object) -> str:
    """16 hex digits that differ where a bit of nested dicts and tensors does."""
    parts = hashlib.sha256()
    for piece in _pieces(tree):
        parts.update(piece)
    return parts.hexdigest()[:16]


def _pieces(tree: Any) -> Iterator[bytes]:  # noqa: ANN401 any tree of tensors
    if isinstance(tree, Tensor):
        yield f"{tree.dtype}{tuple(tree.shape)}".encode()
        yield (
            tree.detach()
            .cpu()
            .contiguous()
            .view(-1)
            .view(torch.uint8)
            .numpy()
            .tobytes()
        )
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield repr(key).encode()
            yield from _pieces(value)
    elif isinstance(tree, Iterable) and not isinstance(tree, str | bytes):
        for item in tree:
            yield b","
            yield from _pieces(item)
    else:
        yield repr(tree).encode()
