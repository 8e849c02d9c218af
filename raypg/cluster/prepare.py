"""What is asked of a sweep, checked before anything starts and anything is written."""

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from raypg.cluster.connect import (
    Need,
    check_room,
    connect,
    disconnect,
    has_gpus,
    set_quiet_environment,
)
from raypg.config import Layer, Origin, check_workers
from raypg.data import load_dataset
from raypg.errors import ClusterError
from raypg.experiment import (
    AblationProposals,
    SearchProposals,
    SpaceFile,
    Trial,
    build_proposals,
)
from raypg.space import ASHA, Search

AnyProposals = AblationProposals | SearchProposals


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
    command: Sequence[str] = ()


@dataclass(frozen=True)
class Question:
    """A space under its layers, checked, and what a trial of it needs."""

    space_file: SpaceFile
    layers: Sequence[Layer]
    proposals: AnyProposals
    need: Need

    @property
    def asha(self) -> ASHA | None:
        """Early stopping, where the space asks for it."""
        space = self.space_file.space
        return space.scheduler if isinstance(space, Search) else None

    @property
    def kind(self) -> str:
        """`ablation` or `search`."""
        return type(self.space_file.space).__name__.lower()


def ask(
    space_file: SpaceFile, layers: Sequence[Layer], options: Options, stack: ExitStack
) -> Question:
    """Check all that can be checked, then connect to the cluster.

    Where a cluster is joined it is asked first, for the GPUs that it has.

    Args:
        space_file: the loaded space.
        layers: preset, file and command line.
        options: how the sweep is to be run.
        stack: ends the cluster, where this call started it.

    Raises:
        RaypgError: something is wrong; nothing was written.
    """
    is_joined = bool(options.address or os.environ.get("RAY_ADDRESS"))
    if is_joined:
        _connect(options, stack)
    need = _need(options, is_joined=is_joined)
    metric = {"train.metric": space_file.space.metric}
    own = Layer(f"{space_file.path}: metric", metric, origin=Origin.AXIS)
    proposals = build_proposals(
        space_file,
        [*layers, own],
        device="cuda" if need.gpus_per_worker else "cpu",
        num_workers=need.workers_per_trial,
    )
    for trial in _examples(proposals):
        check_workers(trial.config, need.workers_per_trial)
        if not is_joined:
            load_dataset(trial.config.data)
    if not is_joined:
        _check_cores(need)
        _connect(options, stack)
    check_room(need)
    for note in space_file.notes:
        print(note, file=sys.stderr)
    return Question(space_file, layers, proposals, need)


def _examples(proposals: AnyProposals) -> Iterator[Trial]:
    """Trials that show every data set and batch size that the space can ask for."""
    if isinstance(proposals, SearchProposals):
        yield from proposals.corners()
    else:
        yield from proposals.trials


def _need(options: Options, *, is_joined: bool) -> Need:
    gpus = options.gpus_per_worker
    if gpus < 0:
        gpus = 1.0 if has_gpus(is_joined=is_joined) else 0.0
    return Need(options.workers_per_trial, options.cpus_per_worker, gpus)


def _check_cores(need: Need) -> None:
    """Refuse what this machine cannot give before a cluster is started on it."""
    has = os.cpu_count() or 1
    wants = need.workers_per_trial * need.cpus_per_worker
    if wants > has:
        where = "--workers-per-trial, --cpus-per-worker"
        rule = f"a trial must fit in this machine's {has} CPUs"
        fix = "Ask for less, or join a cluster with --address."
        raise ClusterError(where, rule, f"{wants:g}", fix)


def _connect(options: Options, stack: ExitStack) -> None:
    """Connect, while a thread imports what the sweep needs next.

    Not the other way round: Ray's processes end with the thread that started them.
    """
    set_quiet_environment()
    import ray  # noqa: F401 before the thread, which would import it at the same time

    with ThreadPoolExecutor(1) as pool:
        pool.submit(importlib.import_module, "ray.tune")
        if connect(options.address):
            stack.callback(disconnect)
