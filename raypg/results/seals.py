"""Checksums in live segments, so that no damaged byte becomes a value.

A segment is a stream of Arrow messages. Each has a seal at the end of its metadata,
where the format allows padding, so that pyarrow reads the stream as any other:

    FFFFFFFF | bytes | metadata, then a seal: mark, bytes, crc32, body bytes | body
"""

import struct
from typing import NamedTuple
from zlib import crc32

_SEAL = struct.Struct("<8sIIQ")
_MARK = b"\xffraypg\x01\xfe"
"""No text holds it: it is no UTF-8."""
_PREFIX_BYTES = 8


def seal_message(message: bytes) -> bytes:
    """A message of a stream, as pyarrow serialises it, with its seal."""
    size = int.from_bytes(message[4:_PREFIX_BYTES], "little")
    split = _PREFIX_BYTES + size
    head = message[:4] + (size + _SEAL.size).to_bytes(4, "little")
    head += message[_PREFIX_BYTES:split]
    body = message[split:]
    seal = _SEAL.pack(_MARK, size, crc32(body, crc32(head)), len(body))
    return head + seal + body


class Stream(NamedTuple):
    """What of a segment is as it was written."""

    content: bytes
    """The whole messages, as a stream; empty where the first one is not whole."""
    num_damaged: int
    """Bytes that were written, and are no whole message now."""
    num_torn: int
    """Bytes at the end, of a message that was never written to its end."""


def is_sealed(content: bytes) -> bool:
    """Whether a stream has seals; those from before there were any have none."""
    return _MARK in content


def whole_messages(content: bytes) -> Stream:
    """The messages of a sealed stream whose checksums are right, in their order."""
    pieces, is_first, end, reach = [], False, 0, 0
    view, at = memoryview(content), content.find(_MARK)
    while at >= 0:
        start, stop, is_whole = _message_around(view, at)
        reach = max(reach, stop if 0 <= start < stop <= len(content) else 0)
        if is_whole:
            is_first = is_first or start == 0
            pieces.append(view[start:stop])
            end = stop
        at = content.find(_MARK, stop if is_whole else at + 1)
    num_whole = sum(map(len, pieces)) if is_first else 0
    # A batch that is all there, and wrong, was not torn in its writing.
    num_torn = len(content) - max(end, reach)
    num_damaged = len(content) - num_torn - num_whole
    if not is_first:
        return Stream(b"", num_damaged, num_torn)
    whole = content[:end] if num_whole == end else b"".join(pieces)
    return Stream(whole, num_damaged, num_torn)


def _message_around(view: memoryview, at: int) -> tuple[int, int, bool]:
    """Where the message lies whose seal is there, and whether it is whole."""
    if at + _SEAL.size > len(view):
        return 0, 0, False
    _, size, checksum, body = _SEAL.unpack_from(view, at)
    start, split = at - size - _PREFIX_BYTES, at + _SEAL.size
    stop = split + body
    if start < 0 or stop > len(view):
        return start, stop, False
    found = crc32(view[split:stop], crc32(view[start:at]))
    return start, stop, found == checksum
