"""A data set that has keys of its own: found, told of and written by its config."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from raypg.data.config import DataConfig
from raypg.data.dataset import DatasetSpec


@dataclass(frozen=True)
class Written:
    """What an entry of the cache holds beside its arrays.

    Args:
        class_names: K of them.
        mean: of the pixels of the training split, in [0, 1], a channel each.
        std: as `mean`.
        digest: of the content, wherever it lies; "" where the config says it all.
        notes: what was made of the files that a user may not expect.
    """

    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How a data set becomes an entry of the cache. Each step is given its config.

    Args:
        title: the name that people use.
        revision: bumped when the same files and keys give another data set.
        stamp: what changes when a file is replaced, quickly found; "" without files.
        spec: the facts, without `data.fraction`, before anything is decoded.
        write: puts images and labels of each split into a folder, see `cache`.

    All of them raise DataError where the files are not what the config says.
    """

    title: str
    revision: int
    stamp: Callable[[Any], str]
    spec: Callable[[Any], DatasetSpec]
    write: Callable[[Any, Path], Written]


def own_keys(config: DataConfig) -> str:
    """What a config says of the images themselves: the keys that not all sets have."""
    shared = {field.name for field in fields(DataConfig)}
    own = sorted(field.name for field in fields(config) if field.name not in shared)
    return " ".join(f"{name}={getattr(config, name)!r}" for name in own)


def hash_text(text: str) -> str:
    """12 hex digits."""
    return hashlib.md5(text.encode()).hexdigest()[:12]
