"""What W&B wrote for a run that it keeps offline: a LevelDB log of protobuf records."""

import importlib
import json
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BLOCK = 32 * 1024
HEADER = 7
"""Of the file, and of each piece in it: checksum, length, kind."""
WHOLE, LAST = 1, 4
"""Kinds of pieces that end a record."""


@dataclass
class Run:
    """A run as its file has it."""

    id: str = ""
    group: str = ""
    job_type: str = ""
    name: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    """One row a step, under dotted names."""
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None


def read_runs(folder: Path) -> list[Run]:
    """All runs under a folder; W&B writes the last of a run after its end."""
    for _ in range(100):
        runs = [
            _read(path) for path in sorted(folder.glob("wandb/offline-run-*/*.wandb"))
        ]
        if all(run.exit_code is not None for run in runs):
            break
        time.sleep(0.1)
    return runs


def _read(path: Path) -> Run:
    run = Run()
    for record in _records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            about = record.run
            run.id, run.name, run.tags = about.run_id, about.display_name, about.tags
            run.group, run.job_type = about.run_group, about.job_type
            run.tags = list(about.tags)
            for item in about.config.update:
                run.config[item.key] = json.loads(item.value_json)
        elif kind == "history":
            run.history.append(_items(record.history.item))
        elif kind == "summary":
            run.summary |= _items(record.summary.update)
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    return run


def _items(items: Any) -> dict[str, Any]:  # noqa: ANN401
    found: dict[str, Any] = {}
    for item in items:
        name = ".".join(item.nested_key) or item.key
        found |= _flat(name, json.loads(item.value_json))
    return found


def _flat(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= _flat(f"{name}.{key}", inner)
    return found


def _records(path: Path) -> Iterator[Any]:
    # Its stubs leave out most of what is in it.
    Record = importlib.import_module("wandb.proto.wandb_internal_pb2").Record
    data, at, whole = path.read_bytes(), HEADER, b""
    while at < len(data):
        rest = BLOCK - at % BLOCK
        if rest < HEADER:
            at += rest
            continue
        if len(data) - at < HEADER:
            return
        _, length, kind = struct.unpack_from("<IHB", data, at)
        piece = data[at + HEADER : at + HEADER + length]
        if len(piece) < length:
            return  # W&B is writing it
        whole += piece
        at += HEADER + length
        if kind in (WHOLE, LAST):
            record = Record()
            record.ParseFromString(whole)
            whole = b""
            yield record
