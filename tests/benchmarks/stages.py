"""Where a sweep runs that is to be struck: its store, its cluster, what is at hand.

A stage is made anew for each run, so that a fault finds nothing of the one before.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar
from unittest import mock

from tests.benchmarks.nodes import Nodes, cluster_of
from tests.cluster.own_cluster import OwnCluster, own_cluster
from tests.s3 import Cable, create_bucket, s3_environment
from tests.small_disk import SmallDisk, mounted_disk

ROOM_BYTES = 16_000_000
"""For the checkpoints and tables of a calm run."""

Prop = TypeVar("Prop")


@dataclass(frozen=True)
class Stage(Generic[Prop]):
    """Where one sweep runs.

    Attributes:
        folder: its working directory.
        store: a folder or a URI.
        prop: what a fault takes hold of.
        address: of a cluster that it joins; empty for one of its own.
        environment: more variables of its commands.
    """

    folder: Path
    store: str
    prop: Prop
    address: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition(Generic[Prop]):
    """How sweeps run, struck ones and calm ones alike.

    Attributes:
        name: what the table says of it.
        stage: where.
        options: of the command.
        strike_after: epochs of all trials before the fault.
        is_faulty: whether its networks may fail.
    """

    name: str
    stage: Callable[[], AbstractContextManager[Stage[Prop]]]
    options: Sequence[str] = ()
    strike_after: int = 16
    is_faulty: bool = False


@contextmanager
def own_machine() -> Iterator[Stage[Path]]:
    """A cluster of its own, a store on this machine's disk; the prop is the folder."""
    with _folder() as folder:
        yield Stage(folder, str(folder / "runs"), folder)


@contextmanager
def two_nodes() -> Iterator[Stage[Nodes]]:
    """A cluster of two nodes beside its head, each of one CPU."""
    with _folder() as folder, cluster_of(2, 1) as nodes:
        yield Stage(folder, str(folder / "runs"), nodes, ("--address", nodes.address))


@contextmanager
def joined_cluster() -> Iterator[Stage[OwnCluster]]:
    """A cluster that may lose its head; the store is not the head's."""
    with _folder() as folder, own_cluster() as own:
        yield Stage(folder, str(folder / "runs"), own, ("--address", own.address))


@contextmanager
def bucket() -> Iterator[Stage[Cable]]:
    """A bucket on an S3 server of this machine, and the cable that leads there."""
    here = s3_environment()
    with _folder() as folder, mock.patch.dict(os.environ, here):
        cable = Cable()
        there = {**here, "AWS_ENDPOINT_URL": cable.endpoint}
        try:
            yield Stage(folder, create_bucket(), cable, environment=there)
        finally:
            cable.close()


@contextmanager
def small_disk() -> Iterator[Stage[SmallDisk]]:
    """A store on a disk of its own, which is small; only root can have one."""
    with _folder() as folder:
        (folder / "small").mkdir()
        with mounted_disk(folder / "small", ROOM_BYTES) as disk:
            yield Stage(folder, str(disk.folder / "runs"), disk)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        yield Path(folder)
