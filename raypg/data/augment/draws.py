"""Random numbers of an epoch: for each kind of augmentation a stream of its own."""

import numpy as np
import torch

STREAMS = ("order", "policy", "cutout", "random_erasing", "mixing")
"""Never in another order, as a place is a seed. What one draws moves no other, so that
arms with and without an augmentation see the same examples, crops and mirrors."""


def seed_stream(seed: int, epoch: int, stream: str) -> np.random.SeedSequence:
    """Where the draws of a stream start; the same for all workers."""
    place = STREAMS.index(stream)
    # Of three numbers: those of two seed the dropout of a rank.
    key = (epoch, place, 0) if place else (epoch,)
    return np.random.SeedSequence(seed, spawn_key=key)


def build_generator(seed: int, epoch: int, stream: str) -> torch.Generator:
    """A generator on the CPU at the start of a stream. No other one is touched."""
    state = seed_stream(seed, epoch, stream).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))
