"""`torch.compile` of a network, and the seconds that it costs."""

from torch import nn


def compile_network(network: nn.Module, mode: str) -> None:
    """Let a network be compiled when it is called; its weights keep their names.

    What earlier trials of the process had compiled is dropped first, so that a trial
    compiles what it would in a fresh process.

    Args:
        network: is changed itself.
        mode: of `torch.compile`.
    """
    import torch._dynamo

    torch._dynamo.reset()
    network.compile(mode=None if mode == "default" else mode)


def compiled_s() -> float:
    """The seconds that this process has spent compiling so far."""
    from torch._dynamo.utils import calculate_time_spent

    return calculate_time_spent()["total_wall_time"]
