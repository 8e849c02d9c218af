"""The moving parts of a trial: built, noted after each epoch, saved and restored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from raypg.config import Config
from raypg.data import Dataset, Split
from raypg.data.augment.mixing import Mixing
from raypg.data.pipeline import Batches
from raypg.errors import CheckpointError
from raypg.metrics import Metric, metric_mode, metrics_of
from raypg.models import build_model
from raypg.models.recompute import recompute_activations
from raypg.models.stages import find_stages
from raypg.optim import PlateauConfig, build_optimizer, plateau_factor
from raypg.training.average import WeightAverage, build_average
from raypg.training.class_weights import class_weights
from raypg.training.compiling import compile_network, compiled_s
from raypg.training.distillation import Lessons
from raypg.training.evaluation import Evaluation
from raypg.training.heap import return_large_blocks
from raypg.training.link import Metrics
from raypg.training.state import State, copy_to_host, copy_weights
from raypg.training.step import Stepper, build_scaler
from raypg.training.sync_norm import synchronise_norms
from raypg.training.transfer import Start, freeze, set_rates, take_over
from raypg.training.world import World

EVALUATION_BATCH = 512
"""Images of a global batch when nothing is learned: no gradients are kept then."""


@dataclass
class Parts:
    """A trial under way, all of it on the device of its world."""

    config: Config
    data: Dataset
    world: World
    module: nn.Module
    stepper: Stepper
    batches: Batches
    val_batches: Batches
    average: WeightAverage | None = None
    epoch: int = 0
    best_epoch: int = 0
    best: dict[str, float] = field(default_factory=dict)
    best_model: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    val: Evaluation | None = None
    lessons: Lessons | None = None
    """Where there is a teacher."""

    @property
    def metric(self) -> str:
        """What the best epoch is chosen by."""
        return self.config.train.metric

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """What an epoch is judged by beside loss and accuracy, by column."""
        return metrics_of(self.config.train.metrics, self.metric)

    @property
    def is_lower_better(self) -> bool:
        """Whether the least value of the metric is the best one."""
        return metric_mode(self.config.train.metrics, self.metric) == "min"

    @property
    def evaluated(self) -> nn.Module:
        """What is evaluated, tested and kept: the average where there is one."""
        if self.average is not None and self.average.has_begun:
            return self.average.module
        return self.module

    @property
    def compiled_s(self) -> float:
        """Seconds spent on compiling so far; 0 where nothing is compiled."""
        return compiled_s() if self.config.train.compile != "off" else 0.0

    def begin_epoch(self, epoch: int) -> None:
        """Put the rate where the epochs so far have left it."""
        if self.average is not None:
            self.stepper.fixed_lr = self.average.lr(epoch)
        schedule = self.config.schedule
        if isinstance(schedule, PlateauConfig):
            values = [metrics[self.metric] for metrics in self.history]
            self.stepper.cut = plateau_factor(
                schedule, values, is_loss=self.is_lower_better
            )

    def note_epoch(self, epoch: int, metrics: Metrics, val: Evaluation) -> None:
        """Take the results of a finished epoch, and its weights if it is the best."""
        self.epoch = epoch
        self.val = val
        self.history.append(dict(metrics))
        sign = -1.0 if self.is_lower_better else 1.0
        value = sign * metrics[self.metric]
        if not self.best_epoch or value > sign * self.best[self.metric]:
            self.best_epoch, self.best = epoch, dict(metrics)
            self.best_model = copy_weights(self.evaluated)

    def ask_teacher(self) -> None:
        """Have the teacher's answers beside the images, where there is one.

        Raises:
            CheckpointError: the config names one, and the data have no answers.
        """
        if not self.config.train.teacher:
            return
        if self.data.teacher_NK is None:
            rule, fix = "must come with its answers", "Hand over data that have them."
            raise CheckpointError('"train.teacher"', rule, "none", fix)
        logits_NK = self.data.teacher_NK
        self.lessons = Lessons(logits_NK, self.batches, self.world.device)

    def test_batches(self) -> Batches:
        """The test split, in its order."""
        return _build_batches(self.config, self.data, self.world, self.data.test)


def build_parts(
    config: Config, data: Dataset, world: World, start: Start | None = None
) -> Parts:
    """A trial before its first epoch; weights come from torch's global generator.

    Args:
        config: of the trial.
        data: its data set.
        world: this worker.
        start: weights to take over.

    Raises:
        CheckpointError: these are another network's.
    """
    memory_format = (
        torch.channels_last if config.train.channels_last else torch.contiguous_format
    )
    module = build_model(config.model, data.image_shape, data.num_classes)
    stages = find_stages(module, data.num_classes)
    if start is not None:
        take_over(module, start, stages, new_head=config.train.new_head)
    freeze(module, stages.frozen_by(config.train.freeze))
    if config.train.checkpoint_activations:
        return_large_blocks()
        module = recompute_activations(module) or module
    module = module.to(world.device, memory_format=memory_format)  # type: ignore[call-overload]
    if config.train.sync_batchnorm:
        module = synchronise_norms(module, world)
    if config.train.compile != "off":
        compile_network(module, config.train.compile)
    model: nn.Module = module
    if world.num_workers > 1:
        ids = [world.device.index or 0] if world.device.type == "cuda" else None
        model = DistributedDataParallel(module, device_ids=ids)
    optimizer = build_optimizer(config.optimizer, module)
    set_rates(optimizer, module, stages, config.train)
    scaler = build_scaler(config, world)
    build = partial(_build_batches, config, data, world)
    batches = build(data.train, is_train=True)
    num_steps = batches.num_steps * config.train.epochs
    stepper = Stepper(config, world, model, optimizer, scaler, num_steps)
    weights_K = class_weights(config.train, data.train.labels_N, data.num_classes)
    if weights_K is not None:
        stepper.weights_K = weights_K.to(world.device)
    average = build_average(config.train, module)
    val_batches = build(data.val)
    return Parts(config, data, world, module, stepper, batches, val_batches, average)


def _build_batches(
    config: Config, data: Dataset, world: World, split: Split, is_train: bool = False
) -> Batches:
    return Batches(
        split,
        data,
        config.data,
        batch_size_global=config.train.batch_size
        if is_train
        else _evaluation_batch(config, world),
        rank=world.rank,
        num_workers=world.num_workers,
        seed=config.seed,
        device=world.device,
        channels_last=config.train.channels_last,
        train=is_train,
        mixing=Mixing(config.train.mixup, config.train.cutmix),
    )


def _evaluation_batch(config: Config, world: World) -> int:
    most = config.train.micro_batch * world.num_workers
    return min(EVALUATION_BATCH, most) if most else EVALUATION_BATCH


def snapshot(parts: Parts) -> State:
    """The trial at the end of its last epoch; costs a copy of its tensors.

    The best weights are a copy already, which nothing changes, so that they are shared;
    of an epoch that is the best they are the model's, too, if nothing is averaged.
    """
    is_best = parts.epoch > 0 and parts.epoch == parts.best_epoch
    is_best = is_best and parts.evaluated is parts.module
    average = parts.average.state_dict() if parts.average is not None else {}
    model = parts.best_model if is_best else copy_weights(parts.module)
    return State(
        epoch=parts.epoch,
        model=model,
        optimizer=copy_to_host(parts.stepper.optimizer.state_dict()),
        scaler=copy_to_host(parts.stepper.scaler.state_dict()),
        best={
            "epoch": parts.best_epoch,
            "metrics": dict(parts.best),
            "model": parts.best_model,
        },
        history=[dict(metrics) for metrics in parts.history],
        average=copy_to_host(average),
    )


def restore_parts(parts: Parts, state: State) -> None:
    """Put the trial where `state` left it; every rank takes the state of rank 0.

    Raises:
        CheckpointError: the state is another network's or another optimizer's.
    """
    optimizer = parts.stepper.optimizer
    groups = optimizer.param_groups
    own = [{k: v for k, v in one.items() if k != "params"} for one in groups]
    try:
        parts.module.load_state_dict(state.model)
        # A copy: the optimizer would keep these very tensors, and change them.
        optimizer.load_state_dict(copy_to_host(state.optimizer))
        # The config's word counts: a member of a population goes on with other values.
        for group, values in zip(optimizer.param_groups, own, strict=True):
            group.update(values)
        if state.scaler:
            parts.stepper.scaler.load_state_dict(state.scaler)
        if parts.average is not None:
            parts.average.load_state_dict(state.average)
    except (RuntimeError, ValueError, KeyError) as error:
        found = str(error).strip().splitlines()[0]
        fix = "Is it another trial's?"
        rule = "must be of the network and optimizer that the config names"
        raise CheckpointError("state", rule, found, fix) from error
    parts.epoch = state.epoch
    parts.best_epoch = state.best["epoch"]
    parts.best = dict(state.best["metrics"])
    parts.best_model = state.best["model"]
    parts.history = [dict(metrics) for metrics in state.history]
