"""An experiment's folder as Tune (Ray 2.60) leaves it, written by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PICKLED = {"_type": "CLOUDPICKLE_FALLBACK", "value": "80054e2e"}


def write_trial(
    experiment: Path,
    trial: str,
    config: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    *,
    is_done: bool = False,
    error: str = "",
) -> Path:
    """The folder of one trial; its last result is `done` where Tune has ended it."""
    folder = experiment / f"f_{trial}_lr={config.get('lr')}_2026-11-29_09-16-25"
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps(config, indent=2))
    lines = [
        {
            **result,
            "timestamp": 1795943788 + 10 * number,
            "checkpoint_dir_name": None,
            "done": is_done and number == len(results),
            "training_iteration": number,
            "trial_id": trial,
            "date": "2026-11-29_09-16-28",
            "time_this_iter_s": 10.0,
            "time_total_s": 10.0 * number,
            "pid": 7706,
            "hostname": "vm",
            "node_ip": "192.0.2.2",
            "config": config,
            "time_since_restore": 10.0 * number,
            "iterations_since_restore": number,
        }
        for number, result in enumerate(results, start=1)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "result.json").write_text(text)
    if error:
        (folder / "error.txt").write_text(error)
    return folder


def write_state(experiment: Path, states: Mapping[str, str]) -> None:
    """Tune's snapshot: the status of each trial's folder, beside what it pickles."""
    trials = [
        [
            json.dumps(
                {"relative_logdir": folder, "status": state, "storage": PICKLED}
            ),
            json.dumps({"checkpoint_manager": PICKLED}),
        ]
        for folder, state in states.items()
    ]
    state = {"trial_data": trials, "runner_data": {"_stopper": PICKLED}, "stats": {}}
    path = experiment / "experiment_state-2026-11-29_09-16-25.json"
    path.write_text(json.dumps(state))
