"""Whoever asks for a precision that the machine only emulates is told so."""

from pathlib import Path

import pytest

from raypg import processor
from raypg.config import Layer, load
from raypg.processor import SLOW_BF16, lacks_bf16, precision_notes
from tests.command import Command


@pytest.mark.parametrize(
    ("text", "is_slow"),
    [
        ("processor : 0\nflags\t\t: fpu sse avx2 avx512f\nflags\t\t: fpu\n", True),
        ("flags : fpu avx512_bf16\n", False),
        ("flags : fpu amx_bf16 amx_tile\n", False),
        ("Features : fp asimd bf16\n", False),
        ("Features : fp asimd\n", True),
        ("processor : 0\n", False),
    ],
)
def test_linux_tells_what_a_processor_has(
    tmp_path: Path, text: str, is_slow: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert lacks_bf16(tmp_path / "cpuinfo") == is_slow


def test_a_system_that_does_not_tell_is_trusted(tmp_path: Path) -> None:
    assert not lacks_bf16(tmp_path / "none")


def test_only_bf16_on_a_slow_cpu_is_worth_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fp32, bf16 = load([]), load([Layer("a test", {"train.precision": "bf16"})])
    monkeypatch.setattr(processor, "lacks_bf16", lambda: True)
    assert precision_notes([fp32, bf16], "cpu") == [SLOW_BF16]
    assert precision_notes([fp32], "cpu") == precision_notes([bf16], "cuda") == []
    monkeypatch.setattr(processor, "lacks_bf16", lambda: False)
    assert precision_notes([bf16], "cpu") == []


def test_a_plan_and_a_trial_say_so(
    tune: Command, train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "lacks_bf16", lambda: True)
    planned = ("space.py", "train.precision=bf16", "--plan=count")
    said = tune(*planned, "--gpus-per-worker", "0")
    assert (said.code, said.err) == (0, f"{SLOW_BF16}\n")
    # A cluster's nodes are other machines than this one.
    said = tune(*planned, "--gpus-per-worker", "0", "--address", "10.0.0.1:6379")
    assert (said.code, said.err) == (0, "")
    small = ("model.name=mlp", "train.epochs=1", "data.fraction=0.1")
    said = train(*small, "train.precision=bf16", "--device", "cpu")
    assert said.err.startswith(f"{SLOW_BF16}\n")
