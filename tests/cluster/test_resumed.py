"""What alters no number may be another one when a sweep goes on."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from raypg.checkpoints import list_held
from raypg.cluster.options import Options
from raypg.cluster.resumed import MAY_CHANGE, changed_options
from raypg.errors import ClusterError, ConfigError
from raypg.experiment import load_space
from raypg.results import open_results
from raypg.space import to_data
from raypg.store import Store
from tests.command import Command
from tests.conftest import RunSpace, resume

SAVED = Options(store="runs", gpus_per_worker=0.0, checkpoint_disk="1GB")
OTHERS = {
    "max_concurrent": 3,
    "trials_per_worker": 5,
    "cpus_per_worker": 1.5,
    "gpus_per_worker": 0.0,
    "checkpoint_every": 60.0,
    "hang_timeout": 0.0,
    "keep_checkpoints": "best",
    "checkpoint_disk": "50GB",
    "wandb": True,
}
SPACE = """
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 8, "train.epochs": 1},
    axes={"optimizer.lr": [0.05, 0.1]},
)
"""


def change(**asked: Any) -> tuple[Options, list[str]]:  # noqa: ANN401
    said: list[str] = []
    now = Options(store="", **{MAY_CHANGE[one]: asked[one] for one in asked})
    return changed_options("x", SAVED, now, list(asked), said.append), said


@pytest.mark.parametrize("option", sorted(MAY_CHANGE))
def test_what_is_given_counts_and_all_else_stays(option: str) -> None:
    now, said = change(**{option: OTHERS[option]})
    field = MAY_CHANGE[option]
    assert getattr(now, field) == OTHERS[option]
    rest = [one.name for one in fields(Options) if one.name != field]
    assert [getattr(now, one) for one in rest] == [getattr(SAVED, one) for one in rest]
    assert len(said) == (OTHERS[option] != getattr(SAVED, field))


def test_each_change_is_one_line() -> None:
    _, said = change(max_concurrent=2, wandb=True, checkpoint_disk="5GB")
    assert said == [
        "--max-concurrent: 2 from now on, 0 so far",
        "--checkpoint-disk: 5GB from now on, 1GB so far",
        "--wandb: yes from now on, no so far",
    ]
    assert change() == (SAVED, [])


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"cpus_per_worker": 2.0}, "threads, by which.*found 2, and 1 so far"),
        ({"gpus_per_worker": 1.0}, "device, by which.*found 1 GPUs, and 0 so far"),
        ({"gpus_per_worker": -1.0}, "device, by which.*found -1 GPUs"),
        ({"hang_timeout": 1.0}, "--hang-timeout: must be 0, which is never"),
    ],
)
def test_what_alters_numbers_is_refused(asked: dict[str, float], found: str) -> None:
    with pytest.raises(ClusterError, match=found):
        change(**asked)


def test_a_wrong_rule_is_refused_before_anything_is_said() -> None:
    with pytest.raises(ConfigError, match="--checkpoint-disk: must be a size"):
        change(checkpoint_disk="50", max_concurrent=2)


def test_the_command_line_hands_on_what_stands_on_it(tune: Command) -> None:
    Path("space.py").write_text(f"from raypg import *\n{SPACE}")
    loaded = load_space("space.py")
    about = {"kind": "ablation", "layers": [], "config": {}, "question": ""}
    about |= {"space_file": "space.py", "space_source": loaded.source}
    about |= {"space": to_data(loaded.space), "options": asdict(SAVED)}
    store = Store(tune.store)
    store.create_sweep("x")
    store.write_description("x", about)
    before = store.read_description("x")
    said = tune("--resume", "x", "--max-concurrent", "2", "--cpus-per-worker", "2")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("--resume x: --cpus-per-worker: must leave workers")
    assert store.read_description("x") == before


def test_another_rule_for_checkpoints_is_kept_and_counts(
    run_space: RunSpace, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_space(SPACE)
    assert len(list_held(first.store, first.sweep)) == 2
    store, name = first.store, first.sweep
    rows = open_results(store).trials(name)
    again = resume(first, given=["keep_checkpoints"], keep_checkpoints="best")
    assert again.exit_code == 0
    assert "--keep-checkpoints: best from now on, all so far" in capsys.readouterr().err
    assert len(list_held(store, name)) == 1
    assert store.read_description(name)["options"]["keep_checkpoints"] == "best"
    after = open_results(store).trials(name)
    assert [one["val.loss"] for one in after] == [one["val.loss"] for one in rows]
    resume(first)
    assert "from now on" not in capsys.readouterr().err
    assert store.read_description(name)["options"]["keep_checkpoints"] == "best"
