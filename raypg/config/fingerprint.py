"""What makes two trials the same trial."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property

from raypg.config.code import training_code
from raypg.config.own import own_code_of, portable_leaves
from raypg.config.tree import Config, Leaf, flatten
from raypg.data import data_version, unaltered

_ALTERS_NOTHING = ("data.root",)
_LATER: Mapping[str, Leaf] = {
    "schedule.warmup@multistep": 0.0,
    "schedule.warmup@constant": 0.0,
    "data.num_folds": 0,
    "data.fold": 0,
    "data.auto_augment": "none",
    "data.ra_num_ops": 2,
    "data.ra_magnitude": 9,
    "data.cutout": 0,
    "data.random_erasing": 0.0,
    "model.stochastic_depth": 0.0,
    "train.checkpoint_activations": False,
    "train.metrics": "",
    "train.mixup": 0.0,
    "train.cutmix": 0.0,
    "train.class_weights": "none",
    "train.effective_beta": 0.999,
    "train.tta": "none",
    "train.compile": "off",
    "train.sync_batchnorm": False,
    "train.ema": 0.0,
    "train.swa_start": 0.0,
    "train.swa_lr": 0.0,
    "train.init": "",
    "train.new_head": False,
    "train.freeze": "",
    "train.head_lr_factor": 1.0,
    "train.layer_decay": 1.0,
    "train.teacher": "",
    "train.distill_temperature": 4.0,
    "train.distill_weight": 0.9,
}
"""Keys that trials were stored without, and values that are as if they were not there:
then they are no part of the hash. Behind @ stands a choice, where others had one."""

# A sweep of 10,000 trials asks 10,000 times, and looks up the files each time.
_known_version = cache(data_version)


@dataclass(frozen=True)
class Fingerprint:
    """All that a trial's numbers follow from; equal ones train to equal numbers."""

    config: str
    """Hash of every leaf but where the data lies."""
    data: str
    """Content of the data set and its split."""
    code: Mapping[str, str]
    """The files that train it, and a hash of each."""
    device: str
    """`cpu` or `cuda`: kernels differ in the last bits."""
    torch: str
    """Its major and minor version."""
    num_workers: int
    """Sums of N parts differ from those of one in the last bits, batch statistics in
    more; so it always counts. The number of threads is a column, and no part."""

    @cached_property
    def key(self) -> str:
        """16 hex digits: the column `trial`."""
        return _hash(asdict(self))


def fingerprint(config: Config, *, device: str, num_workers: int) -> Fingerprint:
    """The fingerprint of a trial that would run here and now.

    Args:
        config: resolved, seed included.
        device: its type, `cpu` or `cuda`.
        num_workers: of the trial.
    """
    leaves = flatten(config)
    return Fingerprint(
        config=config_hash(config),
        data=_known_version(unaltered(config.data)),
        code={
            **training_code(config.model.name, config.data.name),
            **own_code_of(leaves),
        },
        device=device,
        torch=_torch_version(),
        num_workers=num_workers,
    )


@cache
def _torch_version() -> str:
    # The package's metadata are read and parsed anew each time: 2 ms a trial.
    major, minor, *_ = importlib.metadata.version("torch").split(".")
    return f"{major}.{minor}"


def config_hash(config: Config) -> str:
    """16 hex digits of the leaves that alter numbers, whatever their order."""
    leaves = portable_leaves(flatten(config))
    return _hash({k: _plain(v) for k, v in leaves.items() if _counts(k, leaves)})


def _counts(key: str, leaves: Mapping[str, Leaf]) -> bool:
    choice = leaves.get(f"{key.partition('.')[0]}.name")
    without = _LATER.get(key, _LATER.get(f"{key}@{choice}"))
    return key not in _ALTERS_NOTHING and (without is None or leaves[key] != without)


def _plain(value: Leaf) -> Leaf:
    # -0.0 equals 0.0, and is written otherwise.
    if isinstance(value, float):
        return value + 0.0
    return [item + 0.0 for item in value] if isinstance(value, list) else value


def _hash(parts: object) -> str:
    # json writes a float as repr does: the shortest text that is this float again.
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
