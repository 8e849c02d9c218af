"""Event files hold what the tables hold, as TensorBoard reads them."""

from pathlib import Path

import pytest

from raypg.errors import ResultsError
from raypg.exchange.export_tensorboard import export_tensorboard
from tests.exchange.event_files import read_hparams, read_scalars
from tests.exchange.sweeps import START, read_search


def test_a_trial_is_a_run_whose_scalars_stand_at_their_epoch(tmp_path: Path) -> None:
    told = export_tensorboard(read_search(tmp_path), tmp_path / "logs")
    assert told == f"Open with: tensorboard --logdir {tmp_path / 'logs'}"
    folders = sorted((tmp_path / "logs").iterdir())
    assert [folder.name for folder in folders] == [
        "0000_optimizer.lr=0.1_seed=0_aaaaaaaa",
        "0001_optimizer.lr=0.0001_seed=0_bbbbbbbb",
        "0002_optimizer.lr=1_seed=0_cccccccc",
        "0003_optimizer.lr=0.01_seed=0_dddddddd",
    ]
    scalars = read_scalars(folders[0])
    begin = START.timestamp()
    assert scalars["val/accuracy"] == [
        (epoch, epoch / 4, begin + 2 * epoch) for epoch in (1, 2, 3)
    ]
    assert sorted(scalars) == ["epoch_s", "lr", "val/accuracy", "val/loss"]
    assert [len(read_scalars(one).get("lr", ())) for one in folders] == [3, 1, 0, 3]


def test_the_hparams_page_has_the_config(tmp_path: Path) -> None:
    export_tensorboard(read_search(tmp_path), tmp_path / "logs")
    hparams = read_hparams(min((tmp_path / "logs").iterdir()))
    assert hparams["optimizer.lr"] == 0.1
    assert hparams["model.depth"] == 22
    assert hparams["schedule.milestones"] == "[0.5,0.75]"
    assert hparams["raypg.trial"] == "a" * 16
    assert hparams["raypg.status"] == "completed"


def test_nothing_is_left_of_an_export_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = read_search(tmp_path)
    monkeypatch.delitem(rows.epochs["d" * 16][0], "time")
    with pytest.raises(KeyError, match="time"):
        export_tensorboard(rows, tmp_path / "logs")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    rows, logs = read_search(tmp_path), tmp_path / "logs"
    logs.mkdir()
    export_tensorboard(rows, logs)
    with pytest.raises(ResultsError, match="must be new or empty; found a folder"):
        export_tensorboard(rows, logs)
