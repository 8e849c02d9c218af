"""Checksums in parts, so that no damaged byte becomes a value.

A part is a Parquet file that has the checksums of its blocks between its row groups
and its footer, where no reader of Parquet looks. The checksum of all that lies behind
the row groups is in the part's name, with the number of its rows:

    part-000001-ab12-<checksum>-<rows>.parquet

Parquet's own checksums leave out the footer and the headers of pages, where one flipped
bit gave other values.
"""

import io
import re
import struct
from typing import Any
from zlib import crc32

BLOCK_BYTES = 1 << 16
MOST_FETCHED_BYTES = 32_000_000
"""Of a part in a bucket that is fetched in one request, whatever is asked of it."""

_CHECKSUM = struct.Struct("<I")
_LENGTH = struct.Struct("<I4s")
"""The end of a Parquet file: the footer's bytes, and a mark."""
_NAME = re.compile(r"part-\d+-[0-9a-f]{4}-([0-9a-f]{8})-(\d+)\.parquet")


class BlockFault(OSError):
    """A part's bytes are not those that were written."""


def seal_part(content: bytes) -> tuple[bytes, str]:
    """A Parquet file with the checksums of its blocks, and that of its end, in hex."""
    length, _ = _LENGTH.unpack_from(content, len(content) - _LENGTH.size)
    footer = len(content) - _LENGTH.size - length
    view = memoryview(content)[:footer]
    blocks = [view[i : i + BLOCK_BYTES] for i in range(0, footer, BLOCK_BYTES)]
    end = b"".join(_CHECKSUM.pack(crc32(one)) for one in blocks) + content[footer:]
    return content[:footer] + end, f"{crc32(end):08x}"


def seal_in(name: str) -> tuple[int, int] | None:
    """The checksum and the number of rows in a part's name; None of an old one."""
    found = _NAME.fullmatch(name)
    return None if found is None else (int(found[1], 16), int(found[2]))


class CheckedFile(io.RawIOBase):
    """A part as pyarrow reads it, each block checked before the first of it is given.

    Args:
        handle: of the part, as the store opens it.
        checksum: of its end.
        is_mapped: whether the handle is a map of a local file, which costs no copy.

    Raises:
        BlockFault: its end is not as it was written; from `read`, a block is not.
    """

    def __init__(self, handle: Any, checksum: int, *, is_mapped: bool) -> None:  # noqa: ANN401
        size = handle.size()
        is_whole = is_mapped or size <= MOST_FETCHED_BYTES
        self._bytes = memoryview(handle.read_buffer()) if is_whole and size else None
        self._handle, self._size, self._place = handle, size, 0
        if size < _LENGTH.size:
            raise BlockFault(f"{size} bytes")
        length, _ = _LENGTH.unpack(self._take(size - _LENGTH.size, size))
        footer = size - _LENGTH.size - length
        # Behind n blocks lie their n checksums.
        num_blocks = -(-footer // (BLOCK_BYTES + _CHECKSUM.size))
        self._data = footer - num_blocks * _CHECKSUM.size
        self.end = b"" if self._data < 0 else bytes(self._take(self._data, size))
        """What lies behind the row groups: the footer, after the checksums."""
        if self._data < 0 or crc32(self.end) != checksum:
            raise BlockFault("its end is not as it was written")
        sums = self.end[: num_blocks * _CHECKSUM.size]
        self._checksums = [one for (one,) in _CHECKSUM.iter_unpack(sums)]
        self._is_checked = bytearray(num_blocks)

    def read(self, size: int = -1) -> Any:  # noqa: ANN401 bytes, or a view of them
        """The next bytes; without a copy where the file is mapped."""
        start = self._place
        stop = self._size if size < 0 else min(self._size, start + size)
        self._place = max(start, stop)
        if start >= self._data:
            return self.end[start - self._data : stop - self._data]
        own = self._checked(start, min(stop, self._data))
        return own if stop <= self._data else bytes(own) + self.end[: stop - self._data]

    def is_whole(self, start: int, stop: int) -> bool:
        """Whether the bytes between, of row groups, are as they were written."""
        try:
            self._checked(start, stop)
        except BlockFault:
            return False
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}
        self._place = base[whence] + offset
        return self._place

    def tell(self) -> int:
        """The place in the file."""
        return self._place

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def _take(self, start: int, stop: int) -> memoryview:
        if self._bytes is not None:
            return self._bytes[start:stop]
        return memoryview(self._handle.read_at(stop - start, start))

    def _checked(self, start: int, stop: int) -> memoryview:
        low = start - start % BLOCK_BYTES
        high = min(self._data, -(-stop // BLOCK_BYTES) * BLOCK_BYTES)
        piece = self._take(low, high)
        for place in range(low, high, BLOCK_BYTES):
            index = place // BLOCK_BYTES
            if not self._is_checked[index]:
                block = piece[place - low : place - low + BLOCK_BYTES]
                if crc32(block) != self._checksums[index]:
                    raise BlockFault(f"byte {place} or one in the block behind it")
                self._is_checked[index] = 1
        return piece[start - low : stop - low]
