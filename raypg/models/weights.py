"""The weights that a network starts with: He et al. 2015, as ResNet and DenseNet do."""

from typing import TypeVar

from torch import nn

_Network = TypeVar("_Network", bound=nn.Module)


def init_weights(model: _Network) -> _Network:
    """Draw fresh weights in place from torch's global generator; returns the model.

    Convolutions are normal with variance 2 / (kernel area x output channels), biases
    of linear layers are 0; the rest keeps torch's defaults (arXiv:1502.01852 and the
    Torch code that both papers started from).
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            if module.weight.is_meta:  # nothing to draw, and torch's compiler for it
                continue
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    return model
