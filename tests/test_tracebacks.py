"""What is left of a traceback is what the user wrote."""

import json
import traceback
from collections.abc import Callable

import pytest
from torch import nn

from raypg.config import parse_overrides
from raypg.tracebacks import cut_traceback


def text_of(act: Callable[[], object]) -> str:
    """The traceback of what a call raises."""
    try:
        act()
    except Exception:
        return traceback.format_exc()
    raise AssertionError("nothing was raised")


class Broken(nn.Module):
    def forward(self, images: object) -> object:
        raise ValueError("two\n    lines")


def test_frames_of_torch_are_left_out() -> None:
    text = text_of(lambda: Broken()(None))
    assert "torch/nn/modules/module.py" in text
    head, *frames, first, second = cut_traceback(text).splitlines()
    assert head.startswith("Traceback")
    files = [line.split('"')[1] for line in frames if line.startswith("  File")]
    assert files == [__file__] * 3
    assert [first, second] == ["ValueError: two", "    lines"]


def test_frames_of_raypg_and_of_python_are_left_out() -> None:
    for act in (lambda: parse_overrides(["x"]), lambda: json.loads("{")):
        cut = cut_traceback(text_of(act))
        files = [line for line in cut.splitlines() if line.startswith("  File")]
        assert len(files) == 2
        assert all(__file__ in line for line in files)


def test_a_chain_keeps_all_that_was_raised() -> None:
    def act() -> None:
        try:
            json.loads("{")
        except ValueError as cause:
            raise KeyError("depth") from cause

    lines = cut_traceback(text_of(act)).splitlines()
    assert any(line.startswith("json.decoder.JSONDecodeError") for line in lines)
    assert lines[-1] == "KeyError: 'depth'"
    assert sum(line.startswith("Traceback") for line in lines) == 2


SENT = """Traceback (most recent call last):
  File "/tmp/ray/session/py_modules_files/_ray_pkg_1f/raypg/training/loop.py", line 9, in f
    check_finite({"train.loss": loss})
    ~~~~~~~~~~~~^^^^^^^^^^^^^^^^^^^^^
  [Previous line repeated 3 more times]
  File "<frozen runpy>", line 88, in _run_code
raypg.errors.TrialError: train.loss: must be finite
"""  # noqa: E501


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (SENT, "raypg.errors.TrialError: train.loss: must be finite"),
        ("", ""),
        ("its process died", "its process died"),
    ],
)
def test_without_a_line_of_the_users_what_was_raised_is_left(
    text: str, cut: str
) -> None:
    assert cut_traceback(text) == cut
