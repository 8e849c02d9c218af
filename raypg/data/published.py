"""A published data set: its files found or fetched, checked, decoded, cached."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from raypg.data.arrays import save_dataset
from raypg.data.cache import load_cached, read_about
from raypg.data.config import DataConfig
from raypg.data.dataset import Dataset
from raypg.data.download import download_files
from raypg.data.places import download_folder, find_files, stamp_files
from raypg.data.prepare import build_dataset
from raypg.data.raw import foreign_digest, read_files
from raypg.data.source import RawFile, Source
from raypg.errors import DataError

Check = Callable[[Mapping[str, RawFile]], None]
"""Refuses files that are another data set's."""


def load_published(
    source: Source, config: DataConfig, cache_dir: Path, check: Check
) -> Dataset:
    """The whole data set of a source; its files are fetched unless a root is named.

    Raises:
        DataError: a file is missing, cut off, damaged or another data set's.
    """
    if not source.files:
        version = name_version(source, config)
        return build_dataset(config.name, source.spec, source.decode({}), version)
    try:
        paths = find_files(source, config.root)
    except DataError as missing:
        if config.root:
            raise
        download_files(source, download_folder(), missing)
        paths = find_files(source, config.root)
    return _load_files(source, config, paths, cache_dir, check)


def published_version(
    source: Source, config: DataConfig, cache_dir: Path, check: Check
) -> str:
    """What the files hold, in a word; without files what the publisher's hold.

    Raises:
        DataError: a file is cut off, damaged or another data set's.
    """
    if not source.files:
        return name_version(source, config)
    try:
        paths = find_files(source, config.root)
    except DataError:
        return name_version(source, config)
    about = read_about(_entry(source, config, paths, cache_dir))
    if about:
        return str(about["version"])
    return _load_files(source, config, paths, cache_dir, check).version


def published_place(source: Source, config: DataConfig) -> str:
    """The folder or archive of the files; "" where they are not here."""
    if not source.files:
        return "in the package"
    try:
        first = next(iter(find_files(source, config.root).values()))
    except DataError:
        return ""
    return str(first if first.name == source.archive else first.parent)


def name_version(source: Source, config: DataConfig, digest: str = "") -> str:
    """The data set, its revision, and a digest of content that is not as published."""
    return f"{config.name}-{source.revision}" + (f"+{digest}" if digest else "")


def _load_files(
    source: Source,
    config: DataConfig,
    paths: Mapping[str, Path],
    cache_dir: Path,
    check: Check,
) -> Dataset:
    """The whole data set of these files, through the cache."""

    def write(folder: Path) -> dict[str, Any]:
        files = read_files(source, paths)
        arrays = source.decode(files)
        digest = foreign_digest(source, files)
        if digest:
            check(files)
        version = name_version(source, config, digest)
        whole = build_dataset(config.name, source.spec, arrays, version)
        return save_dataset(folder, whole)

    return load_cached(_entry(source, config, paths, cache_dir), write)


def _entry(
    source: Source, config: DataConfig, paths: Mapping[str, Path], cache_dir: Path
) -> Path:
    """The place of these very files in the cache."""
    stamp = hashlib.md5(stamp_files(paths).encode()).hexdigest()[:12]
    return cache_dir / f"{name_version(source, config)}-{stamp}"
