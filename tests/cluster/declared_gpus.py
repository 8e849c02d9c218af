"""A sweep on a cluster that declares two GPUs, which this machine need not have.

    python -m tests.cluster.declared_gpus SHARE    # of a GPU, or several, a worker

Nobody trains. Each trial says in a line which GPUs it was given, from when to when.
"""

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any
from unittest import mock

import ray
from ray import tune

from raypg.cluster import connect as joining
from raypg.cluster import trainable
from raypg.cluster.connect import Need, connect, disconnect
from raypg.cluster.own_cluster import own_options
from raypg.cluster.prepare import Options
from raypg.cluster.sweep import start_sweep
from tests.benchmarks.driver import IdleTrainable

NUM_GPUS, NUM_CPUS = 2, 8
SPACE = """from raypg import *
SPACE = Ablation(base={"model.name": "mlp", "train.epochs": 1},
    axes={"model.hidden": [8]}, seeds=8)
"""


class HoldingTrainable(IdleTrainable):
    """Keeps its GPUs for a while and notes which they are."""

    def step(self) -> dict[str, Any]:
        began, folder = time.time(), Path(self._assignment.store)
        (folder / f"began-{uuid.uuid4().hex}").touch()
        share = ray.get_runtime_context().get_assigned_resources()["GPU"]
        # The first ones wait for each other, however slowly processes start.
        while len(list(folder.glob("began-*"))) < NUM_GPUS / share:
            time.sleep(0.05)
        time.sleep(0.5)
        gpus = [int(one) for one in ray.get_gpu_ids()]
        held = {"gpus": gpus, "from": began, "to": time.time()}
        with (folder / "held").open("a") as file:
            file.write(json.dumps(held) + "\n")
        return super().step()


def build(need: Need, *, uses_group: bool) -> object:
    return tune.with_resources(HoldingTrainable, need.per_worker)


def main() -> None:
    """Run it in the working directory, and print what the trials noted."""
    Path("space.py").write_text(SPACE)
    declared = {**own_options(NUM_CPUS), "num_gpus": NUM_GPUS}
    with mock.patch.object(joining, "own_options", return_value=declared):
        connect()
    try:
        with mock.patch.object(trainable, "build_trainable", build):
            share = float(sys.argv[1])
            start_sweep("space.py", [], Options(store="runs", gpus_per_worker=share))
    finally:
        disconnect()
    print(Path("runs", "held").read_text())


if __name__ == "__main__":
    main()
