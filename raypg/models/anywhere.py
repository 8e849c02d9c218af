"""Networks that are not ours, built where they know of nothing but the CPU."""

from collections.abc import Callable

import torch
from torch import nn


def build_anywhere(build: Callable[[], nn.Module]) -> nn.Module:
    """What is built, on the default device.

    Some builders read numbers from tensors, which meta has none of.
    """
    device = torch.get_default_device()
    try:
        return build()
    except (NotImplementedError, RuntimeError):
        if device.type != "meta":
            raise
        with torch.device("cpu"):
            return build().to(device)
