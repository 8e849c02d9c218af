"""`raypg.data ls` and `fetch`: which data sets there are, and which are here."""

import os
import shutil
import subprocess
import sys
import time
from typing import Annotated, Any

import typer

from raypg.commands.options import Form, FormOption, OutOption
from raypg.commands.outfile import written_to
from raypg.config import Layer, load
from raypg.data import (
    DATASETS,
    AnyDataConfig,
    dataset_place,
    dataset_spec,
    load_dataset,
    source_of,
)
from raypg.data.dataset import DatasetSpec
from raypg.errors import DataError, RegistryError, suggest_name
from raypg.results.output import print_rows

DEBIAN_PACKAGES = {"fashion_mnist": "dataset-fashion-mnist"}
SMALL = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100")
"""What is fetched where nothing is named: 0.4 GB, all in all."""
_UNITS = ("B", "kB", "MB", "GB", "TB")


def list_data(form: FormOption = Form.table, out: OutOption = None) -> None:
    """All data sets: how large they are, and whether they are on this machine."""
    with written_to(out):
        rows = [_line(name) for name in DATASETS]
        print_rows(rows, list(rows[0]), form)


def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"Data sets; unless named: {', '.join(SMALL)}."),
    ] = None,
    root: Annotated[
        str, typer.Option(help="The folder of raw files that are already here.")
    ] = "",
) -> None:
    """Make data sets ready: find or download their files, check and decode them.

    Exit codes: 0 all are ready, 1 some could not be had, 2 an unknown name.
    """
    for name in names or ():
        if name not in DATASETS:
            fix = suggest_name(name, DATASETS)
            raise RegistryError("data.name", "must be in DATASETS", f'"{name}"', fix)
    are_ready = [_make_ready(name, root) for name in names or SMALL]
    raise typer.Exit(0 if all(are_ready) else 1)


def load_data_config(name: str, **values: object) -> AnyDataConfig:
    """The `data.*` of a data set, whatever model or batch size would suit it."""
    given = {f"data.{leaf}": value for leaf, value in values.items()}
    fitting = {"model.name": "mlp", "train.batch_size": 1}
    layer = Layer("command line", {**fitting, "data.name": name, **given}, lax=True)
    return load([layer]).data


def format_size(size_bytes: float) -> str:
    """Three digits and a unit of powers of 1000."""
    for unit in _UNITS:
        if size_bytes < 1000 or unit == _UNITS[-1]:
            break
        size_bytes /= 1000
    return f"{size_bytes:.3g} {unit}"


def decoded_bytes(spec: DatasetSpec) -> int:
    """Of the images of all splits."""
    channels, height, width = spec.image_shape
    return channels * height * width * (spec.num_train + spec.num_val + spec.num_test)


def _line(name: str) -> dict[str, Any]:
    """One data set, as `ls` shows it."""
    facts = dict.fromkeys(("classes", "train", "val", "test", "images", "size"))
    try:
        config = load_data_config(name)
    except DataError:
        # Files of the user's own: each has its own facts.
        own = {"name": name, "what": getattr(DATASETS[name], "title", name)}
        return {**own, **facts, "here": "data.root=…"}
    spec = dataset_spec(config)
    return {
        "name": name,
        "what": source_of(config).title,
        "classes": spec.num_classes,
        "train": spec.num_train,
        "val": spec.num_val,
        "test": spec.num_test,
        "images": "×".join(str(side) for side in spec.image_shape),
        "size": format_size(decoded_bytes(spec)),
        "here": dataset_place(config) or "no",
    }


def _make_ready(name: str, root: str) -> bool:
    """Load one data set, and print a line of what it holds or of what it lacks."""
    start = time.perf_counter()
    try:
        config = load_data_config(name, root=root)
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
