"""The whole command, as a shell runs it: what it prints where, and what it keeps."""

import json
import re
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.cluster.processes import MARK, family_of, plain_environment, wait_until

SPACE = """'''Which learning rate?'''
from raypg import *
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 8, "train.epochs": 2},
    axes={"optimizer.lr": [0.05, 0.1]}, seeds=2)
"""
LINE = re.compile(r"\[\d/\d\] .+ \(.+ left\)")


def run(
    folder: Path, *more: str, trains: bool = True
) -> subprocess.CompletedProcess[str]:
    """The command; when it has ended, all that it started has ended soon.

    Ray's agents look once a minute whether their raylet is gone (so without raypg).
    """
    mark = str(uuid.uuid4())
    process = subprocess.Popen(
        [sys.executable, "-m", "raypg.tune", "space.py", *more],
        cwd=folder,
        # Without this Ray's processes write their titles over their environment.
        env=plain_environment(**{MARK: mark, "SPT_NOENV": "1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen: set[str] = set()
    while process.poll() is None:
        seen |= names_of(mark)
        time.sleep(0.2)
    out, errors = process.communicate()
    # No family is empty because nobody could see it.
    assert seen == ({"raylet", "ray::"} if trains else set())
    wait_until(lambda: not family_of(mark), limit_s=80)
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


def names_of(mark: str) -> set[str]:
    """Which of Ray's kinds of process are among those that a command has started."""
    lines = []
    for process in family_of(mark):
        with suppress(psutil.Error):
            lines.append(" ".join(process.cmdline()))
    return {kind for kind in ("raylet", "ray::") for line in lines if kind in line}


@pytest.mark.slow
def test_a_command_on_a_pipe_gives_its_answer_and_a_line_an_event(
    tmp_path: Path,
) -> None:
    (tmp_path / "space.py").write_text(SPACE)
    first = run(tmp_path)
    assert first.returncode == 0, first.stderr
    lines = first.stderr.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert sum("completed" in line for line in lines) == 4
    assert re.search(r"^optimizer\.lr=0\.05 +2 +\d", first.stdout, re.MULTILINE)
    assert "optimizer.lr" in first.stdout.splitlines()[4]
    assert "Ask further: python -m raypg.results sql" in first.stdout
    about = json.loads((tmp_path / "runs/space/sweep.json").read_text())
    assert about["command"] == ["space.py"]
    assert about["config"]["model.hidden"] == 8

    again = run(tmp_path, trains=False)
    assert again.returncode == 0
    assert sum("cached" in line for line in again.stderr.splitlines()) == 4
    assert len(again.stderr.splitlines()) == 4


@pytest.mark.slow
def test_a_trial_that_fails_is_one_line_and_the_code_is_1(tmp_path: Path) -> None:
    (tmp_path / "space.py").write_text(SPACE.replace("0.05", "1e30"))
    said = run(tmp_path, "train.epochs=1")
    assert said.returncode == 1
    (line, *_) = failed = [one for one in said.stderr.splitlines() if "failed:" in one]
    assert len(failed) == 2  # one of each seed
    assert "train.loss: must be finite" in line
    assert "Traceback" not in said.stderr
