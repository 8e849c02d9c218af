"""A data set that has keys of its own: found, told of and written by its config."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from raypg.data.cache import load_cached, read_about
from raypg.data.config import DataConfig
from raypg.data.dataset import Dataset, DatasetSpec
from raypg.errors import DataError
from raypg.own import portable_name

_T = TypeVar("_T")


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
        place: where the files lie, or how they come to be.
        fetch: downloads the files of a published data set, where it can be had; is
            given the error that says what is missing.

    All of them raise DataError where the files are not what the config says.
    """

    title: str
    revision: int
    stamp: Callable[[Any], str]
    spec: Callable[[Any], DatasetSpec]
    write: Callable[[Any, Path], Written]
    place: Callable[[Any], str]
    fetch: Callable[[Any, DataError], None] | None = None


def load_recipe(recipe: Recipe, config: DataConfig, cache_dir: Path) -> Dataset:
    """The whole data set of a recipe, through the cache.

    Raises:
        DataError: the files are not what the config says.
    """
    try:
        entry = _entry(recipe, config, cache_dir)
    except DataError as missing:
        if config.root or recipe.fetch is None:
            raise
        recipe.fetch(config, missing)
        entry = _entry(recipe, config, cache_dir)

    def write(folder: Path) -> dict[str, Any]:
        written = asdict(recipe.write(config, folder))
        version = _version(recipe, config, written.pop("digest"))
        about = {"name": config.name, "version": version}
        return {**about, "num_classes": len(written["class_names"]), **written}

    return load_cached(entry, write)


def recipe_version(recipe: Recipe, config: DataConfig, cache_dir: Path) -> str:
    """What the files hold, in a word.

    Raises:
        DataError: the files are not what the config says; nothing is raised where a
            published data set is not here.
    """
    try:
        about = read_about(_entry(recipe, config, cache_dir))
    except DataError:
        if config.root or recipe.fetch is None:
            raise
        return _version(recipe, config, "")
    if about:
        return str(about["version"])
    return load_recipe(recipe, config, cache_dir).version


def recipe_spec(recipe: Recipe, config: DataConfig) -> DatasetSpec:
    """The facts of a data set, without `data.fraction`, before anything is decoded.

    Raises:
        DataError: the files are not what the config says.
    """
    return _readable(recipe.spec, config)


def _readable(step: Callable[[Any], _T], config: DataConfig) -> _T:
    """What a step that only reads gives; a file that cannot be read is an error."""
    try:
        return step(config)
    except OSError as error:
        where = str(error.filename or config.root)
        found, fix = error.strerror or str(error), "Look at its rights and its disk."
        raise DataError(where, "must be readable", found, fix) from error


def _entry(recipe: Recipe, config: DataConfig, cache_dir: Path) -> Path:
    """The place of these very files under these keys in the cache."""
    stamp = _hash_text(f"{_own_keys(config)} {_readable(recipe.stamp, config)}")
    return cache_dir / f"{_version(recipe, config, '')}-{stamp}"


def _version(recipe: Recipe, config: DataConfig, digest: str) -> str:
    # Of the user's own, a name without a folder, and the same on every machine.
    name = f"{portable_name(config.name)}-{recipe.revision}"
    return name + (f"+{digest}" if digest else "")


def _own_keys(config: DataConfig) -> str:
    """What a config says of the images themselves: the keys that not all sets have."""
    shared = {field.name for field in fields(DataConfig)}
    own = sorted(field.name for field in fields(config) if field.name not in shared)
    return " ".join(f"{name}={getattr(config, name)!r}" for name in own)


def _hash_text(text: str) -> str:
    """12 hex digits."""
    return hashlib.md5(text.encode()).hexdigest()[:12]
