"""A sweep as it is shown on a terminal: one table, drawn anew at each look."""

from contextlib import suppress

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric
from raypg.results.output import MISSING
from raypg.results.watch.look import Look, Progress, describe_end, read_progress
from raypg.store import Store

MAX_RUNNING = 12
MAX_ENDED = 5
HINT = "Ctrl-C ends the watching, not the sweep."


class Screen:
    """A live table; it goes when the `with` ends, so that the answer takes its place.

    Args:
        store: where the sweep lives; the epochs of running trials are read from it.
        console: where to draw.
    """

    def __init__(self, store: Store, console: Console) -> None:
        self._store = store
        self._progress: Progress = {}
        self._shown = Group()
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> "Screen":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, look: Look) -> None:
        """Draw what was seen."""
        with suppress(OSError):  # the store may fail between two of its answers
            self._progress.update(read_progress(self._store, look.sweep, look.metric))
        running = [row for row in look.rows if row["status"] == "running"]
        ended = [row for row in look.rows if row["finished"] is not None]
        newest = sorted(ended, key=lambda row: row["finished"])[-MAX_ENDED:]
        # As Text: brackets in what a user's code raises are no markup.
        title = Text(look.describe(), style="bold")
        parts: list[ConsoleRenderable] = [title, self._table(running, look)]
        if len(running) > MAX_RUNNING:
            parts.append(Text(f"and {len(running) - MAX_RUNNING} more"))
        parts += [Text(), *(Text(describe_end(row, look.metric)) for row in newest)]
        self._shown = Group(*parts, Text(HINT, style="dim"))
        self._live.update(self._shown, refresh=True)

    def say(self, line: str) -> None:
        """Show a line below the table, until the next look."""
        self._live.update(Group(self._shown, Text(line, style="red")), refresh=True)

    def _table(self, running: list[FlatRow], look: Look) -> Table:
        names = ("trial", "arm", "seed", "epoch", look.metric, "since")
        table = Table(*names, box=None, pad_edge=False)
        for row in running[:MAX_RUNNING]:
            epoch, value = self._progress.get(row["trial"], (row["num_epochs"], None))
            if value is None:
                value = row.get(look.metric)
            shown = MISSING if value is None else format_metric(value, look.metric)
            since = f"{row['started'].astimezone():%H:%M:%S}" if row["started"] else ""
            cells = (row["number"], row["arm"], row["seed"], epoch, shown, since)
            table.add_row(*(Text(str(cell)) for cell in cells))
        return table
