"""A network of the user's own: a class or a function that gives a `torch.nn.Module`.

    class MyNet(nn.Module):
        def __init__(self, num_classes: int, in_channels: int, width: int = 32): ...

It has, by name, whatever it asks for of `num_classes`, `in_channels`, `image_size` (the
side of square images) and `image_shape` (channels, height, width); all its other
parameters are keys under `model.`.
"""

from typing import Any

from torch import nn

from raypg.models.anywhere import build_anywhere
from raypg.models.size import ImageShape
from raypg.own import OwnConfig, arguments_of, load_object


def build_own(
    config: OwnConfig, image_shape: ImageShape, num_classes: int
) -> nn.Module:
    """The network that the user's code gives; it draws its own weights."""
    target = load_object(config.name)
    arguments = arguments_of(target, config, _given(image_shape, num_classes))
    if arguments.get("image_size", 0) is None:
        _, height, width = image_shape
        told = f"asks for image_size, and images are {height}x{width}"
        raise ValueError(f"{config.name} {told}: let it ask for image_shape")
    model = build_anywhere(lambda: target(**arguments))
    if not isinstance(model, nn.Module):
        raise TypeError(f"{config.name} gave {type(model).__name__}, no nn.Module")
    return model


def _given(image_shape: ImageShape, num_classes: int) -> dict[str, Any]:
    channels, height, width = image_shape
    return {
        "num_classes": num_classes,
        "in_channels": channels,
        "image_size": height if height == width else None,
        "image_shape": image_shape,
    }
