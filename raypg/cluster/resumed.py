"""What a sweep may be told otherwise when it goes on: whatever alters no number."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from raypg.cluster.options import Options, check_options
from raypg.errors import ClusterError

MAY_CHANGE: Mapping[str, str] = {
    "max_concurrent": "max_concurrent",
    "trials_per_worker": "trials_per_worker",
    "cpus_per_worker": "cpus_per_worker",
    "gpus_per_worker": "gpus_per_worker",
    "checkpoint_every": "checkpoint_every_s",
    "hang_timeout": "hang_timeout_s",
    "keep_checkpoints": "keep_checkpoints",
    "checkpoint_disk": "checkpoint_disk",
    "wandb": "uses_wandb",
}
"""Options of the command line, and the fields of `Options` that they set."""


def changed_options(
    name: str,
    saved: Options,
    asked: Options,
    given: Collection[str],
    tell: Callable[[str], None],
) -> Options:
    """How a sweep is run from now on.

    Args:
        name: of the sweep.
        saved: how it was run so far; its share of a GPU is resolved.
        asked: what the command line says now.
        given: the options, of `MAY_CHANGE`, that it says.
        tell: told of each change, as one line.

    Raises:
        ClusterError: a worker's threads or its device would change, and numbers so; or
            an option is wrong.
        ConfigError: which checkpoints stay is no rule, or no size.
    """
    fields = [MAY_CHANGE[option] for option in MAY_CHANGE if option in given]
    now = replace(saved, **{field: getattr(asked, field) for field in fields})
    check_options(now)
    _check_numbers(name, saved, now)
    for line in _changes(saved, now):
        tell(line)
    return now


def _check_numbers(name: str, saved: Options, now: Options) -> None:
    fix = "Start a new sweep: whatever still holds is taken from the store."
    if now.num_threads != saved.num_threads:
        rule = "must leave workers their number of threads, by which numbers differ"
        found = f"{now.num_threads}, and {saved.num_threads} so far"
        raise ClusterError(f"--resume {name}: --cpus-per-worker", rule, found, fix)
    shares = (now.gpus_per_worker, saved.gpus_per_worker)
    if shares[0] < 0 or (shares[0] > 0) != (shares[1] > 0):
        rule = "must leave trials on their device, by which numbers differ"
        found = f"{shares[0]:g} GPUs, and {shares[1]:g} so far"
        raise ClusterError(f"--resume {name}: --gpus-per-worker", rule, found, fix)


def _changes(saved: Options, now: Options) -> Iterator[str]:
    for option, field in MAY_CHANGE.items():
        before, after = getattr(saved, field), getattr(now, field)
        if before != after:
            word = option.replace("_", "-")
            yield f"--{word}: {_told(after)} from now on, {_told(before)} so far"


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value or "none")
