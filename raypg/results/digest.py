"""What the trials of a sweep come to, kept at its end so that `ls` opens no table."""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

import pyarrow as pa

from raypg.results import compute as pc
from raypg.results.arms import ENDED_WELL
from raypg.results.columns import LEFT, TEXT
from raypg.results.read import read_newest
from raypg.results.schema import flatten
from raypg.store import Store

_TABLE = "tables/trials"
_FILE = "tables/digest.json"


@dataclass(frozen=True)
class Digest:
    """The trials of a sweep in numbers. A missing one is None.

    Attributes:
        statuses: how many trials have each.
        started: of the first trial.
        finished: of the last one.
        metric: the sweep's own.
        mode: which end of it is the good one.
        best: the best value of the metric among completed and cached trials.
    """

    statuses: Mapping[str, int]
    started: datetime | None
    finished: datetime | None
    metric: str
    mode: str
    best: float | None


def read_digest(store: Store, sweep: str, metric: str, mode: str) -> Digest:
    """The kept one where it is of the table as it is now, else one made afresh.

    Args:
        store: where the sweep lives.
        sweep: its name.
        metric: the sweep's own.
        mode: which end of it is the good one.
    """
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        kept = json.loads(store.read(f"{sweep}/{_FILE}"))
        digest = Digest(
            statuses={key: int(num) for key, num in dict(kept["statuses"]).items()},
            started=moment(kept["started"]),
            finished=moment(kept["finished"]),
            metric=kept["metric"],
            mode=kept["mode"],
            best=None if kept["best"] is None else float(kept["best"]),
        )
        checksum = kept.pop("checksum", None)  # one from before there were any has none
        if checksum not in (None, _checksum(kept)):
            raise ValueError("not as it was written")
        is_asked = (digest.metric, digest.mode) == (metric, mode)
        if is_asked and kept["files"] == store.files(f"{sweep}/{_TABLE}"):
            return digest
    return _make(store, sweep, metric, mode)


def keep_digest(store: Store, sweep: str, metric: str, mode: str) -> None:
    """Keep the digest of a table that its writer has compacted for the last time.

    It names the table's files, none of which ever changes: with another file there, or
    one gone, it is out of date. A table with a segment that may grow has none.
    """
    files = store.files(f"{sweep}/{_TABLE}")
    if any(not name.endswith(".parquet") for name in files):
        return
    digest = asdict(_make(store, sweep, metric, mode))
    kept = json.loads(json.dumps({**digest, "files": files}, default=str))
    text = json.dumps({**kept, "checksum": _checksum(kept)})
    store.write_whole(f"{sweep}/{_FILE}", text.encode())


def _checksum(kept: Mapping[str, Any]) -> int:
    return crc32(json.dumps(kept, sort_keys=True).encode())


def _make(store: Store, sweep: str, metric: str, mode: str) -> Digest:
    columns = ["status", "started", "finished", metric.split(".")[0]]
    rows = read_newest(store, sweep, "trials", columns)
    rows = rows.filter(pc.invert(pc.is_in(rows["status"], pa.array(LEFT))))
    return Digest(
        statuses=dict(Counter(rows["status"].to_pylist())),
        started=pc.min(rows["started"]).as_py(),
        finished=pc.max(rows["finished"]).as_py(),
        metric=metric,
        mode=mode,
        best=_best(rows, metric, mode),
    )


def moment(text: str | None) -> datetime | None:
    """A moment as JSON has it."""
    return None if text is None else datetime.fromisoformat(text)


def _best(rows: pa.Table, metric: str, mode: str) -> float | None:
    ended = rows.filter(pc.is_in(rows["status"], pa.array(ENDED_WELL)))
    flat = flatten(ended)
    if metric not in flat.column_names:
        return None
    best = pc.max(flat[metric]) if mode == "max" else pc.min(flat[metric])
    return float(best.cast(TEXT).as_py()) if best.is_valid else None
