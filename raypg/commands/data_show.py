"""`raypg.data show`: what is in a data set, class by class, and how it looks."""

import json
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
import typer

from raypg.commands.data_sets import format_size
from raypg.commands.outfile import check_target, write_out
from raypg.config import Layer, Origin, load, parse_overrides
from raypg.data import Dataset, dataset_place, load_dataset
from raypg.data.cache import SPLITS
from raypg.results.output import print_table


class DataForm(StrEnum):
    """How the facts of a data set are printed."""

    table = "table"
    json = "json"


def show_data(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As data.name.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="data.root=… data.flip=true"),
    ] = None,
    form: Annotated[DataForm, typer.Option("--format", help="How to print.")] = (
        DataForm.table
    ),
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE.png", help="Draw a training batch, augmented."),
    ] = None,
    num: Annotated[int, typer.Option(min=1, max=1024, help="Images to draw.")] = 64,
) -> None:
    """One data set: sizes, mean and deviation, class balance; a picture of a batch."""
    if out is not None:
        check_target(out)
    fitting = {"model.name": "mlp", "train.batch_size": 1, "data.name": name}
    layer = Layer("command line", fitting, origin=Origin.BASE)
    config = load([layer, parse_overrides(overrides or ())])
    dataset = load_dataset(config.data)
    facts = describe_data(dataset, dataset_place(config.data))
    if form is DataForm.json:
        print(json.dumps(facts, ensure_ascii=False, indent=1))
    else:
        _print_facts(facts)
    if out is not None:
        from raypg.data.batch_picture import draw_batch  # imports torch

        content = draw_batch(dataset, config.data, seed=config.seed, num=num)
        write_out(out, content)


def describe_data(dataset: Dataset, where: str) -> dict[str, Any]:
    """The facts of a data set, as JSON has them.

    Args:
        dataset: loaded.
        where: it lies.
    """
    splits = {split: getattr(dataset, split) for split in SPLITS}
    counts = {
        split: np.bincount(one.labels_N, minlength=dataset.num_classes).tolist()
        for split, one in splits.items()
    }
    size_bytes = sum(one.images_NCHW.nbytes for one in splits.values())
    least, most = min(counts["train"]), max(counts["train"])
    return {
        "name": dataset.name,
        "version": dataset.version,
        "where": where,
        "image_shape": list(dataset.image_shape),
        "num_classes": dataset.num_classes,
        "num_examples": {split: len(one) for split, one in splits.items()},
        "size_bytes": size_bytes,
        "mean": list(dataset.mean),
        "std": list(dataset.std),
        "imbalance": most / least if least else None,
        "notes": list(dataset.notes),
        "classes": [
            {"class": name, **{split: counts[split][label] for split in SPLITS}}
            for label, name in enumerate(dataset.class_names)
        ],
    }


def _print_facts(facts: dict[str, Any]) -> None:
    sizes = facts["num_examples"]
    shape = "×".join(str(side) for side in facts["image_shape"])
    imbalance = facts["imbalance"]
    balance = "an empty one" if imbalance is None else f"{imbalance:.3g} to 1"
    lines = {
        "data set": facts["name"],
        "version": facts["version"],
        "where": facts["where"],
        "images": f"{shape}, {format_size(facts['size_bytes'])} decoded",
        "examples": " + ".join(f"{sizes[split]:,} {split}" for split in SPLITS),
        "mean": ", ".join(f"{value:.4f}" for value in facts["mean"]),
        "deviation": ", ".join(f"{value:.4f}" for value in facts["std"]),
        "classes": f"{facts['num_classes']:,}; the largest to the smallest: {balance}",
    }
    for key, value in lines.items():
        print(f"{key:10} {value}")
    for note in facts["notes"]:
        print(f"{'note':10} {note}")
    print()
    rows = [
        {**row, "of train": f"{row['train'] / sizes['train']:.2%}"}
        for row in facts["classes"]
    ]
    print_table(rows, list(rows[0]))
