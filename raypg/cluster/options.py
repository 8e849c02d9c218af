"""How a sweep is to be run, as it was asked for, and whether this machine can."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raypg.budget import BUDGET, Budget, parse_budget
from raypg.cluster.connect import Need, has_gpus, is_connected
from raypg.cluster.room import workers_on
from raypg.errors import ClusterError
from raypg.experiment import Race
from raypg.retention import ALL, Retention, parse_retention


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a sweep is to be run, as it was asked for.

    Attributes:
        store: folder or URI.
        name: of a new sweep; empty takes the space file's stem.
        address: of a cluster; empty starts one on this machine.
        gpus_per_worker: below 0 is one where there are GPUs, none elsewhere.
        max_concurrent: trials at a time; 0 is as many as fit.
        trials_per_worker: trials after which a worker is replaced; 0 is never.
        uses_group: workers are a Ray Train group even where there is but one.
        is_fresh: train also what the store already holds.
        checkpoint_every_s: seconds of training between a trial's checkpoints.
        hang_timeout_s: longest silence of a worker that trains; 0 is without end.
        repairs_oom: trials that ran out of memory go on in smaller micro-batches.
        keep_checkpoints: of ended trials: `all`, `last`, `best` or a number of trials.
        checkpoint_disk: bytes that checkpoints may take, with a unit; empty is all.
        until_interval: half the width of an arm's interval from which on it needs no
            more seeds; 0 is no race.
        max_seeds: of an arm that races.
        warm_start: sweeps that a search learns from before its first draw, beside those
            that its space names.
        budget: what a session may spend, with a unit; empty is all.
        arms: patterns of names; of named arms only those that match one are run.
    """

    store: str
    name: str = ""
    address: str = ""
    workers_per_trial: int = 1
    cpus_per_worker: float = 1.0
    gpus_per_worker: float = -1.0
    max_concurrent: int = 0
    trials_per_worker: int = 0
    uses_group: bool = False
    is_fresh: bool = False
    uses_wandb: bool = False
    checkpoint_every_s: float = 15.0
    hang_timeout_s: float = 600.0
    repairs_oom: bool = False
    keep_checkpoints: str = ALL
    checkpoint_disk: str = ""
    until_interval: float = 0.0
    max_seeds: int = 10
    budget: str = ""
    warm_start: Sequence[str] = ()
    arms: Sequence[str] = ()
    command: Sequence[str] = ()

    @property
    def num_threads(self) -> int:
        """CPU threads of a worker."""
        return Need(1, self.cpus_per_worker, 0.0).num_threads

    @property
    def retention(self) -> Retention:
        """Which checkpoints are to stay.

        Raises:
            ConfigError: what was asked for is no rule, or no size.
        """
        return parse_retention(self.keep_checkpoints, self.checkpoint_disk)

    @property
    def budget_limit(self) -> Budget | None:
        """What may be spent; None where that is all it takes.

        Raises:
            ConfigError: what was asked for is no amount.
        """
        return parse_budget(self.budget)

    @property
    def race(self) -> Race | None:
        """When an arm has seeds enough; None where it has those of the space."""
        if self.until_interval == 0:
            return None
        return Race(self.until_interval, self.max_seeds)


_LEAST = {
    "workers_per_trial": 1,
    "cpus_per_worker": 0.01,
    "gpus_per_worker": 0,
    "max_concurrent": 0,
    "trials_per_worker": 0,
    "checkpoint_every_s": 0,
    "hang_timeout_s": 0,
}

SHORTEST_HANG_S = 3.0
"""Workers give a sign each second while they wait, and share their cores."""


def check_options(options: Options) -> None:
    """Refuse numbers that no cluster can make sense of.

    Raises:
        ClusterError: one is too small, not finite, or a part of more than one GPU.
        ConfigError: which checkpoints stay is no rule, or no size.
    """
    parse_retention(options.keep_checkpoints, options.checkpoint_disk)
    parse_budget(options.budget)
    for name, least in _LEAST.items():
        amount = getattr(options, name)
        option = "--" + name.removesuffix("_s").replace("_", "-")
        is_default = amount == getattr(Options, name)
        if not is_default and not (least <= amount < math.inf):
            rule = f"must be a number of at least {least}"
            raise ClusterError(option, rule, f"{amount:g}", "Change it.")
    if 0 < options.hang_timeout_s < SHORTEST_HANG_S:
        rule = f"must be 0, which is never, or at least {SHORTEST_HANG_S:g} seconds"
        found = f"{options.hang_timeout_s:g}"
        raise ClusterError("--hang-timeout", rule, found, "Change it.")
    gpus = options.gpus_per_worker
    if gpus > 1 and gpus % 1:
        rule = "must be whole above 1: only one GPU can be shared"
        fix = f"Write {math.ceil(gpus)}."
        raise ClusterError("--gpus-per-worker", rule, f"{gpus:g}", fix)
    if 0 < gpus < 1 and options.workers_per_trial > 1:
        rule = "must be whole for several workers a trial: NCCL wants a GPU a rank"
        raise ClusterError("--gpus-per-worker", rule, f"{gpus:g}", "Write 1.")


def check_machine(need: Need) -> None:
    """Refuse what this machine cannot give before a cluster is started on it.

    Raises:
        ClusterError: a trial does not fit; says what the machine has.
    """
    has = machine_resources()
    if workers_on(has, need.per_worker) >= need.workers_per_trial:
        return
    wants = {name: n * need.workers_per_trial for name, n in need.per_worker.items()}
    where = "--workers-per-trial, --cpus-per-worker, --gpus-per-worker"
    rule = f"a trial must fit in this machine's {_amounts(has)}"
    fix = "Ask for less, or join a cluster with --address."
    raise ClusterError(where, rule, _amounts(wants), fix)


def joins_cluster(options: Options) -> bool:
    """Whether a cluster is used that runs already, on this machine or elsewhere."""
    has_address = bool(options.address or os.environ.get("RAY_ADDRESS"))
    return has_address or is_connected()


def need_of(options: Options, *, is_joined: bool) -> Need:
    """What a trial needs; GPUs where none are named are one where there are some.

    Raises:
        ClusterError: the budget is of GPUs, and there are none.
    """
    gpus = options.gpus_per_worker
    if gpus < 0:
        gpus = 1.0 if has_gpus(is_joined=is_joined) else 0.0
    budget = options.budget_limit
    if budget and budget.kind == "gpu" and not gpus:
        rule, fix = "must be of what trials use", "Write a time or epochs."
        raise ClusterError(BUDGET, rule, f"{budget.text}, and no GPU", fix)
    return Need(options.workers_per_trial, options.cpus_per_worker, gpus)


def machine_resources() -> dict[str, float]:
    """What a cluster that is started here has, by Ray's names."""
    import torch

    return {"CPU": os.cpu_count() or 1, "GPU": torch.cuda.device_count()}


def _amounts(resources: Mapping[str, float]) -> str:
    return " and ".join(
        f"{n:g} {name}" + ("" if n == 1 else "s") for name, n in resources.items()
    )
