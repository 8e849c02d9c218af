"""Networks of torchvision and timm by name: `torchvision/convnext_tiny`, `timm/…`.

The library builds the network and draws its weights, and its defaults hold. Adapted to
the data are the number of classes, the first convolution (of pretrained weights it
takes the sum over colours where images have one channel) and, where a network is built
for one size of image, that size. Of torchvision's networks the stem, too: `small` gives
the first convolution stride 1 (and 3x3, where it is larger) and leaves out the pooling
before the second; a network that is built for one size keeps its own.
"""

import difflib
from functools import cache
from typing import Any

import torch
from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from raypg.errors import DataError
from raypg.models.adapt import adapt_channels, shrink_stem
from raypg.models.anywhere import build_anywhere
from raypg.models.size import ImageShape
from raypg.models.stem import Stem, has_large_stem
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class TorchvisionConfig:
    """The `model.*` names under `torchvision/NAME`, any of its classifiers."""

    name: str = Field(default="torchvision/resnet18")
    """`torchvision/` and what `torchvision.models.list_models()` calls it."""
    pretrained: bool = Field(default=False)
    """Start from its weights for ImageNet (a download); what is adapted to the data, as
    the classifier, starts afresh. Images are normalised by their own statistics."""
    stem: Stem = Field(default="auto")
    """`small` below 112 pixels; `large` is the network as torchvision has it."""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return _check_known(name, _torchvision_names())


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class TimmConfig:
    """The `model.*` names under `timm/NAME`, any of its models."""

    name: str = Field(default="timm/resnet18")
    """`timm/` and what `timm.list_models()` calls it."""
    pretrained: bool = Field(default=False)
    """Start from its weights (a download); the classifier starts afresh. Images are
    normalised by their own statistics."""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return _check_known(name, _timm_names())


def _check_known(name: str, known: frozenset[str]) -> str:
    library, _, own = name.partition("/")
    if not known:
        raise ValueError(f"needs {library}, which is not here: pip install {library}")
    # What timm puts behind a dot says which weights.
    if own.partition(".")[0] not in known:
        near = difflib.get_close_matches(own, sorted(known), 1)
        hint = f"nearest: {library}/{near[0]}" if near else f"it has {len(known)}"
        raise ValueError(f"must be a model of {library} ({hint})")
    return name


@cache
def _torchvision_names() -> frozenset[str]:
    from torchvision import models  # 2 s, and no network of ours needs it

    return frozenset(models.list_models(module=models))


@cache
def _timm_names() -> frozenset[str]:
    """Of all its models; none where timm is not installed."""
    try:
        import timm
    except ImportError:
        return frozenset()
    return frozenset(timm.list_models())


def build_torchvision(
    config: TorchvisionConfig, image_shape: ImageShape, num_classes: int
) -> nn.Module:
    """One of torchvision's classifiers, adapted to the data."""
    from torchvision import models

    name = config.name.partition("/")[2]
    sized = _size_arguments(name, image_shape)
    asked = {"num_classes": num_classes, **sized, **_single_output(name)}
    model = build_anywhere(lambda: models.get_model(name, weights=None, **asked))
    if config.pretrained and not next(model.parameters()).is_meta:
        _load_weights(model, name, image_shape)
    adapt_channels(model, image_shape[0])
    if not sized and not has_large_stem(config.stem, image_shape):
        shrink_stem(model)
    return model


def build_timm(
    config: TimmConfig, image_shape: ImageShape, num_classes: int
) -> nn.Module:
    """One of timm's models, which adapts itself."""
    import timm

    name = config.name.partition("/")[2]
    asked: dict[str, Any] = {"num_classes": num_classes, "in_chans": image_shape[0]}
    about = timm.get_pretrained_cfg(name)
    if about is not None and about.fixed_input_size:
        asked["img_size"] = image_shape[1:]
    has_weights = config.pretrained and torch.get_default_device().type != "meta"
    asked["pretrained"] = has_weights
    try:
        return build_anywhere(lambda: timm.create_model(name, **asked))
    except OSError as error:
        fix = "Fetch them where there is a network, into $HF_HOME."
        raise _no_weights(name, error, fix) from error


def _size_arguments(name: str, image_shape: ImageShape) -> dict[str, Any]:
    """What tells a torchvision network that is built for one size of that size."""
    if name.startswith("vit_"):
        return {"image_size": min(image_shape[1:])}
    return {"input_size": image_shape[1:]} if name.startswith("maxvit") else {}


def _single_output(name: str) -> dict[str, Any]:
    """What leaves GoogLeNet and Inception without auxiliary classifiers."""
    has_more = name in ("googlenet", "inception_v3")
    return {"aux_logits": False, "init_weights": True} if has_more else {}


def _load_weights(model: nn.Module, name: str, image_shape: ImageShape) -> None:
    """Take torchvision's weights for ImageNet where they have the model's shapes."""
    from torchvision import models
    from torchvision.models.vision_transformer import interpolate_embeddings

    weights = models.get_model_weights(name).DEFAULT
    try:
        state = weights.get_state_dict(progress=False, check_hash=True)
    except OSError as error:
        fix = f"Put {weights.url} into $TORCH_HOME/hub/checkpoints."
        raise _no_weights(name, error, fix) from error
    if name.startswith("vit_"):
        patch_size: Any = model.patch_size
        state = interpolate_embeddings(min(image_shape[1:]), patch_size, state)
    own = model.state_dict()
    fitting: dict[str, Tensor] = {
        key: value
        for key, value in state.items()
        if key in own and own[key].shape == value.shape
    }
    model.load_state_dict(own | fitting)


def _no_weights(name: str, error: OSError, fix: str) -> DataError:
    rule, found = f"must find the weights of {name}", " ".join(str(error).split())
    return DataError('"model.pretrained"', rule, found, fix)
