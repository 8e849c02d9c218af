"""`python -m raypg.data [NAME ...]`: fetch, check and cache data sets."""

import os
import shutil
import subprocess
import sys
import time
from typing import Annotated

import typer

from raypg.console import new_app, run_app
from raypg.data import DATASETS, DataConfig, load_dataset
from raypg.errors import DataError, RegistryError, suggest_name

DEBIAN_PACKAGES = {"fashion_mnist": "dataset-fashion-mnist"}


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Data sets; all of them unless named.")
    ] = None,
    root: Annotated[
        str, typer.Option(help="The folder of raw files that are already here.")
    ] = "",
) -> None:
    """Make data sets ready: say for each where it stands, or why it is not there.

    Exit codes: 0 all are ready, 1 some could not be had, 2 an unknown name.
    """
    for name in names or ():
        if name not in DATASETS:
            fix = suggest_name(name, DATASETS)
            error = RegistryError("data.name", "must be in DATASETS", f'"{name}"', fix)
            print(error, file=sys.stderr)
            raise typer.Exit(2)
    are_ready = [_make_ready(name, root) for name in names or DATASETS]
    raise typer.Exit(0 if all(are_ready) else 1)


def _make_ready(name: str, root: str) -> bool:
    """Load one data set, and print a line of what it holds or of what it lacks."""
    config = DataConfig(name=name, root=root)
    start = time.perf_counter()
    try:
        try:
            dataset = load_dataset(config)
        except DataError:
            if root or not _install_package(name):
                raise
            dataset = load_dataset(config)
    except DataError as error:
        print(f"{name:14} not here: {error}")
        return False
    sizes = f"{len(dataset.train):,} + {len(dataset.val):,} + {len(dataset.test):,}"
    shape = "×".join(str(size) for size in dataset.image_shape)
    seconds = time.perf_counter() - start
    print(f"{name:14} ready: {sizes} images of {shape}, {seconds:.1f} s")
    return True


def _install_package(name: str) -> bool:
    """Install Debian's package of a data set, where there is one and we may."""
    package = DEBIAN_PACKAGES.get(name)
    if package is None or shutil.which("apt-get") is None:
        return False
    if os.geteuid() != 0:
        print(f"{name:14} perhaps: sudo apt-get install {package}", file=sys.stderr)
        return False
    command = ["apt-get", "install", "--yes", "--quiet", package]
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0


if __name__ == "__main__":
    app = new_app()
    app.command()(main)
    run_app(app)
