"""Many small files become one Parquet part: sorted, without duplicates, compressed."""

import json
import uuid
from collections.abc import Collection

import pyarrow as pa
import pyarrow.parquet as pq

from raypg.results.read import METADATA, newest, read_snapshot, retried_trials
from raypg.results.schema import core_schema
from raypg.store import Store

MAX_PARTS = 8


def compact(
    store: Store,
    sweep: str,
    table: str,
    *,
    spare: Collection[str] = (),
    least: int = 1,
    everything: bool = False,
) -> None:
    """Merge the live segments of a table into a part, and the parts into one.

    The new part appears whole and names what it covers; the inputs are deleted after.
    Only the sweep's writer may call this.

    Args:
        store: where the sweep lives.
        sweep: its name.
        table: one of the tables.
        spare: segments that still grow.
        least: do nothing while there are fewer segments.
        everything: merge the parts too, not only when there are many.
    """
    folder = f"{sweep}/tables/{table}"
    snapshot = read_snapshot(store, sweep, table)
    for name in snapshot.hidden:
        store.delete(f"{folder}/{name}")
    live = {n: rows for n, rows in snapshot.live.items() if n not in spare}
    parts = snapshot.parts
    if not (everything and len(parts) > 1 or len(parts) >= MAX_PARTS):
        parts = parts if everything and live else []
    if len(live) < least and not parts:
        return
    inputs = [*live, *(part.name for part in parts)]
    found = [*live.values(), *(part.file.read() for part in parts)]
    rows = pa.concat_tables(
        [core_schema(table).empty_table(), *found], promote_options="permissive"
    )
    content = part_content(newest(table, rows), covers=inputs)
    name = f"part-{_next_number(store, folder):06d}-{uuid.uuid4().hex[:4]}.parquet"
    store.write_whole(f"{folder}/{name}", content, durable=True)
    for name in inputs:
        store.delete(f"{folder}/{name}")


def part_content(rows: pa.Table, *, covers: Collection[str]) -> bytes:
    """The bytes of a part that stands for the files that it covers."""
    about = {"covers": sorted(covers), "retried": sorted(retried_trials(rows))}
    rows = rows.replace_schema_metadata({METADATA: json.dumps(about).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", row_group_size=128 * 1024)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _next_number(store: Store, folder: str) -> int:
    names = [name for name in store.files(folder) if name.startswith("part-")]
    return max((int(name.split("-")[1]) for name in names), default=0) + 1
