"""The best epoch's weights of a trial of the store, fetched once a node.

The copy has the weights alone: the checkpoint has the optimizer's state and the last
epoch's, too, and lies in a bucket perhaps.
"""

import json
import pickle
import uuid
from pathlib import Path

import torch
from torch import Tensor

from raypg.checkpoints import patiently, read_checkpoint
from raypg.data.lock import hold_lock
from raypg.data.places import default_cache_dir
from raypg.errors import DataError
from raypg.sources.trials import Source
from raypg.store import Store
from raypg.training.state import INDEX_FILE, unpack_state


def read_weights(store: Store, source: Source) -> dict[str, Tensor]:
    """A state dict on the host, mapped from this node's copy; not to be written.

    Raises:
        CheckpointError: the checkpoint is missing, cut short or damaged.
        DataError: the node's cache cannot be written.
    """
    digest = weights_digest(store, source)
    path = default_cache_dir() / "weights" / f"{source.trial}-{digest}.pt"
    weights = _load(path)
    if weights is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with hold_lock(path.with_suffix(".lock")):
                weights = _load(path)  # another process may have fetched it
                if weights is None:
                    weights = _fetch(store, source, path)
        except OSError as error:
            fix = "Set RAYPG_CACHE to a folder that can be written."
            raise DataError(str(path), "must be writable", str(error), fix) from error
    return weights


def weights_digest(store: Store, source: Source) -> str:
    """Some letters of the checksum of its checkpoint.

    The same trial, trained twice, need not have the same weights on two machines.
    """
    index = patiently(lambda: store.read(f"{source.folder}/{INDEX_FILE}"), store)
    return str(json.loads(index)["sha256"])[:12]


def _load(path: Path) -> dict[str, Tensor] | None:
    """The weights of a whole copy; None for anything else."""
    try:
        weights: dict[str, Tensor] = torch.load(
            path, weights_only=True, map_location="cpu", mmap=True
        )
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return None
    return weights


def _fetch(store: Store, source: Source, path: Path) -> dict[str, Tensor]:
    """Read the checkpoint and write the copy, whole or not at all."""
    packed = patiently(lambda: read_checkpoint(store, source.folder), store)
    weights: dict[str, Tensor] = unpack_state(packed, source.folder).best["model"]
    making = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        torch.save(weights, making)
        making.rename(path)
    finally:
        making.unlink(missing_ok=True)
    return weights
