"""What a network costs, told without running it: parameters, multiply-adds."""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

ImageShape = tuple[int, int, int]
"""Channels, height, width of one image."""


def num_parameters(model: nn.Module) -> int:
    """Trainable parameters; a shared one counts once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def count_flops(model: nn.Module, image_shape: ImageShape) -> int:
    """Multiply-adds of the forward pass of one image, as the papers count FLOPs.

    Runs on a twin on the meta device: no arithmetic, and the model stays as it is.
    Convolutions and matrix products count; norms and activations do not.
    """
    twin = copy.deepcopy(model).to("meta").eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        twin(torch.empty(1, *image_shape, device="meta"))
    return counter.get_total_flops() // 2  # torch counts two a multiply-add
