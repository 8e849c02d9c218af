"""One sweep of many trials at once, in one process, without anyone who trains.

Prints what it measured as JSON: results a second once all trials run, and the driver's
memory (USS, after a garbage collection) when so many trials live, and when so many have
ended. The stand-ins of the actors live in the same process and are measured apart.

    python -m tests.benchmarks.simulated_sweep --trials N --live N --epochs N [--bare]
"""

import argparse
import contextlib
import gc
import io
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from ray import tune
from ray.tune.search import Searcher

from raypg.cluster import slots
from raypg.cluster import trainable as ours
from raypg.cluster.connect import connect, disconnect
from raypg.cluster.prepare import Options
from raypg.cluster.sweep import start_sweep
from raypg.ledger import Ledger
from tests.benchmarks.driver import AXES, BareTrainable, build_idle
from tests.benchmarks.machine import unique_mib
from tests.benchmarks.stand_ins import stand_ins

MARKS = (1_000, 3_000, 10_000)
"""Ended trials at which memory is looked at."""


@dataclass
class Seen:
    """What a driver took in, and what it weighed meanwhile."""

    num_live: int
    num_results: int = 0
    num_ended: int = 0
    start_mib: float = 0.0
    live_mib: float = 0.0
    ended_mib: dict[int, float] = field(default_factory=dict)
    began: float = 0.0
    rated: int = 0
    last: float = 0.0
    ended_at: dict[int, float] = field(default_factory=dict)

    def result(self) -> None:
        """One came."""
        self.num_results += 1
        self.last = time.perf_counter()
        if self.num_results == self.num_live:
            self.live_mib = weigh()
            self.began, self.rated = time.perf_counter(), self.num_results

    def end(self) -> None:
        """A trial is over."""
        self.num_ended += 1
        if self.num_ended in MARKS:
            self.ended_mib[self.num_ended] = weigh()
            self.ended_at[self.num_ended] = time.perf_counter() - self.began

    @property
    def results_per_s(self) -> float:
        """From when all trials run to the last result."""
        return (self.num_results - self.rated) / (self.last - self.began)


def weigh() -> float:
    """MiB that this process alone has."""
    gc.collect()
    return unique_mib()


def main() -> None:
    """Run one sweep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--live", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--bare", action="store_true", help="bare Tune")
    options = parser.parse_args()
    seen = Seen(options.live)
    connect(num_cpus=1)
    run = _run_bare if options.bare else _run_ours
    with stand_ins(), tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        run(seen, Path(folder), options.trials, options.epochs)
    disconnect()
    print(json.dumps({**asdict(seen), "results_per_s": seen.results_per_s}))


def _run_ours(seen: Seen, folder: Path, num_trials: int, num_epochs: int) -> None:
    space = folder / "space.py"
    base = {"model.name": "mlp", "train.epochs": num_epochs}
    text = f"SPACE = Ablation(base={base}, axes={AXES}, seeds={num_trials})"
    space.write_text(f"from raypg import Ablation\n\n{text}\n")
    options = Options(store=str(folder / "runs"))
    with (
        contextlib.redirect_stderr(io.StringIO()),
        mock.patch.object(ours, "build_trainable", build_idle),
        mock.patch.object(slots, "num_slots", return_value=seen.num_live),
        _booked(seen),
    ):
        seen.start_mib = weigh()
        finished = start_sweep(str(space), [], options)
    assert finished.exit_code == 0, finished.ending.reason


@contextlib.contextmanager
def _booked(seen: Seen) -> Iterator[None]:
    report, end = Ledger.report, Ledger.end

    def reported(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
        report(*arguments, **options)
        seen.result()

    def ended(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
        end(*arguments, **options)
        seen.end()

    with (
        mock.patch.object(Ledger, "report", reported),
        mock.patch.object(Ledger, "end", ended),
    ):
        yield


class _Counted(Searcher):  # type: ignore[misc]
    """Trials one by one, so many at a time: as Tune's own `ConcurrencyLimiter`."""

    def __init__(self, num_trials: int, num_live: int, num_epochs: int) -> None:
        super().__init__()
        self._left, self._num_live, self._epochs = num_trials, num_live, num_epochs
        self._live: set[str] = set()

    def suggest(self, trial_id: str) -> Any:  # noqa: ANN401
        if len(self._live) >= self._num_live:
            return None
        if not self._left:
            return self.FINISHED
        self._left -= 1
        self._live.add(trial_id)
        return {"seed": self._left, "epochs": self._epochs}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        self._live.discard(trial_id)


class _Watch(tune.Callback):  # type: ignore[misc]
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def on_trial_result(self, **info: object) -> None:
        self._seen.result()

    def on_trial_complete(self, **info: object) -> None:
        self._seen.end()


def _run_bare(seen: Seen, folder: Path, num_trials: int, num_epochs: int) -> None:
    seen.start_mib = weigh()
    tune.Tuner(
        BareTrainable,
        tune_config=tune.TuneConfig(
            reuse_actors=True,
            search_alg=_Counted(num_trials, seen.num_live, num_epochs),
            num_samples=-1,
        ),
        run_config=tune.RunConfig(
            storage_path=str(folder),
            callbacks=[_Watch(seen)],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    ).fit()


if __name__ == "__main__":
    main()
