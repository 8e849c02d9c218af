"""Data sets as uint8 arrays. `raypg.data.pipeline` makes batches of them.

Imports numpy and no torch, so that a config is read without waiting for it. A newcomer
takes three lines here: an import, its config (if it has keys of its own) in
`AnyDataConfig`, its entry in `DATASETS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from raypg.data.cifar import CIFAR10, CIFAR100
from raypg.data.config import DataConfig, PublishedConfig
from raypg.data.dataset import Dataset, DatasetSpec, Split
from raypg.data.digits import DIGITS
from raypg.data.emnist import EMNIST, EmnistConfig
from raypg.data.fashion_mnist import FASHION_MNIST
from raypg.data.folder import FOLDER, FolderConfig
from raypg.data.imagenet import IMAGENET, TINY_IMAGENET, ImagenetConfig
from raypg.data.mnist import MNIST
from raypg.data.npz import NPZ, NpzConfig
from raypg.data.own import OWN_DATA, OwnDataConfig
from raypg.data.parquet import PARQUET, ParquetConfig
from raypg.data.places import default_cache_dir
from raypg.data.prepare import keep_fold, keep_fraction, num_kept
from raypg.data.published import load_published, published_place, published_version
from raypg.data.raw import foreign_digest
from raypg.data.recipe import Recipe, load_recipe, recipe_spec, recipe_version
from raypg.data.source import RawFile, Source
from raypg.data.splits import fold_bounds
from raypg.data.stl10 import STL10
from raypg.data.svhn import SVHN
from raypg.data.synthetic import SYNTHETIC, SyntheticConfig
from raypg.errors import DataError

AnyDataConfig = (
    Annotated[
        EmnistConfig
        | FolderConfig
        | ImagenetConfig
        | NpzConfig
        | ParquetConfig
        | PublishedConfig
        | SyntheticConfig,
        Field(discriminator="name"),
    ]
    | OwnDataConfig
)

_C = TypeVar("_C", bound=DataConfig)

DATASETS: dict[str, Source | Recipe | Callable[[Any], Source]] = {
    "digits": DIGITS,
    "mnist": MNIST,
    "fashion_mnist": FASHION_MNIST,
    "cifar10": CIFAR10,
    "cifar100": CIFAR100,
    "svhn": SVHN,
    "stl10": STL10,
    "emnist": EMNIST,
    "tiny_imagenet": TINY_IMAGENET,
    "imagenet": IMAGENET,
    "folder": FOLDER,
    "npz": NPZ,
    "parquet": PARQUET,
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
    source, folder = source_of(config), cache_dir or default_cache_dir()
    if isinstance(source, Recipe):
        whole = load_recipe(source, config, folder)
    else:
        whole = load_published(source, config, folder, _owner_check(source))
    return keep_fraction(
        keep_fold(whole, config.num_folds, config.fold), config.fraction
    )


def data_version(config: DataConfig, cache_dir: Path | None = None) -> str:
    """What a data set holds and how it is split, in a word for the fingerprint.

    It is the same wherever the files lie, and for published ones where there are none.
    Published files with another content add a digest of it. `data.fraction` and the
    folds are parts of the config, and no part of this.

    Raises:
        DataError: a file is cut off, damaged or another data set's.
    """
    source, folder = source_of(config), cache_dir or default_cache_dir()
    if isinstance(source, Recipe):
        return recipe_version(source, config, folder)
    return published_version(source, config, folder, _owner_check(source))


def dataset_spec(config: DataConfig) -> DatasetSpec:
    """What is known of a data set without decoding it.

    Of a published one, without reading a file.

    Raises:
        DataError: files of the user's own are not what the config says.
    """
    spec = _whole_spec(unaltered(config))
    if config.num_folds:
        num = spec.num_train + spec.num_val
        start, stop = fold_bounds(num, config.num_folds, config.fold)
        spec = replace(spec, num_train=num - (stop - start), num_val=stop - start)
    return replace(spec, num_train=num_kept(spec.num_train, config.fraction))


def dataset_place(config: DataConfig) -> str:
    """Where a data set is on this machine; "" where it is not."""
    source = source_of(config)
    if isinstance(source, Source):
        return published_place(source, config)
    try:
        return source.place(config)
    except DataError:
        return ""


def unaltered(config: _C) -> _C:
    """The config of the whole data set as it is: without fraction and augmentation."""
    asis = DataConfig()
    shared = (field.name for field in fields(DataConfig))
    kept = ("name", "root")
    return replace(config, **{k: getattr(asis, k) for k in shared if k not in kept})


def source_of(config: DataConfig) -> Source | Recipe:
    """What a config's data set is made from."""
    if isinstance(config, OwnDataConfig):
        return OWN_DATA
    entry = DATASETS[config.name]
    return entry if isinstance(entry, Source | Recipe) else entry(config)


@lru_cache(maxsize=64)
def _whole_spec(config: DataConfig) -> DatasetSpec:
    # Asked for each trial of a sweep, and files of the user's own are looked at.
    source = source_of(config)
    return recipe_spec(source, config) if isinstance(source, Recipe) else source.spec


def _owner_check(source: Source) -> Callable[[Mapping[str, RawFile]], None]:
    """MNIST's files and Fashion-MNIST's differ in nothing but what they show."""

    def check(files: Mapping[str, RawFile]) -> None:
        others = {k: one for k, one in DATASETS.items() if isinstance(one, Source)}
        for name, other in others.items():
            if other.files.keys() == files.keys() and not foreign_digest(other, files):
                where = str(Path(next(iter(files.values())).where).parent)
                fix = f"Set data.name={name}, or another data.root."
                raise DataError(where, f"must hold {source.title}", other.title, fix)

    return check
