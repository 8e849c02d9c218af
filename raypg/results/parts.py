"""Compacted parts, opened: what of each is as it was written, and what is said else."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raypg.errors import ResultsError
from raypg.results.blocks import CheckedFile, seal_in
from raypg.results.columns import has_keys
from raypg.store import Store

METADATA = b"raypg"
_MANY_ROWS = 50_000
"""Of a part, from which on its columns are read side by side: of less, the threads
cost a third of the time."""
_FAULTS = (pa.ArrowException, OSError, ValueError, KeyError, TypeError)
"""What libraries raise at damaged bytes."""
_DAMAGED: set[str] = set()
"""Parts that a read has failed at: from then on they are looked through when opened."""
_SAID: set[str] = set()


class DamageFound(OSError):
    """A part is damaged that was open: to be read again, without what is damaged."""


@dataclass(frozen=True)
class Part:
    """A Parquet file without duplicates in itself."""

    name: str
    path: str
    handle: Any
    """The file as pyarrow reads it."""
    file: pq.ParquetFile
    schema: pa.Schema
    covers: frozenset[str]
    retried: frozenset[str]
    """Its trials with a second attempt or a later one."""
    checked: CheckedFile | None
    """None of a part from before there were checksums."""
    groups: tuple[int, ...] | None = None
    """The row groups that are whole; None where all are, as far as it is known."""

    @property
    def num_rows(self) -> int:
        """In the row groups that are whole."""
        meta = self.file.metadata
        groups = range(meta.num_row_groups) if self.groups is None else self.groups
        return sum(meta.row_group(i).num_rows for i in groups)

    @property
    def size_bytes(self) -> int:
        """Of its columns, before they are compressed."""
        meta = self.file.metadata
        return sum(
            meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)
        )

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Its rows, of the row groups that are whole."""
        options = {"columns": columns, "use_threads": self.num_rows >= _MANY_ROWS}
        if self.groups is None:
            return self.file.read(**options)
        # One by one, as what lies between them is not to be read on the way.
        each = [self.file.read_row_group(number, **options) for number in self.groups]
        return pa.concat_tables(each)

    def whole_groups(self) -> tuple[int, ...]:
        """The row groups that are as they were written; of an old part, readable.

        Raises:
            OSError: the store does not give its bytes.
        """
        groups = range(self.file.metadata.num_row_groups)
        if self.checked is not None:
            checked = self.checked
            return tuple(n for n in groups if checked.is_whole(*self._extent(n)))
        self.handle.seek(0)
        copy = pq.ParquetFile(pa.BufferReader(self.handle.read()))
        return tuple(number for number in groups if _is_readable(copy, number))

    def is_whole(self) -> bool:
        """Whether all of it is as it was written; reads all of it."""
        return not {*range(self.file.metadata.num_row_groups)} - {*self.whole_groups()}

    def _extent(self, number: int) -> tuple[int, int]:
        """Where the bytes of a row group start and stop."""
        group = self.file.metadata.row_group(number)
        columns = [group.column(i) for i in range(group.num_columns)]
        starts = [c.dictionary_page_offset or c.data_page_offset for c in columns]
        sizes = [column.total_compressed_size for column in columns]
        ends = [start + size for start, size in zip(starts, sizes, strict=True)]
        return min(starts), max(ends)


def open_part(
    store: Store, folder: str, name: str, *, is_careful: bool = False
) -> tuple[Part | None, ResultsError | None]:
    """A part, and what is wrong with it; no part where nothing of it can be read.

    Args:
        store: where it lives.
        folder: of its table.
        name: of the file.
        is_careful: look through all of it.

    Raises:
        FileNotFoundError: it is gone.
        OSError: the store does not give it.
    """
    path = store.path(folder, name)
    handle = store.open(f"{folder}/{name}")
    try:
        part = _parse(handle, name, path, is_mapped=store.is_local)
    except _FAULTS as cause:
        handle.seek(0)
        handle.read()  # a store that gives no bytes has not damaged them
        seal = seal_in(name)
        lost = f"all of its {seal[1]:,} rows" if seal else "all of its rows"
        return None, _fault(path, f"damage ({_first_line(cause)}): {lost} are left out")
    is_doubtful = is_careful or path in _DAMAGED
    if not is_doubtful or part.is_whole():
        return part, None
    if path not in _DAMAGED:
        _DAMAGED.add(path)
        return open_part(store, folder, name)
    num_rows = part.num_rows
    part = replace(part, groups=part.whole_groups())
    num_lost = num_rows - part.num_rows
    found = f"damage: {num_lost:,} of its {num_rows:,} rows are left out"
    return (part if part.groups else None), _fault(path, found)


@contextmanager
def blaming(parts: Sequence[Part]) -> Iterator[None]:
    """Look whether a fault of reading these parts comes from damage.

    Raises:
        DamageFound: it does; whoever reads again reads what is whole.
    """
    try:
        yield
    except _FAULTS:
        find_damage(parts)
        raise


def find_damage(parts: Sequence[Part]) -> None:
    """Look through parts at which a read has failed.

    Raises:
        DamageFound: some are damaged, which nobody knew.
    """
    unknown = [part for part in parts if part.path not in _DAMAGED]
    found = [part.path for part in unknown if not part.is_whole()]
    _DAMAGED.update(found)
    if found:
        raise DamageFound(", ".join(found))


def say_once(line: str) -> None:
    """Say once in a process, on standard error, what of the tables cannot be read."""
    if line not in _SAID:
        _SAID.add(line)
        with suppress(OSError, ValueError):  # standard error may be closed
            print(line, file=sys.stderr)


def _parse(handle: Any, name: str, path: str, *, is_mapped: bool) -> Part:  # noqa: ANN401
    seal, checked, source, metadata = seal_in(name), None, handle, None
    if seal is not None:
        checked = CheckedFile(handle, seal[0], is_mapped=is_mapped)
        source = pa.PythonFile(checked, mode="r")
        metadata = pq.read_metadata(pa.BufferReader(checked.end))
    # Of a damaged part, what is whole is not to be fetched together with what is not.
    file = pq.ParquetFile(source, metadata=metadata, pre_buffer=path not in _DAMAGED)
    about = json.loads(file.metadata.metadata[METADATA])
    if not has_keys(PurePosixPath(path).parent.name, file.schema_arrow.names):
        raise KeyError("columns that every table has are not there")
    return Part(
        name=name,
        path=path,
        handle=source,
        file=file,
        schema=file.schema_arrow.remove_metadata(),
        covers=frozenset(about["covers"]),
        retried=frozenset(about["retried"]),
        checked=checked,
    )


def _is_readable(file: pq.ParquetFile, number: int) -> bool:
    try:
        file.read_row_group(number).validate(full=True)
    except _FAULTS:
        return False
    return True


def _first_line(cause: BaseException) -> str:
    return str(cause).split("\n")[0][:200].rstrip(". ") or type(cause).__name__


def _fault(path: str, found: str) -> ResultsError:
    fix = "Restore it; or move it away, and what is lost is trained again by --resume."
    return ResultsError(path, "must be as it was written", found, fix)
