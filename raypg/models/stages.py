"""A network from its first layers to its head: what is frozen, what learns how fast.

A stage is a part of the network under one name: a block, or a convolution or linear
layer with the norm behind it. The head is the last layer, whose outputs are classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn

from raypg.errors import suggest_name
from raypg.models import ModelConfig, build_model
from raypg.models.size import ImageShape

ALL_BUT_HEAD = "backbone"
"""What `train.freeze` may hold beside a number of stages and names."""


@dataclass(frozen=True)
class Stages:
    """The parameters of a network, by their names, from the first to the last."""

    stages: tuple[tuple[str, ...], ...]
    """Each with the names of its parameters; the head's are in none."""
    names: tuple[str, ...]
    """What each stage is called: the start of the names of its parameters."""
    head: tuple[str, ...]

    def frozen_by(self, freeze: str) -> frozenset[str]:
        """The parameters that `train.freeze` names.

        Raises:
            ValueError: it names no stage, or all of the network.
        """
        if not freeze:
            return frozenset()
        stages = list(self.stages)
        if freeze == ALL_BUT_HEAD:
            return frozenset(name for stage in stages for name in stage)
        if freeze.isdecimal():
            if int(freeze) > len(stages):
                raise ValueError(f"must be at most the {len(stages)} stages {self}")
            return frozenset(n for stage in stages[: int(freeze)] for n in stage)
        every = [name for stage in (*stages, self.head) for name in stage]
        found: set[str] = set()
        for prefix in (part.strip() for part in freeze.split(",")):
            own = {n for n in every if n == prefix or n.startswith(f"{prefix}.")}
            if not own:
                near = suggest_name(prefix, self.names).removeprefix("Known: ")
                hint = near if "mean" in near else str(self)
                raise ValueError(f'must name stages, and "{prefix}" is none {hint}')
            found |= own
        if len(found) == len(every):
            raise ValueError("must leave something to train")
        return frozenset(found)

    def __str__(self) -> str:
        return f"({', '.join(self.names)})"


def find_stages(model: nn.Module, num_classes: int) -> Stages:
    """The stages of a network, in the order in which it has them."""
    head = _head_of(model, num_classes)
    num_tensors = sum(1 for _ in model.parameters())
    grouped: list[tuple[str, list[str]]] = []
    for name, params in _parts(model, "", num_tensors):
        own = [(key, ndim) for key, ndim in params if key not in head]
        if not own:
            continue
        is_norm = all(ndim <= 1 for _, ndim in own)
        if is_norm and grouped:
            grouped[-1][1].extend(key for key, _ in own)
        else:
            grouped.append((name, [key for key, _ in own]))
    names = tuple(name for name, _ in grouped)
    return Stages(tuple(tuple(keys) for _, keys in grouped), names, head)


@lru_cache(maxsize=256)
def stages_of(config: ModelConfig, image_shape: ImageShape, num_classes: int) -> Stages:
    """The stages of the network that a config names, without its weights."""
    with torch.device("meta"):
        return find_stages(build_model(config, image_shape, num_classes), num_classes)


def _parts(
    module: nn.Module, prefix: str, num_tensors: int
) -> list[tuple[str, Sequence[tuple[str, int]]]]:
    """Names and parameters of a module's parts; a part that is most of it is opened."""
    parts: list[tuple[str, Sequence[tuple[str, int]]]] = [
        (prefix + name, [(prefix + name, param.ndim)])
        for name, param in module.named_parameters(recurse=False)
    ]
    for name, child in module.named_children():
        params = [
            (f"{prefix}{name}.{key}", param.ndim)
            for key, param in child.named_parameters()
        ]
        has_parts = any(True for _ in child.children())
        if has_parts and 2 * len(params) > num_tensors:
            parts += _parts(child, f"{prefix}{name}.", num_tensors)
        elif params:
            parts.append((prefix + name, params))
    return parts


def _head_of(model: nn.Module, num_classes: int) -> tuple[str, ...]:
    """The parameters of the last layer that has a row for each class."""
    layers = [
        (name, module)
        for name, module in model.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    outputs = [
        (name, module)
        for name, module in layers
        if module.__class__.__name__ in ("Linear", "Conv2d")
        and getattr(module, "weight").shape[0] == num_classes  # noqa: B009
    ]
    name, module = (outputs or layers)[-1]
    keys = (key for key, _ in module.named_parameters(recurse=False))
    return tuple(f"{name}.{key}" if name else key for key in keys)
