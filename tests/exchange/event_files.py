"""TensorBoard's event files, record by record, each checked by its sums."""

import struct
from collections.abc import Iterator
from pathlib import Path

from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

Scalar = tuple[int, float, float]
"""Step, value, wall time."""


def read_scalars(folder: Path) -> dict[str, list[Scalar]]:
    """The scalars of one run by tag."""
    found: dict[str, list[Scalar]] = {}
    for event in _events(folder):
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                scalar = (event.step, value.simple_value, event.wall_time)
                found.setdefault(value.tag, []).append(scalar)
    return found


def read_hparams(folder: Path) -> dict[str, object]:
    """What the HPARAMS page shows of one run."""
    for event in _events(folder):
        for value in event.summary.value:
            data = HParamsPluginData.FromString(value.metadata.plugin_data.content)
            if data.session_start_info.hparams:
                return {
                    name: getattr(own, own.WhichOneof("kind"))
                    for name, own in data.session_start_info.hparams.items()
                }
    return {}


def _events(folder: Path) -> Iterator[Event]:
    (path,) = folder.glob("events.out.tfevents.*")
    data, at = path.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        assert struct.unpack_from("<I", data, at + 8) == (_masked(data[at : at + 8]),)
        content = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 12 + length) == (_masked(content),)
        yield Event.FromString(content)
        at += 16 + length


def _masked(data: bytes) -> int:
    found: int = crc32c(data)
    return (((found >> 15) | (found << 17)) + 0xA282EAD8) & 0xFFFFFFFF
