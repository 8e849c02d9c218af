"""The books of a small sweep, without anyone who trains."""

from collections.abc import Mapping, Sequence

from raypg.entries import Entry, Leftover, Row
from raypg.experiment import Past, build_proposals, look_ahead, parse_space
from raypg.ledger import Ledger, Writer
from tests.fakes import FakeWriter

SPACE = """from raypg import *
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 3},
    axes={"optimizer.lr": [0.05, 0.1, 0.2]})"""


def new_ledger(
    memo: Sequence[int] = (),
    leftovers: Mapping[int, Leftover] | None = None,
    before: Sequence[str] = (),
    writer: Writer | None = None,
    rows: Sequence[Row] = (),
    *,
    looks_ahead: bool = False,
) -> Ledger:
    """The books of three trials; `memo` and `leftovers` name them by their place.

    `before` has the statuses of trials that earlier sessions left, `rows` all of what
    they left.
    """
    proposals = build_proposals(
        parse_space(SPACE, "space.py"), [], device="cpu", num_workers=1
    )
    keys = [trial.key for trial in proposals.trials]  # type: ignore[union-attr]
    found = {
        "sweep": "old",
        "attempt": 1,
        "num_epochs": 3,
        "train_s": 7.0,
        "val.accuracy": 0.5,
        "git.commit": "then",
    }
    if rows:
        past = [Past(row["trial"], {}, row["status"]) for row in rows]
        proposals.replay(past)
    held = {keys[place]: found for place in memo}
    return Ledger(
        "space",
        proposals,
        writer or FakeWriter(),
        facts={"git.commit": "now", "device": "cpu"},
        memo=held,
        ahead=look_ahead(proposals, held, "val.accuracy") if looks_ahead else (),
        leftovers={keys[place]: left for place, left in (leftovers or {}).items()},
        before=rows
        or [
            {"trial": keys[place], "status": status}
            for place, status in enumerate(before)
        ],
        metric="val.accuracy",
    )


def next_of(ledger: Ledger) -> Entry:
    """The next trial, started."""
    entry = ledger.next_entry()
    assert entry is not None
    ledger.start(entry)
    return entry


def epoch(seconds: float) -> dict[str, float]:
    """What an epoch that took so long reports."""
    return {"epoch_s": seconds, "val.accuracy": 0.5, "val.loss": 1.0}
