"""`examples/distillation.py`: the space that it writes asks its question."""

import importlib.util
from pathlib import Path

from raypg.experiment import parse_space
from raypg.experiment.trials import Resolver, resolve_arms

SCRIPT = Path(__file__).parents[2] / "examples" / "distillation.py"


def test_its_space_has_an_arm_without_a_teacher_and_one_a_temperature() -> None:
    spec = importlib.util.spec_from_file_location("distillation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    file = parse_space(module.SPACE.format(teacher="0" * 16), "temperature.py")
    arms, _ = resolve_arms(Resolver(file.path, file.space, ()))
    assert [arm.label for arm in arms] == [
        "baseline",
        "train.distill_temperature=1.0",
        "train.distill_temperature=2.0",
        "train.distill_temperature=8.0",
        "train.distill_weight=0.0",
    ]
