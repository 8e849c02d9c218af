"""Live segments: Arrow streams that grow, and are readable up to any torn end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from raypg.bucket import BucketFile
from raypg.folder import FolderFile
from raypg.results.columns import CORE, column_type, plain_value, widest
from raypg.results.schema import nest
from raypg.results.seals import is_sealed, seal_message, whole_messages
from raypg.store import Store

MAX_BYTES = 4_000_000
MAX_BUCKET_BYTES = 500_000
"""An object cannot grow: each flush puts the whole segment anew."""
MAX_BATCHES = 512


class SegmentWriter:
    """Appends batches of rows to one table of one sweep, a segment after another.

    A segment ends when it is large or when a column is new or changes its type.
    """

    def __init__(self, store: Store, sweep: str, table: str, writer: str) -> None:
        self.faults: list[str] = []
        self._store = store
        self._folder = f"{sweep}/tables/{table}"
        self._table = table
        self._writer = writer
        self._columns: dict[str, pa.DataType] = dict(CORE[table])
        self._max_bytes = MAX_BYTES if store.is_local else MAX_BUCKET_BYTES
        self._number = 0
        self._batches = 0
        self._file: FolderFile | BucketFile | None = None

    @property
    def name(self) -> str:
        """The file that grows now, or the next one."""
        return f"{self._writer}-{self._number:08d}.arrows"

    def append(self, rows: Sequence[Mapping[str, object]]) -> bool:
        """Write rows as one batch; on an OSError nothing is written.

        Returns:
            Whether the segment before has ended with this.
        """
        has_ended = self._learn_columns(rows)
        arrays = {
            name: self._array(name, kind, [row.get(name) for row in rows])
            for name, kind in self._columns.items()
        }
        batch = nest(arrays)
        has_ended = self._roll(has_ended)
        piece = seal_message(batch.serialize().to_pybytes())
        if self._file is None:
            self._file = self._store.append_to(f"{self._folder}/{self.name}")
        if not self._file.size_bytes:
            piece = seal_message(batch.schema.serialize().to_pybytes()) + piece
        self._file.append(piece)
        self._batches += 1
        return has_ended

    def close(self) -> None:
        """End the segment."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._number += 1
        self._batches = 0

    def _roll(self, has_changed: bool) -> bool:
        if self._file is None:
            return False
        is_full = (
            self._file.size_bytes > self._max_bytes or self._batches >= MAX_BATCHES
        )
        if not (has_changed or is_full):
            return False
        self.close()
        return True

    def _learn_columns(self, rows: Sequence[Mapping[str, object]]) -> bool:
        """Take in new columns and wider types; whether there were any."""
        before = dict(self._columns)
        for row in rows:
            for name, value in row.items():
                self._learn(name, plain_value(value))
        return self._columns != before

    def _learn(self, name: str, value: object) -> None:
        known = self._columns.get(name)
        try:
            kind = column_type(self._table, name, value)
            if kind is None or kind == known:
                return
            wide = kind if known is None else widest([known, kind])
            nest({each: pa.array([]) for each in {**self._columns, name: wide}})
        except TypeError as cause:
            self.faults.append(f"{self._table}.{name}: {cause}")
        else:
            self._columns[name] = wide

    def _array(self, name: str, kind: pa.DataType, values: list[object]) -> pa.Array:
        plain = [plain_value(value) for value in values]
        try:
            return pa.array(plain, kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return pa.array([self._fitted(name, kind, v) for v in plain], kind)

    def _fitted(self, name: str, kind: pa.DataType, value: object) -> object:
        try:
            pa.array([value], kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            self.faults.append(f"{self._table}.{name}: {value!r} is no {kind}")
            return None
        return value


@dataclass(frozen=True)
class Segment:
    """A segment, read."""

    rows: pa.Table | None
    """Those of its whole batches; None where there is none."""
    num_damaged: int
    """Bytes that were written, and are not as they were."""
    num_torn: int
    """Bytes at the end that are no whole batch."""


def read_segment(content: bytes) -> Segment:
    """What is whole of a stream, torn or damaged anywhere.

    A stream that ends where a batch does is whole, whatever came behind it once.
    """
    if is_sealed(content):
        found = whole_messages(content)
        rows, _ = _read_stream(found.content)
        return Segment(rows, found.num_damaged, found.num_torn)
    # From before there were checksums: what is damaged within a batch shows in part.
    rows, num_torn = _read_stream(content, is_doubtful=True)
    return Segment(rows, 0, num_torn)


def _read_stream(
    content: bytes, *, is_doubtful: bool = False
) -> tuple[pa.Table | None, int]:
    """The batches up to the first that is not whole, and how many bytes are left."""
    batches: list[pa.RecordBatch] = []
    source, end = pa.BufferReader(content), 0
    try:
        with pa.ipc.open_stream(source) as reader:
            end = source.tell()
            while True:
                batch = reader.read_next_batch()
                if is_doubtful:
                    batch.validate(full=True)
                batches.append(batch)
                end = source.tell()
    except (StopIteration, pa.ArrowException, OSError, ValueError):
        pass  # a name that is no UTF-8 is a ValueError
    rows = pa.Table.from_batches(batches) if batches else None
    return rows, len(content) - end
