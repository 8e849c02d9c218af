"""Ray, started or joined, and quiet."""

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raypg.cluster.address import knock, no_cluster
from raypg.cluster.job import merge_job
from raypg.cluster.own_cluster import group_of_its_own, only_what_trains, own_options
from raypg.errors import ClusterError

QUIET_ENVIRONMENT = {
    # What raypg replaces by its tables, and what a user did not ask for.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    # The searcher holds the cap; with a limit of one, slots would fill one by one.
    "TUNE_MAX_PENDING_TRIALS_PG": str(10**6),
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": str(10**9),
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    # One more process a worker group; nobody here heeds what it would tell.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "PYTHONWARNINGS": "ignore",
    # Torch looks at its first tensor, which a worker may make before its first trial.
    "THP_MEM_ALLOC_ENABLE": "1",
}
"""Set where the user has not set them, before Ray is imported."""

STORE_ENVIRONMENT = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "STORAGE_EMULATOR_HOST",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)
"""Where a bucket is, as the driver's environment says it."""


@dataclass(frozen=True)
class Need:
    """What one trial asks of the cluster."""

    workers_per_trial: int
    cpus_per_worker: float
    gpus_per_worker: float

    @property
    def per_worker(self) -> dict[str, float]:
        """Ray's resources of one worker."""
        need = {"CPU": self.cpus_per_worker}
        if self.gpus_per_worker:
            need["GPU"] = self.gpus_per_worker
        return need

    @property
    def device(self) -> str:
        """`cuda` where workers hold a share of a GPU, `cpu` elsewhere."""
        return "cuda" if self.gpus_per_worker else "cpu"

    @property
    def num_threads(self) -> int:
        """CPU threads of a worker: the cores that it holds, at least one."""
        return max(1, int(self.cpus_per_worker))


def set_quiet_environment() -> None:
    """Turn off what Ray prints, writes and sends unasked; before it is imported."""
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def connect(address: str = "", num_cpus: int | None = None) -> bool:
    """Join the cluster at `address` (or `RAY_ADDRESS`), or start one here.

    Args:
        address: as Ray takes it: `auto`, `host:port`; empty for a new one.
        num_cpus: cores of a new cluster; None for those of the machine.

    Returns:
        Whether the cluster was started here, and is to be ended here.

    Raises:
        ClusterError: no cluster answers at the address.
    """
    set_quiet_environment()
    import ray

    if ray.is_initialized():
        return False
    address = address or os.environ.get("RAY_ADDRESS", "")
    options: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "configure_logging": True,
    }
    if address.startswith("ray://"):
        rule = "must be a cluster's own address, as the driver is part of the cluster"
        fix = "Run it on the head node, or with `ray job submit`."
        raise ClusterError(f"--address {address}", rule, "Ray's client", fix)
    if address:
        knock(address)
        options["address"] = address
        options["runtime_env"] = merge_job(runtime_env())
    else:
        options |= own_options(num_cpus)
    try:
        with group_of_its_own(), only_what_trains():
            ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise no_cluster(address, error) from error
    _silence_errors()
    return not address


def runtime_env() -> dict[str, Any]:
    """What this sweep's processes need on nodes that a driver did not start.

    They have neither the driver's environment nor, perhaps, its code: it is sent, and
    goes before what a node has installed. Credentials are not: Ray shows a job's
    environment to everyone.
    """
    names = [*QUIET_ENVIRONMENT, *STORE_ENVIRONMENT]
    own = {name: os.environ[name] for name in names if name in os.environ}
    return {"env_vars": own, "py_modules": [str(Path(__file__).parents[1])]}


def _silence_errors() -> None:
    """Keep what raylets say (that many processes start, say) off standard output.

    `log_to_driver` does not reach these (Ray 2.60); what a trial dies of comes with
    its error.
    """
    from ray._private import worker

    def debug(data: Mapping[str, Any], ignore_prefix: bool = False) -> None:
        logging.getLogger("raypg").debug("raylet: %s", data.get("lines"))

    worker.print_to_stdstream = debug


def is_connected() -> bool:
    """Whether this process is in a cluster already; does not import Ray to find out."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def has_gpus(*, is_joined: bool) -> bool:
    """Whether the cluster that was joined, or else this machine, has GPUs."""
    if not is_joined:
        import torch

        return torch.cuda.is_available()
    import ray

    return bool(ray.cluster_resources().get("GPU", 0) > 0)


def disconnect() -> None:
    """End the cluster that `connect` started."""
    import ray

    ray.shutdown()
