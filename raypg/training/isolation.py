"""A trial in a warm process gives what it gives in a fresh one.

Everything that one trial can leave behind for the next is set here, at its start and
in the thread that trains: thread counts are per thread (an OpenMP setting), and
`set_default_dtype` leaks across threads.
"""

import os
import random

import numpy as np
import torch

from raypg.training.heap import keep_heap
from raypg.training.world import World


def isolate(world: World, *, deterministic: bool) -> None:
    """Put the process-wide settings that training depends on where a trial expects it.

    Args:
        world: device and threads of this worker.
        deterministic: forbid cuDNN's choice of an algorithm by timing.
    """
    keep_heap()
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.set_num_threads(world.num_threads)
    torch.set_autocast_enabled(world.device.type, False)
    torch.set_autocast_cache_enabled(True)
    torch.clear_autocast_cache()
    torch.backends.cudnn.benchmark = not deterministic
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    # Read when cuBLAS starts; without it its results vary from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Not `use_deterministic_algorithms`, which imports the compiler's settings.
    torch.set_deterministic_debug_mode("warn" if deterministic else "default")
    # Filling every fresh tensor would cost a pass over memory for each of them.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010


def seed_generators(seed: int, world: World, epoch: int) -> None:
    """Put the global generators at the start of an epoch; 0 is before the first.

    What an epoch draws follows from the seed, the rank and the epoch alone, so that a
    state needs no place in a stream to go on from, whatever the number of workers, and
    dropout masks differ between ranks.
    """
    mixed = np.random.SeedSequence(seed, spawn_key=(world.rank, epoch))
    own = int(mixed.generate_state(1, np.uint64)[0])
    random.seed(own)
    np.random.seed(own % 2**32)
    # `torch.manual_seed` formats its caller's stack for each kind of accelerator.
    torch.default_generator.manual_seed(own)
    if world.device.type == "cuda":
        torch.cuda.manual_seed_all(own)
