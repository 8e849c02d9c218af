"""What `--evaluate` prints: a trial's test results now, and those of the table."""

from raypg.results.output import print_table
from raypg.solo import Retest


def print_retest(found: Retest) -> None:
    """Print both results, and what has changed where they differ."""
    row = {
        "trial": found.trial,
        "sweep": found.sweep,
        "epoch": found.epoch,
        "test.accuracy": found.accuracy,
        "test.loss": found.loss,
    }
    stored = found.stored
    if stored is not None:
        row["stored.accuracy"] = stored["test.accuracy"]
        row["stored.loss"] = stored["test.loss"]
    print_table([row], list(row))
    if stored is None:
        print("The table has no test results of it: it did not complete.")
    elif found.is_same:
        print("The same as in the table, to the last bit.")
    else:
        apart = found.loss - stored["test.loss"]
        changes = ", ".join(found.changes) or "nothing that is recorded"
        print(f"Not the same as in the table: test.loss differs by {apart:.3g}.")
        print(f"Changed since it was trained: {changes}.")
