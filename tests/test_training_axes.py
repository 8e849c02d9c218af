"""Every setting of a training can be an axis: its values make trials that differ."""

from pathlib import Path

import pytest

from raypg.experiment import load_space
from raypg.experiment.asking import build_proposals

AXES: list[tuple[dict[str, object], str, list[object]]] = [
    ({}, "train.clip_norm", [0.0, 1.0]),
    ({}, "train.label_smoothing", [0.0, 0.1]),
    ({}, "train.early_stopping", [0, 2]),
    ({}, "train.micro_batch", [0, 16]),
    ({}, "train.ema", [0.0, 0.9, 0.99]),
    ({}, "train.swa_start", [0.0, 0.5]),
    ({"train.swa_start": 0.5}, "train.swa_lr", [0.0, 0.05]),
    ({}, "train.checkpoint_activations", [False, True]),
    ({}, "train.sync_batchnorm", [False, True]),
    ({}, "train.compile", ["off", "default"]),
    ({"model.name": "resnet"}, "model.stochastic_depth", [0.0, 0.5]),
    ({"model.name": "vit"}, "model.stochastic_depth", [0.0, 0.1]),
    ({"data.num_folds": 3}, "data.fold", [0, 1, 2]),
    (
        {},
        "schedule.name",
        [
            "constant",
            "cosine",
            "exponential",
            "multistep",
            "one_cycle",
            "plateau",
            "polynomial",
            "step",
        ],
    ),
    ({}, "schedule.warmup", [0.0, 0.1]),
    ({"schedule.name": "plateau"}, "schedule.patience", [1, 5]),
    ({"schedule.name": "step"}, "schedule.every", [0.25, 0.5]),
    (
        {},
        "optimizer.name",
        ["adam", "adamw", "lion", "muon", "nadam", "rmsprop", "sgd"],
    ),
]


@pytest.mark.parametrize(
    ("base", "axis", "values"), AXES, ids=lambda one: str(one)[:30]
)
def test_an_axis_makes_a_trial_of_each_value(
    base: dict[str, object], axis: str, values: list[object], tmp_path: Path
) -> None:
    file = tmp_path / "space.py"
    file.write_text(
        "from raypg import Ablation\n"
        f"SPACE = Ablation(base={base}, axes={{{axis!r}: {values}}}, seeds=2)\n"
    )
    proposals = build_proposals(load_space(file), [], device="cpu", num_workers=1)
    trials = [proposals.propose() for _ in range(2 * len(values))]
    assert len({trial.key for trial in trials if trial is not None}) == len(trials)
    assert proposals.propose() is None
