"""A trial that starts from weights of another: taken over, frozen, slowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from raypg.config import TrainConfig
from raypg.errors import CheckpointError
from raypg.models.stages import Stages

FACTOR = "lr_factor"
"""Of a parameter group: what the learning rate of the trial is multiplied by there."""
_MOST_NAMED = 3


@dataclass(frozen=True)
class Start:
    """Weights that a trial starts from instead of drawing its own.

    Attributes:
        weights: a state dict, on the host; never written.
        where: what errors call them.
    """

    weights: Mapping[str, Tensor]
    where: str


def fit_weights(
    module: nn.Module, start: Start, stages: Stages, *, new_head: bool
) -> dict[str, Tensor]:
    """What a network takes over: all, or all but a head that has other classes.

    Args:
        module: the network; on the meta device, too.
        start: the weights.
        stages: of the network.
        new_head: whether the head starts afresh in any case.

    Raises:
        CheckpointError: they are another network's, or for images of another size.
    """
    own = module.state_dict()
    has_head = all(
        key in start.weights and start.weights[key].shape == own[key].shape
        for key in stages.head
    )
    left = set(stages.head) if new_head or not has_head else set()
    faults = [
        f"{key} of {_shape(start.weights.get(key))}, not {_shape(value)}"
        for key, value in own.items()
        if key not in left and _shape(start.weights.get(key)) != _shape(value)
    ]
    faults += [
        f"{key}, which the network does not have"
        for key in start.weights
        if key not in own and key not in stages.head
    ]
    if faults:
        rest = f" and {len(faults) - _MOST_NAMED} more" * (len(faults) > _MOST_NAMED)
        rule = "must be of the network that the config names, for images of its size"
        fix = "Take the source's model.* and images of its size."
        found = "; ".join(faults[:_MOST_NAMED]) + rest
        raise CheckpointError(start.where, rule, found, fix)
    return {key: start.weights[key] for key in own if key not in left}


def take_over(
    module: nn.Module, start: Start, stages: Stages, *, new_head: bool
) -> None:
    """Put the weights into the network; what they do not have stays as it was drawn.

    Raises:
        CheckpointError: they are another network's.
    """
    taken = fit_weights(module, start, stages, new_head=new_head)
    module.load_state_dict({**module.state_dict(), **taken})


def freeze(module: nn.Module, names: frozenset[str]) -> None:
    """Let these parameters stay as they are."""
    for name, param in module.named_parameters():
        if name in names:
            param.requires_grad_(False)


def set_training(module: nn.Module) -> None:
    """Training mode for all but what is frozen as a whole.

    There a norm goes on with the statistics that it came with, and nothing is dropped.
    """
    module.train()
    _rest(module)


def _rest(module: nn.Module) -> None:
    params = list(module.parameters())
    if params and not any(param.requires_grad for param in params):
        module.eval()
        return
    if any(not param.requires_grad for param in params):
        for child in module.children():
            _rest(child)


def set_rates(
    optimizer: Optimizer, module: nn.Module, stages: Stages, config: TrainConfig
) -> None:
    """Give each stage a rate of its own (Howard & Ruder 2018, section 3.2).

    The head has `train.head_lr_factor` times the trial's rate; below it, each stage has
    `train.layer_decay` times the rate of the one above, of which the first has as many
    factors less than the trial's. Groups stay as they are where all of this is 1.
    """
    if config.head_lr_factor == 1 and config.layer_decay == 1:
        return
    factors = dict.fromkeys(stages.head, config.head_lr_factor)
    for depth, stage in enumerate(reversed(stages.stages)):
        factors |= dict.fromkeys(stage, config.layer_decay ** (depth + 1))
    named = {id(param): factors[name] for name, param in module.named_parameters()}
    # Muon is two optimizers in one, each of which knows how many groups are its own.
    for part in (*getattr(optimizer, "parts", ()), optimizer):
        part.param_groups[:] = _split(part.param_groups, named)


def _split(
    groups: Sequence[dict[str, Any]], factors: Mapping[int, float]
) -> list[dict[str, Any]]:
    """Groups of one factor each, in the order of those that they are cut from."""
    found = []
    for group in groups:
        by_factor: dict[float, list[Tensor]] = {}
        for param in group["params"]:
            by_factor.setdefault(factors[id(param)], []).append(param)
        found += [
            {**group, "params": params, FACTOR: factor}
            for factor, params in by_factor.items()
        ]
    return found


def _shape(value: Tensor | None) -> str:
    if value is None:
        return "nothing"
    return "x".join(map(str, value.shape)) or "one number"
