"""Where the raw files of a data set lie, and where the cache of decoded ones is."""

import os
from collections.abc import Mapping
from pathlib import Path

from raypg.data.source import Source
from raypg.errors import DataError


def default_cache_dir() -> Path:
    """$RAYPG_CACHE, or `raypg` in the user's cache folder."""
    if own := os.environ.get("RAYPG_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "raypg"


def download_folder() -> Path:
    """Where downloaded files are kept: $RAYPG_DATA, or `raw` in the cache."""
    if own := os.environ.get("RAYPG_DATA"):
        return Path(own).expanduser()
    return default_cache_dir() / "raw"


def whole_path(root: str) -> str:
    """`data.root` as it holds in every process of this machine; "" stays."""
    return str(Path(root).expanduser().absolute()) if root else ""


def find_files(source: Source, root: str) -> dict[str, Path]:
    """The path of each file of a data set; an archive stands for all of its own.

    Args:
        source: the data set.
        root: `data.root`. When it is set, no other place is searched.

    Raises:
        DataError: a file is missing. Names the first one, in the folder that holds
            most of the others, and every folder that was searched.
    """
    if root and not Path(root).expanduser().is_dir():
        fix = "Name the folder that holds the files."
        raise DataError("data.root", "must be a folder", f'"{root}"', fix)
    folders = _candidates(source, root)
    best_folder, best = folders[0], dict[str, Path]()
    for folder in folders:
        found = _files_in(folder, source)
        if len(found) == len(source.files):
            return found
        if len(found) > len(best):
            best_folder, best = folder, found
    missing = next(name for name in source.files if name not in best)
    raise DataError(
        str(best_folder / missing),
        f"must be a file of {source.title}, "
        f"{source.files[missing].size_bytes:,} bytes unpacked",
        "none in " + ", ".join(str(folder) for folder in folders),
        "Fetch it with `make data`, or set data.root=FOLDER where it lies.",
    )


def stamp_files(paths: Mapping[str, Path]) -> str:
    """Names, sizes and times: what changes when a file is replaced."""
    stats = [(name, path.stat()) for name, path in sorted(paths.items())]
    return " ".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats)


def _candidates(source: Source, root: str) -> list[Path]:
    """The folders to search, in order.

    Named folders come before the root itself, because MNIST's files and
    Fashion-MNIST's have the same names.
    """
    if root:
        bases = [Path(root).expanduser()]
    else:
        bases = list(dict.fromkeys([download_folder(), default_cache_dir() / "raw"]))
    folders = [base / folder for base in bases for folder in source.folders]
    return folders + [Path(folder) for folder in source.system_folders if not root]


def _files_in(folder: Path, source: Source) -> dict[str, Path]:
    """Those files of a data set that a folder holds, plain, gzipped or in a tar."""
    if source.archive and (archive := folder / source.archive).is_file():
        return dict.fromkeys(source.files, archive)
    found = {}
    for name in source.files:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                found[name] = path
                break
    return found
