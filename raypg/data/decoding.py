"""Images are decoded by as many processes as there are cores, straight into the cache.

Each process maps the arrays and writes rows of its own, so that no more is in memory
than a chunk a process, however many images there are.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from raypg.data.decoder import Chunk, Decoded, decode_chunk
from raypg.errors import DataError

CHUNK = 64
"""Images that a process is given at once."""
FEW = 256
"""So many are decoded before a process of Python has started (0.3 s)."""


def decode_images(chunks: Iterable[Chunk], num_images: int) -> list[Decoded]:
    """Decode all chunks; what came of them, in any order.

    Args:
        chunks: drawn one by one, as processes are ready for them.
        num_images: in all of them.

    Raises:
        DataError: a process ended in the middle of a chunk.
    """
    if num_images <= FEW:
        return [decode_chunk(chunk) for chunk in chunks]
    num_workers = min(num_cores(), -(-num_images // CHUNK))
    queue = _Queue(chunks)
    with ThreadPoolExecutor(num_workers) as pool:
        futures = [pool.submit(_feed_process, queue) for _ in range(num_workers)]
        try:
            return [one for future in futures for one in future.result()]
        finally:
            queue.close()


def num_cores() -> int:
    """The cores that this process may use, which not every system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Queue:
    """Chunks that several threads draw from one iterator, until it is closed."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = iter(chunks)
        self._lock = threading.Lock()
        self._is_closed = False

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            with self._lock:
                chunk = None if self._is_closed else next(self._chunks, None)
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        self._is_closed = True


def _feed_process(queue: _Queue) -> list[Decoded]:
    """Have one process decode what it can get of the queue."""
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    process = subprocess.Popen(
        [sys.executable, "-c", "from raypg.data.decoder import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        # A Ctrl-C is this process's, which then ends that one.
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    done = []
    try:
        for chunk in queue:
            try:
                pickle.dump(chunk, process.stdin)
                process.stdin.flush()
                done.append(pickle.load(process.stdout))
            except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
                queue.close()
                code = process.wait()
                first = chunk.images[0]
                where = first if isinstance(first, str) else f"{chunk.split} images"
                found = f"exit code {code} within {len(chunk.images)} images from it on"
                rule, fix = "must be decoded by a process that lives", "Is memory left?"
                raise DataError(where, rule, found, fix) from error
        return done
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
