"""Sweeps over digits with Ray Tune alone, each as Ray documents it.

    python -m tests.benchmarks.tune_peers KIND --trials N --epochs N --out FILE

KIND is `reuse_actors` (a class `Trainable` whose processes are kept from trial to
trial, Tune's fastest way) or `function` (a function trainable, a process a trial).
`--defaults` leaves Tune's own loggers, printing and the checkpoint at a class
trainable's end on; otherwise they are off, and nothing but metrics comes of a trial.
FILE is a JSON of moments. Ray Train is in a file of its own, `train_peer`: to import it
would cost these two seconds.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune

from tests.benchmarks.digits_peer import Digits


class ReusedTrainable(tune.Trainable):  # type: ignore[misc]
    """An epoch a step; `reset_config` starts the next trial in the same process."""

    def setup(self, config: dict[str, Any]) -> None:
        self.digits = Digits(config["lr"], config["seed"], config["epochs"])
        self.train_s = 0.0

    def step(self) -> dict[str, Any]:
        metrics = self.digits.train_epoch()
        self.train_s += metrics["epoch_s"]
        is_last = self.iteration + 1 == self.config["epochs"]
        return {**metrics, "train_s": self.train_s, "done": is_last}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        torch.save(self.digits.model.state_dict(), Path(checkpoint_dir) / "model.pt")


def train_function(config: dict[str, Any]) -> None:
    """A whole trial, in a process of its own."""
    digits, train_s = Digits(config["lr"], config["seed"], config["epochs"]), 0.0
    for _ in range(config["epochs"]):
        metrics = digits.train_epoch()
        train_s += metrics["epoch_s"]
        tune.report({**metrics, "train_s": train_s})


class Watch(tune.Callback):  # type: ignore[misc]
    """Notes when results and ends come."""

    def __init__(self) -> None:
        self.moments: dict[str, Any] = {"ends": [], "train_s": []}

    def on_trial_result(self, result: Mapping[str, float], **info: Any) -> None:  # noqa: ANN401
        if "first_row" not in self.moments:
            self.moments["first_row"] = time.time()

    def on_trial_complete(self, trial: Any, **info: Any) -> None:  # noqa: ANN401
        self.moments["ends"].append(time.time())
        self.moments["train_s"].append(trial.last_result["train_s"])


def main() -> None:
    """Run one sweep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("reuse_actors", "function"))
    parser.add_argument("--defaults", action="store_true")
    options = parse(parser)
    if not options.defaults:
        os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    reuses = options.kind == "reuse_actors"
    run_sweep(
        ReusedTrainable if reuses else train_function,
        options,
        tune.TuneConfig(reuse_actors=reuses),
        verbose=1 if options.defaults else 0,
        checkpoint_config=tune.CheckpointConfig(
            checkpoint_at_end=None if options.defaults else False
        ),
    )


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What every peer is told."""
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def run_sweep(
    trainable: Any,  # noqa: ANN401
    options: argparse.Namespace,
    tune_config: tune.TuneConfig,
    **run_options: object,
) -> None:
    """Two learning rates, and seeds; write down when what came."""
    # "local": never a cluster that something else has left on this machine.
    ray.init(
        "local", include_dashboard=False, log_to_driver=False, logging_level="ERROR"
    )
    watch = Watch()
    with tempfile.TemporaryDirectory() as storage:
        tune.Tuner(
            trainable,
            param_space={
                "lr": tune.grid_search([0.05, 0.1]),
                "seed": tune.grid_search(list(range(-(-options.trials // 2)))),
                "epochs": options.epochs,
                "storage": storage,
                "num_workers": getattr(options, "workers", 1),
            },
            tune_config=tune_config,
            run_config=tune.RunConfig(
                storage_path=storage, callbacks=[watch], **run_options
            ),
        ).fit()
    options.out.write_text(json.dumps(watch.moments))


if __name__ == "__main__":
    main()
