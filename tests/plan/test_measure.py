import subprocess
import sys
from dataclasses import asdict, replace
from typing import Any

import pytest

from raypg.config import Config, Layer, load
from raypg.errors import DataError, TrialError
from raypg.plan import measure as measuring
from raypg.plan.measure import measure, resident_bytes
from raypg.plan.processes import environment_of, measure_here
from raypg.plan.report import Report, Task, Timing, task_of
from raypg.plan.shapes import combine, shape_of

TINY: dict[str, object] = {"model.name": "mlp", "model.hidden": 8}


def shape(**train: object) -> Config:
    named = {f"train.{name}": value for name, value in train.items()}
    return shape_of(load([Layer("test", {**TINY, **named})]))


def task(*shapes: Config, num_workers: int = 1) -> Task:
    return task_of(
        shapes, device="cpu", num_threads=1, num_workers=num_workers, seconds=0.0
    )


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_shape_is_timed_by_its_own_training(precision: str) -> None:
    (timing,) = measure(task(shape(precision=precision))).timings
    assert timing.error == ""
    assert len(timing.step_s) == len(timing.image_s) == 3
    assert all(0 < seconds < 1 for seconds in [*timing.step_s, *timing.image_s])
    assert timing.num_steps == 3 * 18  # whole batches of 64 among 1,197
    assert timing.state_bytes > 3 * 4 * 74  # weights, momentum and the best weights


def test_memory_at_its_peak_is_no_less_than_before() -> None:
    report = measure(task(shape()))
    assert 0 < report.idle_bytes <= report.peak_bytes
    assert resident_bytes() <= resident_bytes("Peak")


def test_a_worker_is_timed_on_its_share_of_the_batch() -> None:
    (timing,) = measure(task(shape(), num_workers=2)).timings
    assert timing.num_steps == 3 * 20


def test_a_shape_that_fails_is_told_and_the_others_are_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = measuring.train

    def fail(config: Config, *rest: object) -> object:
        if config.train.precision == "bf16":
            raise MemoryError("too much")
        return real(config, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(measuring, "train", fail)
    bad, good = measure(task(shape(precision="bf16"), shape())).timings
    assert bad.error == "MemoryError: too much"
    assert good.step_s


def test_a_report_travels_as_text() -> None:
    report = Report([Timing([1.0], [2.0], 3, 4), Timing([], [], error="no")], 5, 6)
    assert Report.from_json(report.to_json()) == report


def test_processes_side_by_side_make_one_measurement() -> None:
    first = Report([Timing([1.0, 2.0], [0.1], 4, 99), Timing(error="no")], 0, 0)
    second = Report([Timing([4.0], [0.2], 4, 99), Timing(error="no")], 0, 0)
    good, bad = shape(), shape(precision="bf16")
    (found,) = combine([good, bad], [first, second]).items()
    assert found[0] == good
    assert asdict(found[1]) == {
        "step_s": (1.0, 4.0),
        "image_s": (0.1, 0.2),
        "state_bytes": 99,
        "num_steps": 8,
    }


def test_a_process_of_its_own_measures_as_this_one_does() -> None:
    (report,), ready_s = measure_here(task(shape()), 1, 0.0)
    assert report.timings[0].num_steps == 3 * 18
    assert ready_s > 0


def test_a_process_that_dies_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(TrialError, match="must live to train a step; found exit code"):
        measure_here(task(shape()), 1, 0.0)


def test_when_one_dies_the_others_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "import time; print('ready', flush=True); time.sleep(600)"
    commands = iter([["/bin/false"], [sys.executable, "-c", endless]])
    real = subprocess.Popen
    begun: list[subprocess.Popen[str]] = []

    def start(_: object, **options: Any) -> "subprocess.Popen[str]":  # noqa: ANN401
        begun.append(real(next(commands), **options))
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(TrialError, match="found exit code 1"):
        measure_here(task(shape()), 2, 0.0)
    assert [process.returncode for process in begun] == [1, -9]


def test_data_that_cannot_be_loaded_is_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(config: object) -> None:
        raise DataError("digits", "must be there", "nothing", "Fetch it.")

    monkeypatch.setattr(measuring, "load_dataset", refuse)
    (timing,) = measure(task(shape())).timings
    assert timing.error.startswith("DataError: digits: must be there")


def test_processes_share_the_gpus_as_trials_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    on_gpu = replace(task(shape()), device="cuda", num_threads=3)
    found = [environment_of(on_gpu, index, 0.5) for index in range(5)]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in found] == list("00110")
    assert {one["OMP_NUM_THREADS"] for one in found} == {"3"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert environment_of(on_gpu, 1, 1.0)["CUDA_VISIBLE_DEVICES"] == "7"
