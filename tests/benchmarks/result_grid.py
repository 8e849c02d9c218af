"""Ray Tune's own way to its results: a finished sweep, opened from disk.

    python -m tests.benchmarks.result_grid --trials N --epochs N --out FILE

A real sweep of trials that only report, with Tune's defaults (`result.json` and
`progress.csv` a trial). FILE is a JSON of the milliseconds in which a `ResultGrid` is
opened and answers the mean validation accuracy by epoch, several times over.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas  # type: ignore[import-untyped]
import ray
from ray import tune

NUM_TIMES = 3
NAMES = ("epoch_s", "images_per_s", "lr", "train.loss", "train.accuracy", "val.loss")


class Reporter(tune.Trainable):  # type: ignore[misc]
    """An epoch a step, of the columns that raypg's loop reports."""

    def setup(self, config: dict[str, Any]) -> None:
        self.seed = config["seed"]

    def step(self) -> dict[str, Any]:
        values = {name: 1 / (self.iteration + self.seed + 2) for name in NAMES}
        is_last = self.iteration + 1 == self.config["epochs"]
        return {**values, "val.accuracy": values["val.loss"], "done": is_last}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.seed = new_config["seed"]
        return True


def main() -> None:
    """Run the sweep, then open it again and again."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    # "local": never a cluster that something else has left on this machine.
    ray.init(
        "local", include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    with tempfile.TemporaryDirectory() as storage:
        grid = tune.Tuner(
            Reporter,
            param_space={
                "seed": tune.grid_search(list(range(options.trials))),
                "epochs": options.epochs,
            },
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(storage_path=storage, verbose=0),
        ).fit()
        milliseconds = [
            _open_and_ask(grid.experiment_path, options) for _ in range(NUM_TIMES)
        ]
    options.out.write_text(json.dumps({"milliseconds": milliseconds}))


def _open_and_ask(path: str, options: argparse.Namespace) -> float:
    start = time.perf_counter()
    grid = tune.Tuner.restore(path, Reporter).get_results()
    rows = pandas.concat([result.metrics_dataframe for result in grid])
    means = rows.groupby("training_iteration")["val.accuracy"].mean()
    took_ms = 1000 * (time.perf_counter() - start)
    assert (len(rows), len(means)) == (options.trials * options.epochs, options.epochs)
    return took_ms


if __name__ == "__main__":
    main()
