"""Data sets as uint8 arrays. `raypg.data.pipeline` makes batches of them.

Imports numpy and no torch, so that a config is read without waiting for it. A newcomer
takes three lines here: an import, its config (if it has keys of its own) in
`AnyDataConfig`, its entry in `DATASETS`.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from raypg.data.arrays import save_dataset
from raypg.data.cache import load_cached, read_about
from raypg.data.cifar import CIFAR10, CIFAR100
from raypg.data.config import DataConfig, PublishedConfig
from raypg.data.dataset import Dataset, DatasetSpec, Split
from raypg.data.digits import DIGITS
from raypg.data.download import download_files
from raypg.data.fashion_mnist import FASHION_MNIST
from raypg.data.folder import FOLDER, FolderConfig
from raypg.data.mnist import MNIST
from raypg.data.npz import NPZ, NpzConfig
from raypg.data.places import (
    default_cache_dir,
    download_folder,
    find_files,
    stamp_files,
)
from raypg.data.prepare import build_dataset, keep_fraction, num_kept
from raypg.data.raw import foreign_digest, read_files
from raypg.data.recipe import Recipe, hash_text, own_keys
from raypg.data.source import RawFile, Source
from raypg.data.synthetic import SYNTHETIC, SyntheticConfig
from raypg.errors import DataError

AnyDataConfig = Annotated[
    FolderConfig | NpzConfig | PublishedConfig | SyntheticConfig,
    Field(discriminator="name"),
]

_C = TypeVar("_C", bound=DataConfig)

DATASETS: dict[str, Source | Recipe] = {
    "digits": DIGITS,
    "mnist": MNIST,
    "fashion_mnist": FASHION_MNIST,
    "cifar10": CIFAR10,
    "cifar100": CIFAR100,
    "folder": FOLDER,
    "npz": NPZ,
    "synthetic": SYNTHETIC,
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
    folder = cache_dir or default_cache_dir()
    if isinstance(source, Recipe):
        whole = _load_recipe(source, config, folder)
    elif not source.files:
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
        whole = _load_files(source, config, paths, folder)
    return keep_fraction(whole, config.fraction)


def dataset_spec(config: DataConfig) -> DatasetSpec:
    """What is known of a data set without decoding it.

    Of a published one, without reading a file.

    Raises:
        DataError: files of the user's own are not what the config says.
    """
    spec = _whole_spec(unaltered(config))
    return replace(spec, num_train=num_kept(spec.num_train, config.fraction))


def data_version(config: DataConfig, cache_dir: Path | None = None) -> str:
    """What a data set holds and how it is split, in a word for the fingerprint.

    It is the same wherever the published files lie, and where there are none. Files
    with another content add a digest of it. `data.fraction` is a part of the config,
    and no part of this.

    Raises:
        DataError: a file is cut off, damaged or another data set's.
    """
    source = DATASETS[config.name]
    folder = cache_dir or default_cache_dir()
    if isinstance(source, Recipe):
        about = read_about(_recipe_entry(source, config, folder))
        if about:
            return str(about["version"])
        return _load_recipe(source, config, folder).version
    if not source.files:
        return _version(config, "")
    try:
        paths = find_files(source, config.root)
    except DataError:
        return _version(config, "")
    about = read_about(_entry(config, paths, folder))
    if about:
        return str(about["version"])
    return _load_files(source, config, paths, folder).version


def unaltered(config: _C) -> _C:
    """The config of the whole data set as it is: without fraction and augmentation."""
    asis = DataConfig()
    shared = (field.name for field in fields(DataConfig))
    kept = ("name", "root")
    return replace(config, **{k: getattr(asis, k) for k in shared if k not in kept})


@lru_cache(maxsize=64)
def _whole_spec(config: DataConfig) -> DatasetSpec:
    # Asked for each trial of a sweep, and files of the user's own are looked at.
    source = DATASETS[config.name]
    return source.spec(config) if isinstance(source, Recipe) else source.spec


def _load_recipe(recipe: Recipe, config: DataConfig, cache_dir: Path) -> Dataset:
    """The whole data set of a recipe, through the cache."""

    def write(folder: Path) -> dict[str, Any]:
        written = asdict(recipe.write(config, folder))
        version = _version(config, written.pop("digest"))
        num_classes = len(written["class_names"])
        return {
            "name": config.name,
            "num_classes": num_classes,
            "version": version,
            **written,
        }

    return load_cached(_recipe_entry(recipe, config, cache_dir), write)


def _recipe_entry(recipe: Recipe, config: DataConfig, cache_dir: Path) -> Path:
    """The place of these very files under these keys in the cache."""
    stamp = hash_text(f"{own_keys(config)} {recipe.stamp(config)}")
    return cache_dir / f"{_version(config, '')}-{stamp}"


def _load_files(
    source: Source, config: DataConfig, paths: Mapping[str, Path], cache_dir: Path
) -> Dataset:
    """The whole data set of these files, through the cache."""

    def write(folder: Path) -> dict[str, Any]:
        files = read_files(source, paths)
        arrays = source.decode(files)
        digest = foreign_digest(source, files)
        if digest:
            _check_owner(source, files)
        version = _version(config, digest)
        whole = build_dataset(config.name, source.spec, arrays, version)
        return save_dataset(folder, whole)

    return load_cached(_entry(config, paths, cache_dir), write)


def _entry(config: DataConfig, paths: Mapping[str, Path], cache_dir: Path) -> Path:
    """The place of these very files in the cache."""
    return cache_dir / f"{_version(config, '')}-{hash_text(stamp_files(paths))}"


def _version(config: DataConfig, digest: str) -> str:
    revision = DATASETS[config.name].revision
    return f"{config.name}-{revision}" + (f"+{digest}" if digest else "")


def _check_owner(source: Source, files: Mapping[str, RawFile]) -> None:
    """MNIST's files and Fashion-MNIST's differ in nothing but what they show."""
    for name, other in DATASETS.items():
        if not isinstance(other, Source) or other.files.keys() != files.keys():
            continue
        if not foreign_digest(other, files):
            where = str(Path(next(iter(files.values())).where).parent)
            fix = f"Set data.name={name}, or another data.root."
            raise DataError(where, f"must hold {source.title}", other.title, fix)
