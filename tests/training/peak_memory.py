"""The most memory that one step of a DenseNet takes, in a process of its own."""

import re
import sys
from pathlib import Path

import torch

from raypg.models import DenseNetConfig, build_model
from raypg.models.recompute import recompute_activations
from raypg.training.heap import keep_heap, return_large_blocks


def peak_mb() -> float:
    """The most that this process has held; `getrusage` tells its parent's, too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def main(depth: int, batch_size: int, recomputes: bool) -> None:
    """Print the megabytes that a step takes beyond those of a small one."""
    torch.set_num_threads(1)
    keep_heap()  # as a process that trains does
    network = build_model(DenseNetConfig(depth=depth), (3, 32, 32), 10)
    if recomputes:
        recompute_activations(network)
        return_large_blocks()
    network(torch.randn(2, 3, 32, 32)).sum().backward()
    before = peak_mb()
    network(torch.randn(batch_size, 3, 32, 32)).sum().backward()
    print(round(peak_mb() - before))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "yes")
