"""Averages of a network's weights, which are tested and kept in the place of the last.

Of every step with decay (EMA), or of the ends of the last epochs (SWA, Izmailov et al.
2018, arXiv:1803.05407). Both are torch's.
"""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from raypg.config import TrainConfig
from raypg.data.pipeline import Batches
from raypg.training.step import Stepper


class WeightAverage:
    """The average of one trial.

    Batch norm's running statistics are averaged with the weights by EMA. Under SWA they
    are those of the averaged network, found by a pass over the training images after
    each of its epochs.
    """

    def __init__(self, config: TrainConfig, module: nn.Module) -> None:
        self._config = config
        average = None
        if config.ema:
            average = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]
        self._averaged = AveragedModel(
            module, multi_avg_fn=average, use_buffers=config.ema > 0
        )

    @property
    def module(self) -> nn.Module:
        """The network with the averaged weights."""
        return self._averaged.module

    @property
    def has_begun(self) -> bool:
        """Whether there is an average yet."""
        return bool(self._averaged.n_averaged > 0)

    def lr(self, epoch: int) -> float:
        """The rate that an epoch is to have whatever its schedule says; 0: none."""
        return self._config.swa_lr if self._is_swa(epoch) else 0.0

    def take_step(self, module: nn.Module) -> None:
        """Take in the weights after a step."""
        if self._config.ema:
            self._averaged.update_parameters(module)

    def take_epoch(
        self, epoch: int, module: nn.Module, stepper: Stepper, batches: Batches
    ) -> None:
        """Take in the weights after an epoch."""
        if self._is_swa(epoch):
            self._averaged.update_parameters(module)
            with stepper.autocast():
                update_bn(_images(epoch, stepper, batches), self.module)

    def state_dict(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        return self._averaged.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave.

        Raises:
            RuntimeError: it is another network's.
        """
        self._averaged.load_state_dict(state)

    def _is_swa(self, epoch: int) -> bool:
        start, epochs = self._config.swa_start, self._config.epochs
        return start > 0 and (epoch - 1) / epochs >= start


def build_average(config: TrainConfig, module: nn.Module) -> WeightAverage | None:
    """What the config asks for; None for the weights as they are."""
    return WeightAverage(config, module) if config.ema or config.swa_start else None


def _images(epoch: int, stepper: Stepper, batches: Batches) -> Iterator[Tensor]:
    for images_BCHW, *_ in batches.epoch(epoch):
        yield images_BCHW
        stepper.beat()
