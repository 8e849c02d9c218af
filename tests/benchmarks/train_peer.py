"""A sweep over digits with Ray Tune and Ray Train, as Ray documents them together.

    python -m tests.benchmarks.train_peer --workers N --trials N --epochs N --out FILE

Each trial is a function that starts a `TorchTrainer` of `--workers` workers, and hears
of its reports through `TuneReportCallback` (Ray's guide "Hyperparameter Tuning with
Ray Tune", Train V2). See `tune_peers` for the rest.
"""

import argparse
import os
from typing import Any

from ray import train, tune
from ray.train.torch import TorchTrainer, prepare_model
from ray.tune.integration.ray_train import TuneReportCallback

from tests.benchmarks.digits_peer import Digits
from tests.benchmarks.tune_peers import parse, run_sweep


def train_on_workers(config: dict[str, Any]) -> None:
    """A whole trial as a run of Ray Train."""
    TorchTrainer(
        train_on_worker,
        train_loop_config=config,
        scaling_config=train.ScalingConfig(num_workers=config["num_workers"]),
        run_config=train.RunConfig(
            name=f"train-trial_id={tune.get_context().get_trial_id()}",
            storage_path=config["storage"],
            callbacks=[TuneReportCallback()],
        ),
    ).fit()


def train_on_worker(config: dict[str, Any]) -> None:
    """What each worker of such a run does."""
    digits, train_s = Digits(config["lr"], config["seed"], config["epochs"]), 0.0
    digits.model = prepare_model(digits.model)
    for _ in range(config["epochs"]):
        metrics = digits.train_epoch()
        train_s += metrics["epoch_s"]
        train.report({**metrics, "train_s": train_s})


def main() -> None:
    """Run one sweep, with as many trials at a time as there is room for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1)
    options = parse(parser)
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    run_sweep(
        # Its workers take the CPUs, all of them; Tune refuses an empty request.
        tune.with_resources(train_on_workers, {"CPU": 0, "memory": 1}),
        options,
        tune.TuneConfig(max_concurrent_trials=(os.cpu_count() or 1) // options.workers),
        verbose=0,
    )


if __name__ == "__main__":
    main()
