"""What a trial's model says about every example, one small file a trial."""

import numpy as np
import pyarrow as pa

from raypg.results.schema import nest
from raypg.results.seals import seal_message
from raypg.store import Store

MAX_BYTES = 10_000_000
"""Above this only the predicted class and its probability are kept."""


def write_predictions(
    store: Store,
    sweep: str,
    trial: str,
    attempt: int,
    *,
    probabilities_NK: np.ndarray,
    labels_N: np.ndarray,
    table: str = "predictions",
) -> None:
    """Keep a trial's predictions; called by the worker, some 1 ms on a local store.

    The same attempt of a trial replaces what it wrote before; a later attempt
    replaces an earlier one.

    Args:
        store: where the sweep lives.
        sweep: its name.
        trial: the trial's id.
        attempt: which attempt of the trial, from 0.
        probabilities_NK: softmax outputs, float16; example by class.
        labels_N: the right classes, in the split's own order.
        table: `predictions` (validation) or `test_predictions`.
    """
    num_examples, num_classes = probabilities_NK.shape
    columns = {
        "sweep": pa.repeat(sweep, num_examples),
        "trial": pa.repeat(trial, num_examples),
        "attempt": pa.repeat(pa.scalar(attempt, pa.int32()), num_examples),
        "example": pa.array(np.arange(num_examples, dtype=np.int32)),
        "label": pa.array(labels_N.astype(np.int32)),
    }
    if probabilities_NK.nbytes <= MAX_BYTES:
        flat = pa.array(probabilities_NK.astype(np.float16, copy=False).reshape(-1))
        ends = np.arange(num_examples + 1, dtype=np.int32) * num_classes
        columns["probabilities"] = pa.ListArray.from_arrays(ends, flat)
    else:
        columns["predicted"] = pa.array(probabilities_NK.argmax(1).astype(np.int32))
        columns["probability"] = pa.array(probabilities_NK.max(1).astype(np.float32))
    batch = nest(columns)
    messages = (batch.schema.serialize(), batch.serialize())
    content = b"".join(seal_message(one.to_pybytes()) for one in messages)
    name = f"{sweep}/tables/{table}/{trial}-{attempt:05d}.arrows"
    store.write_whole(name, content)
