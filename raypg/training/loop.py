"""The one training function: `train(config, data, world, link, state) -> Outcome`."""

import time

import torch
from torch import Tensor

from raypg.config import Config
from raypg.data import Dataset
from raypg.errors import CheckpointError
from raypg.training.evaluation import Evaluation, check_finite, evaluate
from raypg.training.isolation import isolate, seed_generators
from raypg.training.link import Link, freeze
from raypg.training.outcome import Outcome
from raypg.training.parts import Parts, build_parts, restore_parts, snapshot
from raypg.training.state import State
from raypg.training.transfer import Start, set_training
from raypg.training.world import World

ASK_EVERY_S = 0.1
ASK_EVERY_STEPS = 4
"""How often rank 0 asks whether to stop: by the clock where it is alone, by steps
where others must come to the same answer at the same step."""


def train(
    config: Config,
    data: Dataset,
    world: World,
    link: Link,
    state: State | Start | None = None,
) -> Outcome:
    """Train one trial, from the start or from a state.

    It writes no file, knows no cluster, and gives the same bits in a warm process as in
    a fresh one. With several workers, every one of them calls it with the same
    arguments but for its rank and link.

    Args:
        config: the resolved config of the trial.
        data: the data set that `config.data` names.
        world: this worker's rank, device and threads; `torch.distributed` is set up
            where there are several.
        link: hears of each epoch, and may stop the trial.
        state: where to go on from, or weights to start from; None starts afresh.

    Raises:
        CheckpointError: the state is another network's or another optimizer's, or the
            config names weights or a teacher, and they did not come with it.
        TrialError: the loss is not finite.
    """
    if config.train.init and state is None:
        rule, fix = "must come with the weights that it names", "Hand over a Start."
        raise CheckpointError('"train.init"', rule, "none", fix)
    parts = _start(config, data, world, state if isinstance(state, Start) else None)
    parts.stepper.beat = link.beat
    parts.ask_teacher()
    if isinstance(state, State):
        restore_parts(parts, state)
    reason = _early_end(parts)
    while parts.epoch < config.train.epochs and not reason:
        if not _train_epoch(parts, link):
            return Outcome("stopped", "", parts.epoch, parts.best_epoch, parts.best)
        reason = _early_end(parts)
    return _completed(parts, reason)


def _start(
    config: Config, data: Dataset, world: World, start: Start | None = None
) -> Parts:
    isolate(world, deterministic=config.train.deterministic)
    seed_generators(config.seed, world, 0)
    return build_parts(config, data, world, start)


def _train_epoch(parts: Parts, link: Link) -> bool:
    """Train, evaluate and report the next epoch; False where it was told to stop."""
    started, compiled_s = time.perf_counter(), parts.compiled_s
    epoch = parts.epoch + 1
    parts.begin_epoch(epoch)
    sums = _learn(parts, link, epoch)
    if sums is None:
        return False
    loss, num_correct = parts.world.sum(sums).tolist()
    check_finite({"train.loss": loss})
    num_images = parts.batches.num_examples
    train_s = time.perf_counter() - started - (parts.compiled_s - compiled_s)
    if parts.average is not None:
        parts.average.take_epoch(epoch, parts.module, parts.stepper, parts.batches)
    val = evaluate(
        parts.stepper, parts.evaluated, parts.val_batches, metrics=parts.metrics
    )
    metrics = freeze(
        {
            "time": time.time(),
            "epoch_s": time.perf_counter() - started,
            "images_per_s": num_images / train_s,
            "lr": parts.stepper.lr,
            "train.loss": loss / num_images,
            "train.accuracy": num_correct / num_images,
            "val.loss": val.loss,
            "val.accuracy": val.accuracy,
            **val.metrics,
        }
    )
    if parts.config.train.compile != "off":
        metrics = {**metrics, "compile_s": parts.compiled_s - compiled_s}
    parts.note_epoch(epoch, metrics, val)
    link.report(epoch, metrics, lambda: snapshot(parts))
    return epoch == parts.config.train.epochs or not parts.world.agree(
        link.should_stop()
    )


def _learn(parts: Parts, link: Link, epoch: int) -> Tensor | None:
    """One pass over the training split.

    Returns:
        This worker's sums of loss and right predictions; None where the workers agreed
        to stop.
    """
    world, batches = parts.world, parts.batches
    seed_generators(parts.config.seed, world, epoch)
    set_training(parts.module)
    sums = torch.zeros(2, device=world.device)
    first_step = (epoch - 1) * batches.num_steps
    asked = time.perf_counter()
    lessons = parts.lessons.epoch(epoch) if parts.lessons else None
    for index, (images_BCHW, labels_B) in enumerate(batches.epoch(epoch)):
        parts.stepper.set_lr(first_step + index)
        size = batches.global_batch_size(index)
        teacher_BK = lessons[index] if lessons else None
        sums += parts.stepper.step(images_BCHW, labels_B, size, teacher_BK)
        if parts.average is not None:
            parts.average.take_step(parts.module)
        parts.stepper.beat()
        if world.num_workers > 1:
            is_time = (index + 1) % ASK_EVERY_STEPS == 0
        else:
            is_time = time.perf_counter() - asked > ASK_EVERY_S
        if is_time:
            asked = time.perf_counter()
            if world.agree(link.should_stop()):
                return None
            if world.num_workers == 1:
                # With several, one rank alone could see it here; all do at the end.
                check_finite({"train.loss": float(sums[0])})
    return sums


def _early_end(parts: Parts) -> str:
    """Why training ends before its last epoch; empty while it should go on."""
    patience = parts.config.train.early_stopping
    waited = parts.epoch - parts.best_epoch
    if patience and parts.epoch and waited >= patience:
        return f"early stopping: no better {parts.metric} in {waited} epochs"
    return ""


def _completed(parts: Parts, reason: str) -> Outcome:
    """Test the best epoch's weights, once, and gather what the workers hold."""
    val = parts.val or evaluate(parts.stepper, parts.evaluated, parts.val_batches)
    return Outcome(
        "completed",
        reason,
        parts.epoch,
        parts.best_epoch,
        parts.best,
        val=val.gather(parts.world),
        test=_test_best(parts),
        compile_s=sum(epoch.get("compile_s", 0.0) for epoch in parts.history),
    )


def evaluate_state(
    config: Config, data: Dataset, world: World, state: State
) -> Evaluation:
    """Test the best epoch that a state knows of, as the end of its trial does.

    Raises:
        CheckpointError: the state is another network's or another optimizer's.
        TrialError: the loss is not finite.
    """
    parts = _start(config, data, world)
    restore_parts(parts, state)
    return _test_best(parts)


def _test_best(parts: Parts) -> Evaluation:
    """The test split under the best epoch's weights; leaves them in the network."""
    parts.module.load_state_dict(parts.best_model)
    test = evaluate(parts.stepper, parts.module, parts.test_batches(), "test")
    return test.gather(parts.world)
