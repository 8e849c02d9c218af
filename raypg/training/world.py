"""Who trains a trial: one of how many workers, where, with how many threads."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class World:
    """One worker's place among the workers of a trial."""

    rank: int
    """This worker, in [0, num_workers)."""
    num_workers: int
    device: torch.device
    num_threads: int
    """CPU threads of this worker; never torch's default, which is every core."""

    @property
    def is_first(self) -> bool:
        """Whether this worker reports, saves and asks whether to stop."""
        return self.rank == 0

    def agree(self, flag: bool) -> bool:
        """What rank 0 says, told to all ranks, so that they stop together."""
        if self.num_workers == 1:
            return flag
        told = torch.tensor([int(flag)], device=self.device)
        dist.broadcast(told, src=0)
        return bool(told.item())

    def sum(self, values: Tensor) -> Tensor:
        """The sum of `values` over all workers, in place."""
        if self.num_workers > 1:
            dist.all_reduce(values)
        return values

    def tell(self, values: Tensor) -> Tensor:
        """The values of rank 0, in place."""
        if self.num_workers > 1:
            dist.broadcast(values, src=0)
        return values

    def gather_rows(self, rows_NK: Tensor) -> Tensor:
        """The shares of all workers under one another, in order of rank."""
        if self.num_workers == 1:
            return rows_NK
        shares: list[Tensor | None] = [None] * self.num_workers
        dist.all_gather_object(shares, rows_NK.cpu())
        return torch.cat([share for share in shares if share is not None])


def alone(device: str = "cpu", num_threads: int = 1) -> World:
    """The world of a trial with one worker."""
    return World(0, 1, torch.device(device), num_threads)
