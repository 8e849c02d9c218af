"""A trial trained again from its row alone, into tables that nobody keeps."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raypg.cluster.options import Options
from raypg.cluster.sweep import start_sweep
from raypg.config import Config, flatten
from raypg.entries import config_of
from raypg.errors import ResultsError
from raypg.metrics import metric_mode
from raypg.results import Results, open_results
from raypg.solo.device import check_device
from raypg.store import Store
from raypg.training.state import State
from raypg.training.world import alone
from raypg.trial import Place, train_trial

Row = Mapping[str, Any]
Metrics = Mapping[str, float]

_SWEEP = "again"


@dataclass(frozen=True)
class Rerun:
    """What a trial gave the second time.

    Attributes:
        epochs: the metrics of each epoch, from the first on.
        summary: columns of `trials` that the trainer knows.
        test: columns of `test_results`; empty for a trial that was stopped.
        trial: its id there, which is another one where the code has changed.
        results: tables with its predictions; gone once the block is left.
    """

    trial: str
    epochs: Sequence[Metrics]
    summary: Row
    test: Row
    results: Results


@contextmanager
def train_again(
    row: Row, sources: Store, tell: Callable[[str], None]
) -> Iterator[Rerun]:
    """Train what a row says, as often as it says, with as many workers and threads.

    One worker is this process; several are a sweep of one trial on a cluster.

    Args:
        row: of `trials`.
        sources: the store that has it, and the trials that it went out from.
        tell: told how it goes on, line by line.

    Raises:
        ResultsError: it was trained on a GPU, and there is none.
        RaypgError: it cannot be trained here.
    """
    config = config_of(row)
    check_device(row["device"], f"{row['trial']}: cuda", "Go where there is one.")
    with tempfile.TemporaryDirectory(prefix="raypg-") as folder:
        store = Store(folder)
        if row["num_workers"] == 1:
            yield _train_here(row, config, store, sources, tell)
        else:
            yield _train_in_a_group(row, config, store)


class _Epochs:
    """A link that keeps what is reported, and stops where the trial had stopped."""

    def __init__(self, row: Row, tell: Callable[[str], None]) -> None:
        self.epochs: list[Metrics] = []
        self._num_epochs = row["num_epochs"]
        self._has_stopped = bool(row["status"] == "stopped")
        self._tell = tell

    def describe(self, columns: Row) -> None:
        """They come once more at the end."""

    def report(
        self, epoch: int, metrics: Metrics, snapshot: Callable[[], State]
    ) -> None:
        """Keep the metrics."""
        self.epochs.append(metrics)
        self._tell(f"epoch {epoch} of {self._num_epochs} trained again")

    def should_stop(self) -> bool:
        """Whether as many epochs are there as its scheduler had let it have."""
        return self._has_stopped and len(self.epochs) >= int(self._num_epochs)

    def beat(self) -> None:
        """Nobody waits for it."""

    def rest(self) -> None:
        """Nobody waits for it."""


def _train_here(
    row: Row,
    config: Config,
    store: Store,
    sources: Store,
    tell: Callable[[str], None],
) -> Rerun:
    link = _Epochs(row, tell)
    device = "cuda:0" if row["device"] == "cuda" else row["device"]
    place = Place(
        store=store, sweep=_SWEEP, trial=row["trial"], attempt=0, sources=sources
    )
    store.write_description(_SWEEP, {})
    end = train_trial(config, alone(device, row["num_threads"]), link, None, place)
    results = open_results(store)
    return Rerun(row["trial"], link.epochs, end.summary, end.test, results)


def _train_in_a_group(row: Row, config: Config, store: Store) -> Rerun:
    """By the system itself: a space of one arm with one value.

    Raises:
        ResultsError: it did not end as it had, or goes out from another trial.
    """
    if config.train.init or config.train.teacher:
        rule = "must have one worker, where it goes out from another trial"
        fix = "Train it anew: python -m raypg.tune --workers-per-trial N --fresh."
        raise ResultsError(row["trial"], rule, str(row["num_workers"]), fix)
    leaves = flatten(config)
    space = Path(store.root) / "again.py"
    own = ("seed", "train.epochs", "train.metric")
    base = {name: value for name, value in leaves.items() if name not in own}
    parts = {
        "base": base,
        "axes": {"train.epochs": [leaves["train.epochs"]]},
        "seeds": [leaves["seed"]],
        "metric": leaves["train.metric"],
        "mode": metric_mode(config.train.metrics, config.train.metric),
    }
    arguments = ", ".join(f"{name}={value!r}" for name, value in parts.items())
    space.write_text(f"from raypg import Ablation\n\nSPACE = Ablation({arguments})\n")
    options = Options(
        store=store.uri,
        name=_SWEEP,
        workers_per_trial=row["num_workers"],
        cpus_per_worker=row["num_threads"],
        gpus_per_worker=1.0 if row["device"] == "cuda" else 0.0,
    )
    start_sweep(str(space), [], options)
    results = open_results(store)
    (again,) = results.trials(_SWEEP)
    if again["status"] != "completed":
        found = f"{again['status']}: {again['status_reason']}"
        rule, fix = "must be trained again to its end", "See the reason."
        raise ResultsError(row["trial"], rule, found, fix)
    test = results.sql("from test_results").to_pylist()
    found = test[0] if test else {}
    return Rerun(again["trial"], results.epochs(_SWEEP), again, found, results)
