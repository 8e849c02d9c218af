"""Many small files become one Parquet part: sorted, without duplicates, compressed."""

import json
import uuid
from collections.abc import Callable, Collection

import pyarrow as pa
import pyarrow.parquet as pq

from raypg.results.blocks import seal_part
from raypg.results.parts import METADATA
from raypg.results.read import newest, read_snapshot, retried_trials, say_torn
from raypg.results.schema import core_schema, join, leaves
from raypg.store import Store

GROUP_ROWS = 128 * 1024
MAX_PARTS = 8
MAX_PART_BYTES = 256_000_000
"""Larger parts (predictions of large sets) are left alone: merging is in memory."""


def compact(
    store: Store,
    sweep: str,
    table: str,
    *,
    growing: str,
    least: int = 1,
    is_last: bool = False,
    may_write: Callable[[], bool] = lambda: True,
) -> None:
    """Merge the live segments of a table into a part, and the parts when many.

    The new part appears whole and names what it covers; the inputs are deleted after.
    Only the sweep's writer may call this.

    Args:
        store: where the sweep lives.
        sweep: its name.
        table: one of the tables.
        growing: the writer's segment. It and those behind it are spared, since rows
            that come to them from here on would be lost.
        least: do nothing while there are fewer segments.
        is_last: merge the parts, however few: no more rows will come.
        may_write: asked before anything is changed. One that another process took the
            sweep from would hide that one's growing segment.
    """
    folder = f"{sweep}/tables/{table}"
    ended = _ended_segments(store, folder, growing)
    if (len(ended) < least and not is_last) or not may_write():
        return
    snapshot = read_snapshot(store, sweep, table)
    # What is damaged stays as it is, for whoever can restore it.
    ended -= snapshot.damaged.keys()
    live = {name: rows for name, rows in snapshot.live.items() if name in ended}
    # Said now at the latest: nobody reads these again.
    torn = {name: size for name, size in snapshot.torn.items() if name in ended}
    say_torn(store.path(folder), torn)
    for name in {*snapshot.hidden, *ended} - live.keys():
        # Covered by a part, or torn within its first batch.
        store.delete(f"{folder}/{name}")
    small = [part for part in snapshot.parts if part.size_bytes < MAX_PART_BYTES]
    parts = small if is_last or len(small) >= MAX_PARTS else []
    parts = [part for part in parts if part.is_whole()]
    if not live and len(parts) < 2:
        return
    found = [*live.values(), *(part.read() for part in parts)]
    rows = newest(table, join([core_schema(table).empty_table(), *found]))
    inputs = [*live, *(part.name for part in parts)]
    content, checksum = seal_part(part_content(rows, covers=inputs))
    number, mark = _next_number(store, folder), uuid.uuid4().hex[:4]
    name = f"part-{number:06d}-{mark}-{checksum}-{rows.num_rows}.parquet"
    if not may_write():
        return
    store.write_whole(f"{folder}/{name}", content, durable=True)
    for name in inputs:
        store.delete(f"{folder}/{name}")


def part_content(rows: pa.Table, *, covers: Collection[str]) -> bytes:
    """The bytes of a part that stands for the files that it covers."""
    about = {"covers": sorted(covers), "retried": sorted(retried_trials(rows))}
    kinds = leaves(rows.schema)
    encodings = {
        name: code for name, kind in kinds.items() if (code := _encoding(kind))
    }
    rows = rows.replace_schema_metadata({METADATA: json.dumps(about).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows,
        sink,
        compression=dict(_codec(name, kind) for name, kind in kinds.items()),
        row_group_size=GROUP_ROWS,
        use_dictionary=[name for name in kinds if name not in encodings],
        column_encoding=encodings,
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _codec(name: str, kind: pa.DataType) -> tuple[str, str]:
    """How a column, by its path in Parquet, is compressed.

    Metrics hardly are: LZ4 reads them in two thirds of the time, and is 6 % larger.
    """
    path = f"{name}.list.element" if pa.types.is_list(kind) else name
    return path, "lz4" if kind == pa.float32() else "zstd"


def _encoding(kind: pa.DataType) -> str | None:
    """How a column is stored; None: by the dictionary of its values.

    Of 34 bytes a row of `epochs` under dictionaries alone, times as differences save
    9, and metrics split into streams of their bytes 2.
    """
    if pa.types.is_timestamp(kind):
        return "DELTA_BINARY_PACKED"
    return "BYTE_STREAM_SPLIT" if kind == pa.float32() else None


def _ended_segments(store: Store, folder: str, growing: str) -> set[str]:
    writer = growing.rsplit("-", 1)[0]
    names = [name for name in store.files(folder) if name.endswith(".arrows")]
    return {n for n in names if n < growing or not n.startswith(f"{writer}-")}


def _next_number(store: Store, folder: str) -> int:
    names = [name for name in store.files(folder) if name.startswith("part-")]
    return max((int(name.split("-")[1]) for name in names), default=0) + 1
