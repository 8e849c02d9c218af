"""Everything that a trial needs to go on, bit for bit, in another process."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from raypg.errors import CheckpointError

STATE_FILE = "state.pt"
INDEX_FILE = "raypg.json"
FORMAT = 1


@dataclass(frozen=True)
class State:
    """A trial at the end of an epoch; tensors lie on the host and are never written.

    Attributes:
        trial: the trial's fingerprint, so that no state meets another trial.
        epoch: epochs done, from 1.
        model: the state dict.
        optimizer: the optimizer's state dict.
        scaler: the gradient scaler's state dict; empty without fp16.
        rng: the states of torch's generators, by device type.
        best: the best epoch so far: `epoch`, `value`, `metrics` and `model`.
        history: the metrics of every epoch so far, in order. They close the gap
            between a checkpoint and the tables.
        stale_epochs: epochs since the best one, for early stopping.
    """

    epoch: int
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    rng: dict[str, Tensor]
    best: dict[str, Any]
    history: list[dict[str, float]] = field(default_factory=list)
    trial: str = ""


def copy_to_host(value: Any) -> Any:  # noqa: ANN401 any tree of tensors
    """A copy of nested dicts, lists and tensors that later steps do not change."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: copy_to_host(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copy_to_host(item) for item in value)
    return value


def pack_state(state: State) -> bytes:
    """The state in torch's own file format, readable with `weights_only=True`."""
    buffer = io.BytesIO()
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__}
    torch.save(fields, buffer)
    return buffer.getvalue()


def unpack_state(data: bytes, where: str = "state") -> State:
    """The state in `data`.

    Raises:
        CheckpointError: the bytes are not a state. Nothing in them is executed.
    """
    try:
        fields = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
        return State(**fields)
    except Exception as error:
        rule = "must hold a raypg training state"
        found = f"{len(data)} bytes ({type(error).__name__})"
        raise CheckpointError(where, rule, found, _FALL_BACK) from error


_FALL_BACK = "An earlier checkpoint of the trial can be used."


def save_state(folder: Path, data: bytes, epoch: int) -> None:
    """Write packed state and, after it, the index that vouches for it."""
    (folder / STATE_FILE).write_bytes(data)
    index = _Index(FORMAT, epoch, len(data), hashlib.sha256(data).hexdigest())
    (folder / INDEX_FILE).write_text(json.dumps(asdict(index)))


def load_packed_state(folder: Path) -> bytes:
    """The packed state in a checkpoint's folder, as its index vouches for it.

    Raises:
        CheckpointError: a file is missing, cut short or damaged.
    """
    try:
        index = _Index(**json.loads((folder / INDEX_FILE).read_text()))
        data = (folder / STATE_FILE).read_bytes()
    except (OSError, ValueError, TypeError) as error:
        rule = f"must hold {STATE_FILE} and {INDEX_FILE}"
        raise CheckpointError(str(folder), rule, str(error), _FALL_BACK) from error
    check_packed_state(data, asdict(index), str(folder))
    return data


def check_packed_state(data: bytes, index: Mapping[str, Any], where: str) -> None:
    """Hold packed state against its index.

    Raises:
        CheckpointError: size or checksum differ.
    """
    digest = hashlib.sha256(data).hexdigest()
    if (len(data), digest) != (index.get("size_bytes"), index.get("sha256")):
        rule = f"{STATE_FILE} must have {index.get('size_bytes')} bytes and its sha256"
        found = f"{len(data)} bytes, sha256 {digest[:12]}…"
        raise CheckpointError(where, rule, found, _FALL_BACK)


@dataclass(frozen=True)
class _Index:
    format: int
    epoch: int
    size_bytes: int
    sha256: str
