"""What a network costs: parameters, and multiply-adds of an image."""

import copy

import torch
from torch import nn

ImageShape = tuple[int, int, int]
"""Channels, height, width of one image."""


def num_parameters(model: nn.Module) -> int:
    """Trainable parameters; a shared one counts once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def count_flops(model: nn.Module, image_shape: ImageShape) -> int:
    """Multiply-adds of the forward pass of one image, as the papers count FLOPs.

    Runs once, on a twin full of zeros, and the model stays as it is. Convolutions and
    matrix products count, attention's two among them (query by key, weights by value);
    norms, softmax and activations do not.
    """
    from torch.utils import flop_counter  # imports Triton

    # Torch would import its compiler to keep it out of here, 0.9 s in every process; on
    # the meta device, ReLU alone imports it (torch 2.15).
    dispatch = flop_counter._FlopCounterMode.__torch_dispatch__.__wrapped__  # type: ignore[attr-defined]
    dispatch.__dynamo_disable = dispatch
    twin = copy.deepcopy(model).eval().requires_grad_(False)
    twin._apply(_zeros)  # type: ignore[no-untyped-call]
    counter = flop_counter.FlopCounterMode(display=False)
    image_BCHW = torch.zeros(1, *image_shape)
    fused = torch.backends.mha.get_fastpath_enabled()
    # It is one operator to the counter, which knows nothing of what is in it.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), counter:
            twin(image_BCHW)
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops() // 2  # torch counts two a multiply-add


def _zeros(tensor: torch.Tensor) -> torch.Tensor:
    return torch.zeros(tensor.shape, dtype=tensor.dtype)
