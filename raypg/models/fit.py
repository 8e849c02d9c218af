"""Whether a network can take images of a size: asked before anything starts."""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from raypg.models import ModelConfig, build_model
from raypg.models.libraries import TimmConfig, TorchvisionConfig
from raypg.models.size import ImageShape
from raypg.models.vit import VitConfig
from raypg.own import OwnConfig
from raypg.own.fault import fault_of

_NEAR = 16
_SIDES = (32, 64, 128, 224, 256, 299, 384, 512)
"""Where a library's network may begin to work, beyond the next 16 sizes, which are all
tried; between two of these it is looked for by halves."""


class Misfit(NamedTuple):
    """What keeps a network from images of a size.

    Attributes:
        leaf: of `model.*`, which is at fault.
        rule: that the images break.
        fix: what to do.
    """

    leaf: str
    rule: str
    fix: str = "Choose another model or data set."


def find_misfit(
    config: ModelConfig, image_shape: ImageShape, num_classes: int = 2
) -> Misfit | None:
    """What keeps the network from images of this shape; None where it takes them."""
    if isinstance(config, OwnConfig):
        return _own_misfit(config, image_shape, num_classes)
    if isinstance(config, TorchvisionConfig | TimmConfig):
        rule = _library_rule(config, image_shape)
        return Misfit("name", rule) if rule else None
    smallest = config.smallest_side
    if min(image_shape[1:]) < smallest:
        rule = f"must have images of at least {smallest}x{smallest} pixels"
        if getattr(config, "stem", "") == "large":
            return Misfit("stem", rule, "Leave it to auto.")
        return Misfit("name", rule)
    if isinstance(config, VitConfig):
        patch = config.patch_side(image_shape)
        if any(side % patch for side in image_shape[1:]):
            rule = f"must cut images into whole patches, of {patch}x{patch} pixels here"
            return Misfit("patch_size", rule, "Set a divisor of their sides.")
    return None


@lru_cache(maxsize=256)
def _library_rule(
    config: TorchvisionConfig | TimmConfig, image_shape: ImageShape
) -> str:
    """A library's network states no rule, and is tried; "" where it takes the images.

    It may take some sizes and not those between, so that the next one is named.
    """
    if _is_published(config, image_shape) or _takes(config, image_shape):
        return ""
    if _takes(config, image_shape, device="cpu"):  # and meta lacks an operator
        return ""
    channels, low = image_shape[0], min(image_shape[1:])
    near = range(low + 1, low + 1 + _NEAR)
    larger = [*near, *(side for side in _SIDES if side > near[-1])]
    high = next((s for s in larger if _takes(config, (channels, s, s))), 0)
    if not high:
        return "must have images that it can take, and no size is known"
    low = near[-1]
    while high - low > 1:
        middle = (low + high) // 2
        if _takes(config, (channels, middle, middle)):
            high = middle
        else:
            low = middle
    return f"must have larger images, and the next that it takes are {high}x{high}"


@lru_cache(maxsize=256)
def _own_misfit(
    config: OwnConfig, image_shape: ImageShape, num_classes: int
) -> Misfit | None:
    """A network of the user's own is tried on two images, on meta if it runs there."""
    for device in ("meta", "cpu"):
        with torch.random.fork_rng(devices=[]), torch.device(device), torch.no_grad():
            try:
                model = build_model(config, image_shape, num_classes)
                if any(is_lazy(one) for one in model.parameters()):
                    rule = "must say the sizes of its layers"
                    return Misfit("name", f"{rule}, and has lazy ones", "State them.")
                output = model(torch.zeros(2, *image_shape))
            except Exception as cause:  # whatever the user's code raises
                _, found, fix = fault_of(cause, "")
                misfit = Misfit("name", f"must train on these images ({found})", fix)
                continue
        if isinstance(output, Tensor) and output.shape == (2, num_classes):
            if any(one.requires_grad for one in model.parameters()):
                return None
            return Misfit("name", "must have parameters to train", "It has none.")
        gave = type(output).__name__
        if isinstance(output, Tensor):
            gave = f"a tensor of shape {tuple(output.shape)}"
        wanted = f"must give a tensor of shape (B, {num_classes}) for B images"
        fix = "Let its last layer have num_classes outputs."
        return Misfit("name", f"{wanted}, and gives {gave} for 2", fix)
    return misfit


def _is_published(
    config: TorchvisionConfig | TimmConfig, image_shape: ImageShape
) -> bool:
    """Whether torchvision says that the network takes all images so large."""
    library, _, name = config.name.partition("/")
    if library != "torchvision" or name.startswith(("vit_", "maxvit")):
        return False
    from torchvision import models

    least: int = max(models.get_model_weights(name).DEFAULT.meta["min_size"])
    return min(image_shape[1:]) >= least


def _takes(
    config: TorchvisionConfig | TimmConfig,
    image_shape: ImageShape,
    device: str = "meta",
) -> bool:
    """Whether a batch of two such images goes through the network in training."""
    untrained = replace(config, pretrained=False)
    with torch.random.fork_rng(devices=[]), torch.device(device), torch.no_grad():
        try:
            build_model(untrained, image_shape, 2)(torch.zeros(2, *image_shape))
        except Exception:  # a network that is not ours raises anything
            return False
    return True
