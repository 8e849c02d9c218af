"""What is asked of a sweep, checked before anything starts and anything is written."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, fields
from typing import Any

from raypg.cluster.connect import (
    Need,
    connect,
    disconnect,
    set_quiet_environment,
)
from raypg.cluster.options import (
    Options,
    check_machine,
    check_options,
    joins_cluster,
    need_of,
)
from raypg.cluster.room import check_room
from raypg.cluster.tryout import ready_data, try_on_a_node
from raypg.config import Config, Layer, check_workers, flatten
from raypg.config.own import NAMED, own_names, with_own_names
from raypg.errors import ConfigError
from raypg.experiment import (
    AblationProposals,
    AnyProposals,
    Race,
    SpaceFile,
    Trial,
    build_proposals,
)
from raypg.faults import quote_value
from raypg.memo import read_memo, read_search_memo
from raypg.own.bundle import Bundle
from raypg.own_files import names_in, own_bundle
from raypg.processor import precision_notes
from raypg.sources import check_sources
from raypg.space import PBT, Scheduler, Search, Space
from raypg.store import Store


@dataclass(frozen=True)
class Question:
    """A space under its layers, checked, and what a trial of it needs."""

    space_file: SpaceFile
    layers: Sequence[Layer]
    proposals: AnyProposals
    need: Need
    own: frozenset[str]
    """The components of the user's own that its trials may name."""
    bundle: Bundle | None
    """The files of these."""

    @property
    def scheduler(self) -> Scheduler | None:
        """Early stopping or a population, where the space asks for it."""
        space = self.space_file.space
        return space.scheduler if isinstance(space, Search) else None

    @property
    def example(self) -> Trial:
        """One of its trials, for what all of them share."""
        return next(_examples(self.proposals))

    @property
    def columns(self) -> dict[str, object]:
        """The config's columns in `trials`, each with a value that a trial may have.

        Raises:
            ConfigError: a key is a number in one component and none in another.
        """
        examples = {_kinds(t.config): t.config for t in _examples(self.proposals)}
        found: dict[str, object] = {}
        for config in examples.values():
            for leaf, value in flatten(config).items():
                before = found.setdefault(f"config.{leaf}", value)
                if _is_number(before) != _is_number(value):
                    rule = "must have one type in a sweep, as it is one column"
                    where, fix = f'"{leaf}"', "Call it otherwise in one of them."
                    both = f"{quote_value(before)} and {quote_value(value)}"
                    raise ConfigError(where, rule, both, fix)
        return found

    @property
    def kind(self) -> str:
        """`ablation`, `search` or `path`."""
        return type(self.space_file.space).__name__.lower()


def _kinds(config: Config) -> tuple[type, ...]:
    """The classes of its sections: configs of the same ones have the same columns."""
    return tuple(type(getattr(config, field.name)) for field in fields(config))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def ask(
    space_file: SpaceFile, layers: Sequence[Layer], options: Options, stack: ExitStack
) -> Question:
    """Check all that can be checked without a cluster.

    One that is joined comes first all the same: it is asked for the GPUs that it has.

    Args:
        space_file: the loaded space.
        layers: preset, file and command line.
        options: how the sweep is to be run.
        stack: ends the cluster, where this call started it.

    Raises:
        RaypgError: something is wrong; nothing was written.
    """
    check_options(options)
    is_joined = joins_cluster(options)
    if is_joined:
        join(options, stack)
    need = need_of(options, is_joined=is_joined)
    if not is_joined:
        check_machine(need)
    question = check(space_file, layers, need, has_cluster=is_joined, race=options.race)
    if not is_joined:
        load_data(question)
    return question


def connect_for(question: Question, options: Options, stack: ExitStack) -> None:
    """Be in a cluster that has room for the question's trials.

    Raises:
        ClusterError: it does not answer, or has no room for a single trial.
        DataError: a node of a cluster that was joined cannot load a data set.
        StoreError: such a node cannot write to the bucket, or sees another folder.
    """
    if joins_cluster(options):
        check_room(question.need)
        store, examples = Store(options.store), _data_examples(question)
        for note in try_on_a_node(question.need, examples, question.bundle, store):
            print(note, file=sys.stderr)
    else:
        join(options, stack)
        check_room(question.need)


def check(
    space_file: SpaceFile,
    layers: Sequence[Layer],
    need: Need,
    *,
    has_cluster: bool,
    race: Race | None = None,
) -> Question:
    """Check a space under its layers, say what it rounds and slows; reads no data.

    Args:
        space_file: the loaded space.
        layers: preset, file and command line.
        need: of a trial.
        has_cluster: whether trials run where a cluster has room, not on this machine.
        race: when an arm has seeds enough; None: it has those of the space.

    Raises:
        RaypgError: a value is not legal, or a batch smaller than the workers.
    """
    proposals = build_proposals(
        space_file,
        layers,
        device=need.device,
        num_workers=need.workers_per_trial,
        race=race,
    )
    configs = [trial.config for trial in _examples(proposals)]
    for config in configs:
        check_workers(config, need.workers_per_trial)
    slow = [] if has_cluster else precision_notes(configs, need.device)
    for note in [*space_file.notes, *slow]:
        print(note, file=sys.stderr)
    own = frozenset(names_in(configs) | _drawn_names(space_file.space))
    bundle = own_bundle(own)
    return Question(space_file, layers, proposals, need, own, bundle)


def _drawn_names(space: Space) -> set[str]:
    """Components of the user's own among which a search draws."""
    if not isinstance(space, Search):
        return set()
    drawn = NAMED & space.axes.keys()
    options = [(axis, v) for axis in drawn for v in space.distribution(axis).probes()]
    layers = [with_own_names(Layer("axes", {axis: value})) for axis, value in options]
    return {name for layer in layers for name in own_names(layer.values)}


def load_data(question: Question) -> None:
    """Have every data set that a trial may ask for ready, and say what was made of it.

    Raises:
        DataError: a file is missing, cut off or damaged.
    """
    for note in ready_data(_data_examples(question)):
        print(note, file=sys.stderr)


def _data_examples(question: Question) -> list[Config]:
    """A config for each data set."""
    configs = (trial.config for trial in _examples(question.proposals))
    return list({config.data: config for config in configs}.values())


def check_origins(question: Question, store: Store) -> None:
    """See that what trials take from others is there, and fits them.

    Raises:
        ConfigError: something is not, or does not.
    """
    check_sources([trial.config for trial in _examples(question.proposals)], store)


def read_known(
    question: Question, store: Store, on_stale: Callable[[str], None]
) -> Mapping[str, Mapping[str, Any]]:
    """Completed trials of the whole store that the question may ask for, by key.

    Args:
        question: what is asked.
        store: where to look.
        on_stale: told why trials that resemble those asked for do not count.
    """
    if isinstance(question.scheduler, PBT):
        return {}  # what a member gives is its population's
    if not isinstance(question.proposals, AblationProposals):
        axes = list(question.space_file.space.axes)
        return read_search_memo(store, question.example, axes, on_stale)
    prints = [trial.fingerprint for trial in question.proposals.trials]
    return read_memo(store, prints, on_stale)


def _examples(proposals: AnyProposals) -> Iterator[Trial]:
    """Trials that show every data set, batch size and precision there may be."""
    if isinstance(proposals, AblationProposals):
        yield from proposals.trials
    else:
        yield from proposals.corners()


def join(options: Options, stack: ExitStack) -> None:
    """Connect, while a thread imports what the sweep needs next.

    Not the other way round: Ray's processes end with the thread that started them.
    """
    set_quiet_environment()
    import ray  # noqa: F401 before the thread, which would import it at the same time

    with ThreadPoolExecutor(1) as pool:
        pool.submit(_import_tune)
        if connect(options.address):
            stack.callback(disconnect)


def _import_tune() -> None:
    """Import Tune without W&B.

    Tune would import all of it, 0.5 s, to see whether a callback is Ray's own one for
    W&B (Ray 2.60, `tag_callbacks`); a sweep that logs there does so by itself.
    """
    is_hidden = "wandb" not in sys.modules
    if is_hidden:
        sys.modules["wandb"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("ray.tune")
        importlib.import_module("ray.air.integrations.wandb")
    finally:
        if is_hidden:
            del sys.modules["wandb"]
