"""What a trial of the store says of a training split: asked once a node, then mapped.

Shapes: N images · K classes.
"""

import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from raypg.config import Config
from raypg.data import Dataset, dataset_spec, load_dataset
from raypg.data.lock import hold_lock
from raypg.data.pipeline import Batches
from raypg.data.places import default_cache_dir
from raypg.errors import ConfigError, DataError
from raypg.models import build_model
from raypg.models.stages import find_stages
from raypg.sources.trials import Source, check_each, find_source
from raypg.sources.weights import read_weights, weights_digest
from raypg.store import Store
from raypg.training.parts import EVALUATION_BATCH
from raypg.training.transfer import Start, fit_weights
from raypg.training.world import World

KEY = "train.teacher"

Logits = NDArray[np.float16]

_LARGEST = 6e4
"""What half precision holds; beyond it a logit would be infinite."""


def read_logits(config: Config, data: Dataset, store: Store, world: World) -> Logits:
    """The teacher's answers to the training split, unaugmented, in half precision.

    The first process of a node asks the teacher, in fp32; the others wait for it and
    map what it wrote.

    Args:
        config: of the student.
        data: its data set.
        store: that has the teacher.
        world: where to ask.

    Raises:
        ConfigError: the teacher is not there, or has no checkpoint.
        CheckpointError: its checkpoint is damaged.
        DataError: the node's cache cannot be written.
    """
    source = find_source(store, config.train.teacher, KEY)
    name = f"{source.trial}-{weights_digest(store, source)}-{data.version}"
    path = default_cache_dir() / "teachers" / f"{name}-{len(data.train)}.npy"
    logits_NK = _load(path, data)
    if logits_NK is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with hold_lock(path.with_suffix(".lock")):
                logits_NK = _load(path, data)  # another process may have asked
                if logits_NK is None:
                    _save(path, _ask(source, data, store, world))
                    logits_NK = _load(path, data)
        except OSError as error:
            fix = "Set RAYPG_CACHE to a folder that can be written."
            raise DataError(str(path), "must be writable", str(error), fix) from error
    assert logits_NK is not None, "a file that was just renamed into place is whole"
    return logits_NK


def with_teacher(config: Config, data: Dataset, store: Store, world: World) -> Dataset:
    """The data set with what the config's teacher says of it; as it is without one.

    Raises:
        RaypgError: as `read_logits`.
    """
    if not config.train.teacher:
        return data
    return replace(data, teacher_NK=read_logits(config, data, store, world))


def check_teachers(configs: Iterable[Config], store: Store) -> None:
    """Hold the teachers that trials name against their data, before anything starts.

    Args:
        configs: of the trials.
        store: that has the teachers.

    Raises:
        ConfigError: one is not there, has no checkpoint, or has other classes or
            images: a line for each.
    """
    named = {
        (config.train.teacher, config.data): config
        for config in configs
        if config.train.teacher
    }
    check_each(named.values(), lambda config: _check_fit(config, store))


def _check_fit(config: Config, store: Store) -> None:
    source = find_source(store, config.train.teacher, KEY)
    own, theirs = dataset_spec(config.data), dataset_spec(source.config.data)
    where, fix = f'"{KEY}": {source.trial}', "Name a teacher of this data set."
    names = f"{source.config.data.name} and {config.data.name}"
    if theirs.num_classes != own.num_classes:
        found = f"{theirs.num_classes} and {own.num_classes} ({names})"
        raise ConfigError(where, "must have the student's classes", found, fix)
    if theirs.image_shape != own.image_shape:
        sizes = ["x".join(map(str, one.image_shape)) for one in (theirs, own)]
        found = f"{' and '.join(sizes)} ({names})"
        raise ConfigError(where, "must take the student's images", found, fix)
    if source.config.data.name != config.data.name:
        classes = [
            load_dataset(one.data).class_names for one in (source.config, config)
        ]
        if classes[0] != classes[1]:
            found = f"{_some(classes[0])} and {_some(classes[1])} ({names})"
            raise ConfigError(where, "must have the student's classes", found, fix)
    read_weights(store, source)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:2]) + ", …" * (len(names) > 2)


def _ask(source: Source, data: Dataset, store: Store, world: World) -> Logits:
    """The teacher's logits, image by image; its pixels are normalised as it learnt."""
    module = build_model(source.config.model, data.image_shape, data.num_classes)
    start = Start(read_weights(store, source), f'"{KEY}": {source.trial}')
    stages = find_stages(module, data.num_classes)
    module.load_state_dict(fit_weights(module, start, stages, new_head=False))
    module.to(world.device).eval()
    batches = Batches(
        data.train,
        load_dataset(source.config.data),
        source.config.data,
        batch_size_global=EVALUATION_BATCH,
        rank=0,
        num_workers=1,
        seed=0,
        device=world.device,
        channels_last=False,
        train=False,
    )
    with torch.inference_mode():
        rows = [
            module(images_BCHW).clamp(-_LARGEST, _LARGEST).half().cpu()
            for images_BCHW, _ in batches.epoch(0)
        ]
    logits_NK: Logits = torch.cat(rows).numpy()
    return logits_NK


def _load(path: Path, data: Dataset) -> Logits | None:
    """A whole file of the cache, mapped; None for anything else."""
    try:
        logits_NK: Logits = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    wanted = (len(data.train), data.num_classes)
    return logits_NK if logits_NK.shape == wanted else None


def _save(path: Path, logits_NK: Logits) -> None:
    making = path.with_name(f"{path.stem}.{uuid.uuid4().hex[:8]}.npy")
    try:
        np.save(making, logits_NK)
        making.rename(path)
    finally:
        making.unlink(missing_ok=True)
