"""`examples/distillation.py`: its space asks its question, and it runs to its end."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from raypg.experiment import parse_space
from raypg.experiment.trials import Resolver, resolve_arms
from raypg.results import open_results
from raypg.store import Store
from tests.cluster.processes import plain_environment

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


@pytest.mark.slow
def test_it_trains_the_teacher_and_its_students(tmp_path: Path) -> None:
    store = tmp_path / "runs"
    done = subprocess.run(
        [sys.executable, SCRIPT, "--store", store, "train.epochs=1"],
        cwd=tmp_path,
        env=plain_environment(RAYPG_CACHE=str(tmp_path / "cache")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = open_results(Store(str(store)))
    (teacher,) = results.trials("train")
    students = results.trials("temperature")
    assert [row["status"] for row in students] == ["completed"] * 15
    assert {row["config.train.teacher"] for row in students} == {teacher["trial"]}
    assert len({row["arm"] for row in students}) == 5
