"""Data sets as uint8 arrays. `raypg.data.pipeline` makes batches of them.

Imports numpy and no torch, so that a config is read without waiting for it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from raypg.data.cache import load_cached, read_about
from raypg.data.cifar import CIFAR10, CIFAR100
from raypg.data.config import DataConfig
from raypg.data.dataset import Dataset, DatasetSpec, Split
from raypg.data.digits import DIGITS
from raypg.data.download import download_files
from raypg.data.fashion_mnist import FASHION_MNIST
from raypg.data.mnist import MNIST
from raypg.data.places import (
    default_cache_dir,
    download_folder,
    find_files,
    stamp_files,
)
from raypg.data.prepare import build_dataset, keep_fold, keep_fraction, num_kept
from raypg.data.raw import foreign_digest, read_files
from raypg.data.source import RawFile, Source
from raypg.data.splits import fold_bounds
from raypg.errors import DataError

DATASETS: dict[str, Source] = {
    "digits": DIGITS,
    "mnist": MNIST,
    "fashion_mnist": FASHION_MNIST,
    "cifar10": CIFAR10,
    "cifar100": CIFAR100,
}


def load_dataset(config: DataConfig, cache_dir: Path | None = None) -> Dataset:
    """The three splits that a config names, from the node's cache.

    The first process of a node finds the raw files (or downloads them, unless
    `data.root` says where they are), decodes them and writes the cache; the others
    wait for it and map what it wrote.

    Args:
        config: the `data.*` names.
        cache_dir: holds an entry a data set; None: $RAYPG_CACHE or the user's cache.

    Raises:
        DataError: a file is missing, cut off, damaged or another data set's.
    """
    source = DATASETS[config.name]
    if not source.files:
        arrays = source.decode({})
        whole = build_dataset(config.name, source.spec, arrays, _version(config, ""))
    else:
        try:
            paths = find_files(source, config.root)
        except DataError as missing:
            if config.root:
                raise
            download_files(source, download_folder(), missing)
            paths = find_files(source, config.root)
        whole = _load_files(config, paths, cache_dir or default_cache_dir())
    return keep_fraction(
        keep_fold(whole, config.num_folds, config.fold), config.fraction
    )


def dataset_spec(config: DataConfig) -> DatasetSpec:
    """What is known of the published data set without reading a file."""
    spec = DATASETS[config.name].spec
    if config.num_folds:
        num = spec.num_train + spec.num_val
        start, stop = fold_bounds(num, config.num_folds, config.fold)
        num_val = stop - start
        spec = replace(spec, num_train=num - num_val, num_val=num_val)
    return replace(spec, num_train=num_kept(spec.num_train, config.fraction))


def data_version(config: DataConfig, cache_dir: Path | None = None) -> str:
    """What a data set holds and how it is split, in a word for the fingerprint.

    It is the same wherever the published files lie, and where there are none. Files
    with another content add a digest of it. `data.fraction` and the folds are parts of
    the config, and no part of this.

    Raises:
        DataError: a file is cut off, damaged or another data set's.
    """
    source = DATASETS[config.name]
    if not source.files:
        return _version(config, "")
    try:
        paths = find_files(source, config.root)
    except DataError:
        return _version(config, "")
    folder = cache_dir or default_cache_dir()
    about = read_about(_entry(config, paths, folder))
    return about["version"] if about else _load_files(config, paths, folder).version


def _load_files(
    config: DataConfig, paths: Mapping[str, Path], cache_dir: Path
) -> Dataset:
    """The whole data set of these files, through the cache."""
    source = DATASETS[config.name]

    def build() -> Dataset:
        files = read_files(source, paths)
        arrays = source.decode(files)
        digest = foreign_digest(source, files)
        if digest:
            _check_owner(source, files)
        return build_dataset(config.name, source.spec, arrays, _version(config, digest))

    return load_cached(_entry(config, paths, cache_dir), build)


def _entry(config: DataConfig, paths: Mapping[str, Path], cache_dir: Path) -> Path:
    """The place of these very files in the cache."""
    stamp = hashlib.md5(stamp_files(paths).encode()).hexdigest()[:12]
    return cache_dir / f"{_version(config, '')}-{stamp}"


def _version(config: DataConfig, digest: str) -> str:
    revision = DATASETS[config.name].revision
    return f"{config.name}-{revision}" + (f"+{digest}" if digest else "")


def _check_owner(source: Source, files: Mapping[str, RawFile]) -> None:
    """MNIST's files and Fashion-MNIST's differ in nothing but what they show."""
    for name, other in DATASETS.items():
        if other.files.keys() == files.keys() and not foreign_digest(other, files):
            where = str(Path(next(iter(files.values())).where).parent)
            fix = f"Set data.name={name}, or another data.root."
            raise DataError(where, f"must hold {source.title}", other.title, fix)
