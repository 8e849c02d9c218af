"""GPUs are Ray's resources: shares of one, one, several; declared, not there."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster.declared_gpus import NUM_GPUS
from tests.cluster.processes import plain_environment

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("share", "at_once"), [(0.5, 4), (1, 2), (2, 1)])
def test_as_many_trials_run_at_once_as_the_gpus_have_room_for(
    tmp_path: Path, share: float, at_once: int
) -> None:
    command = [sys.executable, "-m", "tests.cluster.declared_gpus", str(share)]
    environment = plain_environment(PYTHONPATH=str(Path(__file__).parents[2]))
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    held = [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]
    assert len(held) == 8
    assert {gpu for one in held for gpu in one["gpus"]} == set(range(NUM_GPUS))
    for one in held:
        beside = [o for o in held if o["from"] <= one["from"] < o["to"]]
        shares = Counter(gpu for other in beside for gpu in other["gpus"])
        assert max(shares.values()) <= max(1, 1 / share)
    most = max(sum(o["from"] <= one["from"] < o["to"] for o in held) for one in held)
    assert most == at_once
