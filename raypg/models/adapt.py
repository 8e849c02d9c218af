"""A network of another library is changed where images are not ImageNet's.

It is told by its first convolution alone, in the order in which its modules were made.
"""

from typing import Any

import torch
from torch import nn


def adapt_channels(model: nn.Module, channels: int) -> None:
    """Let the first convolution take other images than those of three colours.

    One channel gets the sum of the weights over colours; any other number fresh ones.
    """
    path, conv = _first_conv(model)
    if conv.in_channels == channels:
        return
    fresh = _conv_like(conv, channels, conv.kernel_size)
    if channels == 1:
        with torch.no_grad():
            fresh.weight.copy_(conv.weight.sum(1, keepdim=True))
    if conv.bias is not None:
        fresh.bias = conv.bias
    _replace(model, path, fresh)


def shrink_stem(model: nn.Module) -> None:
    """Let the first convolution keep all pixels, and leave out the pooling after it."""
    path, conv = _first_conv(model)
    if max(conv.kernel_size) > 3:
        conv = _conv_like(conv, conv.in_channels, (3, 3))
        _replace(model, path, conv)
    conv.stride, conv.padding = (1, 1), tuple(side // 2 for side in conv.kernel_size)
    behind = False
    for other, module in model.named_modules():
        if behind and isinstance(module, nn.Conv2d):
            return
        if behind and isinstance(module, nn.MaxPool2d):
            return _replace(model, other, nn.Identity())
        behind = behind or module is conv


def _first_conv(model: nn.Module) -> tuple[str, nn.Conv2d]:
    """Where the first convolution is, and itself."""
    return next(
        (path, module)
        for path, module in model.named_modules()
        if isinstance(module, nn.Conv2d)
    )


def _conv_like(conv: nn.Conv2d, channels: int, kernel: tuple[int, ...]) -> nn.Conv2d:
    shape: Any = {
        "kernel_size": kernel,
        "stride": conv.stride,
        "padding": conv.padding,
    }
    has_bias = conv.bias is not None
    return nn.Conv2d(channels, conv.out_channels, **shape, bias=has_bias)


def _replace(model: nn.Module, path: str, module: nn.Module) -> None:
    holder, _, name = path.rpartition(".")
    setattr(model.get_submodule(holder), name, module)
