"""What `--find-lr` and `--find-batch-size` print, and the figure of the former."""

from raypg.commands.outfile import check_target, write_out
from raypg.config import Config
from raypg.results.figures.figure import Axis, Figure, Line, Points
from raypg.results.figures.on_paper import draw_file, format_of
from raypg.results.output import print_table
from raypg.solo.batch_sizes import find_batch_size
from raypg.solo.lr_range import LrRange, find_lr
from raypg.store import Store
from raypg.training.world import World

_LINES = 16
"""Of the table; every few-th step is shown."""


def show_lr(config: Config, world: World, store: Store, out: str) -> None:
    """Print a range test, and draw it where `out` names a file.

    Raises:
        ResultsError: there can be no such file; nothing is trained then.
        TrialError: there is nothing to see.
    """
    if out:
        format_of(out)
        check_target(out)
    found = find_lr(config, world, store)
    every = -(-len(found.lrs) // _LINES)
    rows = [
        {"optimizer.lr": float(f"{found.lrs[i]:.3g}"), "train.loss": found.smoothed[i]}
        for i in range(0, len(found.lrs), every)
    ]
    print_table(rows, list(rows[0]))
    print(f"Suggested: optimizer.lr={found.suggested:.2g}, where the loss falls most.")
    print(f"It is least at {found.least:.2g}, which is too much.")
    if out:
        write_out(out, draw_file(_figure(found, config), format_of(out)))
        print(out)


def show_batch_sizes(config: Config, world: World) -> None:
    """Print how fast batches of each size are, and which fit."""
    found = find_batch_size(config, world)
    rows = [
        {
            "train.batch_size": one.size,
            "step_s": float(f"{one.step_s:.3g}"),
            "images_per_s": f"{one.images_per_s:,.0f}",
            "peak_MB": f"{one.peak_bytes / 2**20:,.0f}",
        }
        for one in found.tried
    ]
    print_table(rows, ["train.batch_size", "step_s", "images_per_s", "peak_MB"])
    print(f"Ended by: {found.ended_by}.")
    if found.largest:
        fast = f"none is 5 % faster than {found.fast}"
        print(f"Suggested: train.batch_size={found.largest} fits; {fast}.")
        print("Another batch wants another rate: --find-lr.")


def _figure(found: LrRange, config: Config) -> Figure:
    at = found.lrs.index(found.suggested)
    caption = (
        f"Range test of {config.model.name} on {config.data.name}: {len(found.lrs)} "
        f"steps of {config.train.batch_size} images by {config.optimizer.name}; loss "
        "of the training batch, and its decayed mean. The point is where that falls "
        f"most: {found.suggested:.2g}."
    )
    return Figure(
        kind="lr_range",
        title="Learning-rate range test",
        caption=caption,
        x=Axis("optimizer.lr", is_log=True),
        y=Axis("train.loss"),
        marks=(
            Line(found.lrs, found.losses, "faint", "of a batch", weight="thin"),
            Line(found.lrs, found.smoothed, "blue", "smoothed"),
            Points(
                (found.suggested,), (found.smoothed[at],), "vermillion", "suggested"
            ),
        ),
    )
