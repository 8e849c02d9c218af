"""A trial in a warm process gives what it gives in a fresh one.

Everything that one trial can leave behind for the next is set here, at its start and
in the thread that trains: thread counts are per thread (an OpenMP setting), and
`set_default_dtype` leaks across threads.
"""

import random

import numpy as np
import torch

from raypg.training.world import World


def isolate(seed: int, world: World, *, deterministic: bool) -> None:
    """Put the process-wide state that training depends on where a trial expects it.

    Args:
        seed: the trial's seed; each rank draws from a stream of its own, so that
            dropout masks differ between ranks.
        world: device and threads of this worker.
        deterministic: forbid cuDNN's choice of an algorithm by timing.
    """
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.set_num_threads(world.num_threads)
    torch.backends.cudnn.benchmark = not deterministic
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    # Filling every fresh tensor would cost a pass over memory for each of them.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    torch.set_autocast_cache_enabled(True)
    rank_seed = seed + 1_000_003 * world.rank
    random.seed(rank_seed)
    np.random.seed(rank_seed % 2**32)
    torch.manual_seed(rank_seed)


def rng_states(device: torch.device) -> dict[str, torch.Tensor]:
    """The states of the global generators that a trial draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_rng(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put the global generators where `rng_states` found them."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
