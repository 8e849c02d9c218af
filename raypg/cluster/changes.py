"""What has changed since the trials of a sweep were trained."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from raypg.cluster.connect import Need
from raypg.config import Config, Fingerprint, Layer, fingerprint, flatten, load
from raypg.entries import Row
from raypg.errors import ConfigError, StoreError
from raypg.memo import fingerprint_columns
from raypg.results.memo import changed_files
from raypg.results.wording import describe_changes

EPOCHS = "train.epochs"
NONE = "none"
"""Stands for a file or a value that is not there."""


@dataclass(frozen=True)
class Present:
    """A trial of the tables, and what would be trained of it here and now.

    Attributes:
        row: its newest one of `trials`.
        config: its own, with the number of epochs that the sweep has now.
        key: the fingerprint that it would have.
        changed: what differs, and how it was and is; empty where `key` is its own.
    """

    row: Row
    config: Config
    key: str
    changed: Mapping[str, tuple[str, str]]

    @property
    def has_moved(self) -> bool:
        """Whether it would go on as another trial."""
        return bool(self.key != self.row["trial"])

    @property
    def mixes(self) -> str:
        """What its first epochs were trained otherwise by, if it went on; or empty."""
        parts = {
            part: ([was], [now])
            for part, (was, now) in self.changed.items()
            if part != EPOCHS
        }
        return "; ".join(filter(None, [self.row["mixed"], describe_changes(parts)]))


def present(row: Row, need: Need, epochs: int | None) -> Present:
    """What a trial of the tables would be here and now.

    Args:
        row: its newest one of `trials`.
        need: device and workers.
        epochs: of every trial of the sweep; None where it varies them.

    Raises:
        StoreError: this raypg does not know its config.
    """
    leaves = {
        column.removeprefix("config."): value
        for column, value in row.items()
        if column.startswith("config.") and value is not None
    }
    if epochs is not None:
        leaves[EPOCHS] = epochs
    try:
        config = load([Layer(row["trial"], leaves)])
    except ConfigError as cause:
        rule, fix = "must have a config that this raypg knows", "Start a new sweep."
        where, found = f"trial {row['trial']}", f"({cause})"
        raise StoreError(where, rule, found, fix) from cause
    now = fingerprint(config, device=need.device, num_workers=need.workers_per_trial)
    changed = dict(_differences(row, config, now)) if now.key != row["trial"] else {}
    return Present(row, config, now.key, changed)


def _differences(
    row: Row, config: Config, now: Fingerprint
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Files, leaves of the config and the rest, each as it was and is."""
    code: dict[str, str] = json.loads(row["fingerprint.code"] or "{}")
    for file in changed_files(row, fingerprint_columns(now)):
        yield file, (code.get(file, NONE), now.code.get(file, NONE))
    if row["fingerprint.config"] != now.config:
        for leaf, value in flatten(config).items():
            before = row.get(f"config.{leaf}")
            if before != value and leaf != "data.root":
                yield leaf, (NONE if before is None else str(before), str(value))
    parts = {
        f"{config.data.name} data": (row["fingerprint.data"], now.data),
        "torch": (row["fingerprint.torch"], now.torch),
        "device": (row["fingerprint.device"], now.device),
        "workers": (str(row["fingerprint.num_workers"]), str(now.num_workers)),
    }
    yield from ((name, ends) for name, ends in parts.items() if ends[0] != ends[1])
