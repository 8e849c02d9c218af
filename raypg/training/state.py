"""Everything that a trial needs to go on, bit for bit, in another process.

Loads no torch until a state is copied, packed or unpacked: of the processes that a
worker group takes, three carry packed states and never look inside.
"""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raypg.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

STATE_FILE = "state.pt"
INDEX_FILE = "raypg.json"
FORMAT = 2
_READABLE = (1, 2)
"""Format 1 knew no average."""


@dataclass(frozen=True)
class State:
    """A trial at the end of an epoch; tensors lie on the host and are never written.

    Attributes:
        epoch: epochs done, from 1.
        model: the state dict.
        optimizer: the optimizer's state dict.
        scaler: the gradient scaler's state dict; empty without fp16.
        best: the best epoch so far: `epoch`, `metrics` and `model`.
        history: the metrics of every epoch so far, in order. They close the gap
            between a checkpoint and the tables.
        average: of the weights, where one is trained for; empty otherwise.

    There is no place in a stream of random numbers: each epoch starts its own.
    """

    epoch: int
    model: "dict[str, Tensor]"
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    best: dict[str, Any]
    history: list[dict[str, float]] = field(default_factory=list)
    average: dict[str, Any] = field(default_factory=dict)


def copy_to_host(value: Any) -> Any:  # noqa: ANN401 any tree of tensors
    """A copy of nested dicts, lists and tensors that later steps do not change."""
    import torch

    with torch.no_grad():
        return _copy(value, torch.Tensor, (torch.Tensor, torch.nn.Parameter))


def copy_weights(module: "Module") -> "dict[str, Tensor]":
    """The module's state dict, copied to the host."""
    # A detached view of each tensor, as it is by default, would cost as the copy does.
    weights: dict[str, Tensor] = copy_to_host(module.state_dict(keep_vars=True))
    return weights


def _copy(value: Any, tensor: "type[Tensor]", plain: tuple[type, ...]) -> Any:  # noqa: ANN401
    # A network has hundreds of small tensors, so that a call for each would count.
    if isinstance(value, dict):
        return {
            key: item.clone()
            if type(item) in plain and item.is_cpu
            # A device's, a tensor of another type, or a branch.
            else _copy(item, tensor, plain)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)([_copy(item, tensor, plain) for item in value])
    if isinstance(value, tensor):
        return value.clone() if value.is_cpu else value.to("cpu", copy=True)
    return value


def pack_state(state: State) -> bytes:
    """The state in torch's own file format, readable with `weights_only=True`."""
    import torch

    buffer = io.BytesIO()
    fields = {name: getattr(state, name) for name in state.__dataclass_fields__}
    torch.save(fields, buffer)
    return buffer.getvalue()


def unpack_state(data: bytes, where: str = "state") -> State:
    """The state in `data`.

    Raises:
        CheckpointError: the bytes are not a state. Nothing in them is executed.
    """
    import torch

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
    (folder / INDEX_FILE).write_text(build_index(data, epoch))


def build_index(data: bytes, epoch: int) -> str:
    """The content of the index of packed state."""
    digest = hashlib.sha256(data).hexdigest()
    return json.dumps(asdict(_Index(FORMAT, epoch, len(data), digest)))


def load_packed_state(folder: Path) -> bytes:
    """The packed state in a checkpoint's folder, as its index vouches for it.

    Raises:
        CheckpointError: a file is missing, cut short or damaged.
    """
    return read_packed_state(lambda name: (folder / name).read_bytes(), str(folder))


def read_packed_state(read: Callable[[str], bytes], where: str) -> bytes:
    """The packed state of a checkpoint wherever its files lie.

    Args:
        read: gives a file's content by its name, or raises an OSError.
        where: what errors call the checkpoint.

    Raises:
        CheckpointError: a file is missing, cut short or damaged.
        OSError: it cannot be read now.
    """
    try:
        index = _Index(**json.loads(read(INDEX_FILE)))
        data = read(STATE_FILE)
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError) as error:
        rule = f"must hold {STATE_FILE} and {INDEX_FILE}"
        raise CheckpointError(where, rule, str(error), _FALL_BACK) from error
    if index.format not in _READABLE:
        rule, found = f"must have format {FORMAT}, or an older one", str(index.format)
        raise CheckpointError(where, rule, found, "Another raypg wrote it.")
    digest = hashlib.sha256(data).hexdigest()
    if (len(data), digest) != (index.size_bytes, index.sha256):
        rule = f"{STATE_FILE} must have {index.size_bytes} bytes and its sha256"
        found = f"{len(data)} bytes, sha256 {digest[:12]}…"
        raise CheckpointError(where, rule, found, _FALL_BACK)
    return data


@dataclass(frozen=True)
class _Index:
    format: int
    epoch: int
    size_bytes: int
    sha256: str
