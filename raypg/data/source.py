"""What a data set is on disk: its files, their checksums, how they decode."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from raypg.data.dataset import Arrays, DatasetSpec


@dataclass(frozen=True)
class Published:
    """The publisher's file, unpacked: its checksum, and what it holds at least."""

    md5: str
    size_bytes: int


@dataclass(frozen=True)
class RawFile:
    """The unpacked bytes of one file.

    Args:
        where: the path that an error should name.
        content: all that could be unpacked; less than the whole if the file is cut.
        published: what the publisher's file is.
    """

    where: str
    content: bytes
    published: Published


@dataclass(frozen=True)
class Source:
    """One data set on disk.

    Args:
        title: the name that people use.
        spec: the static facts of the published set.
        revision: bumped when the splits change; part of the fingerprint.
        decode: turns the unpacked files into arrays; touches no disk.
        files: name → what is published. Empty for a set inside the package.
        folders: where below a root the files may lie, the likeliest first.
        system_folders: where a package manager puts them.
        archive: the tar.gz that may stand for the files, below a root.
        archive_bytes: its size as published.
        torchvision: the class of `torchvision.datasets` that downloads them.
        fetched_splits: what it is asked for, one after another, where it wants to know.
    """

    title: str
    spec: DatasetSpec
    revision: int
    decode: Callable[[Mapping[str, RawFile]], Arrays]
    files: Mapping[str, Published]
    folders: tuple[str, ...] = ()
    system_folders: tuple[str, ...] = ()
    archive: str = ""
    archive_bytes: int = 0
    torchvision: str = ""
    fetched_splits: tuple[str, ...] = ()
