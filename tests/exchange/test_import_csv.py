"""CSV files by trial and by epoch, what is taken as what, and every fault at once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from raypg.errors import ResultsError
from raypg.exchange.import_csv import import_csv
from raypg.exchange.old import Asked, OldSweep


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "old.csv"


def read(path: Path, text: str, metric: str = "", mode: str = "") -> OldSweep:
    path.write_text(text)
    return import_csv(Asked(str(path), metric, mode))


TRIALS = """\
trial,lr,aug,seed,status,val_acc,num_parameters,model.depth,extra.f1,config.a/b,Notes
r1,0.1,flip,0,finished,0.9,1000,22,0.5,1,"good, long"
r2,1,none,1,CRASHED,,1000,40,0.25,2,
r3,0.01,flip,0,,0.7,1000,22,,1,x
"""


def test_a_row_is_a_trial_and_each_column_has_its_place(path: Path) -> None:
    old = read(path, TRIALS)
    assert [trial.name for trial in old.trials] == ["r1", "r2", "r3"]
    first, second, third = old.trials
    assert first.config == {
        "lr": 0.1,
        "aug": "flip",
        "model.depth": 22,
        "a.b": 1,
        "Notes": "good, long",
    }
    assert second.config["lr"] == 1.0
    assert second.config["aug"] == "none"
    assert first.columns == {
        "seed": 0,
        "val.accuracy": 0.9,
        "num_parameters": 1000,
        "extra.f1": 0.5,
    }
    ends = [trial.status for trial in (first, second, third)]
    assert ends == ["completed", "failed", "completed"]
    assert old.taken == {
        "trial": "the trial's name",
        "lr": "config.lr",
        "aug": "config.aug",
        "seed": "seed",
        "status": "status",
        "val_acc": "val.accuracy (the metric, max)",
        "num_parameters": "num_parameters",
        "model.depth": "config.model.depth",
        "extra.f1": "extra.f1",
        "config.a/b": "config.a.b",
        "Notes": "config.Notes",
    }


def test_known_names_are_known_in_any_case(path: Path) -> None:
    old = read(path, "Seed,Val_Acc,Val.F1,Config/Width,Depth\n3,0.5,0.25,8,22\n")
    (trial,) = old.trials
    assert trial.columns == {"seed": 3, "val.accuracy": 0.5, "val.F1": 0.25}
    assert trial.config == {"Width": 8, "Depth": 22}


EPOCHS = """\
run,lr,epoch,val.accuracy,f1,note
one,0.1,0,0.1,0.2,a
one,0.1,1,0.3,n/a,b
two,0.2,0,0.2,0.4,c
two,0.2,1,nan,0.5,d
"""


def test_a_row_is_an_epoch_where_there_is_a_column_of_that_name(path: Path) -> None:
    old = read(path, EPOCHS)
    assert len(old.trials) == 2
    first, second = old.trials
    assert first.name == "line 2"
    assert first.config == {"run": "one", "lr": 0.1}
    assert first.epochs == [
        {"epoch": 1, "val.accuracy": 0.1, "f1": 0.2},
        {"epoch": 2, "val.accuracy": 0.3},
    ]
    assert second.epochs[1] == {"epoch": 2, "f1": 0.5}
    assert old.taken["f1"] == "f1 of epochs"
    assert old.taken["note"] == "left out: text that changes within a trial"
    assert old.notes == [
        "epochs are counted from 0: epoch 0 is epoch 1",
        "no column names the trial: one begins where the epoch does",
    ]


def test_named_trials_may_be_mixed_and_out_of_order(path: Path) -> None:
    text = """trial,epoch,lr,val.loss,time
a,2,0.01,0.5,2026-11-01T12:00:02+00:00
b,1,0.1,0.7,
a,1,0.1,0.9,1793534401
"""
    old = read(path, text)
    assert (old.metric, old.mode) == ("val.loss", "min")
    first = old.trials[0]
    assert [epoch["epoch"] for epoch in first.epochs] == [1, 2]
    assert first.epochs[0]["time"] == datetime.fromtimestamp(1793534401, UTC)
    assert first.epochs[1]["time"] == datetime(2026, 11, 1, 12, 0, 2, tzinfo=UTC)
    assert [epoch["lr"] for epoch in first.epochs] == [0.1, 0.01]
    assert old.notes == []


def test_any_column_may_be_the_metric(path: Path) -> None:
    old = read(path, "lr,score,val_acc\n1,0.5,0.9\n", "val.accuracy=score", "min")
    assert (old.metric, old.mode) == ("val.accuracy", "min")
    assert old.trials[0].columns == {"val.accuracy": 0.5}
    assert old.taken["score"] == "val.accuracy (the metric, min)"
    assert old.taken["val_acc"] == "left out: val.accuracy is score"


def test_test_results_are_kept_apart(path: Path) -> None:
    old = read(path, "lr,val_acc,test_acc\n1,0.5,0.9\n2,0.6,\n")
    assert old.trials[0].test == {"test.accuracy": 0.9}
    assert old.trials[1].test == {}
    old = read(path, "epoch,val_acc,test_acc\n1,0.5,0.9\n2,0.6,0.8\n")
    assert old.taken["test_acc"].startswith("left out: of the test split")


def test_raypgs_own_csv_comes_back_without_what_a_store_alone_knows(path: Path) -> None:
    text = """sweep,trial,status,val.accuracy,config.schedule.milestones,mixed
depth,ab,cached,0.5,"[0.5, 0.75]",
depth,cd,extended,0.4,"[0.5, 0.75]",
"""
    old = read(path, text)
    (trial,) = old.trials
    assert (trial.name, trial.status) == ("ab", "completed")
    assert trial.config == {"schedule.milestones": [0.5, 0.75]}
    assert old.taken["mixed"] == "left out: it is of raypg's own store"
    assert old.notes == ["1 trials that went on as others are left out"]


def test_all_faults_are_told_at_once_with_their_lines(path: Path) -> None:
    text = """trial,seed,status,val_acc,lr
a,0,completed,0.5,0.1
b,zero,done,good,0.1
a,0.5,completed,0.5,0.1
c,1,completed,0.5

d,1,completed,0.5,0.1,7
"""
    with pytest.raises(ResultsError, match="must have the 5 cells") as error:
        read(path, text)
    lines = str(error.value).replace(str(path), "").splitlines()
    assert [line.split(";")[0] for line in lines] == [
        ":5: must have the 5 cells of the header",
        ":7: must have the 5 cells of the header",
        ':3: "seed" must hold whole numbers',
        ':4: "seed" must hold whole numbers',
        ':3: "status" must hold statuses',
        ':3: "val_acc" must hold numbers',
        ':4: "trial" must name a trial once',
    ]


def test_of_many_like_faults_the_first_are_shown(path: Path) -> None:
    rows = "".join(f"{n},x\n" for n in range(100))
    with pytest.raises(ResultsError, match="old.csv:2") as error:
        read(path, f"lr,val.accuracy\n{rows}")
    assert str(error.value).count("must hold numbers") == 6
    assert "found 95 more lines" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have a header; found an empty file"),
        ("lr,lr,val_acc\n1,2,0.5\n", 'must name a column once; found "lr" twice'),
        ("lr,,val_acc\n1,2,0.5\n", "must name every column; found column 2"),
        ("lr,acc\n1,0.5\n", "the metric val.accuracy or val.loss; found lr, acc"),
        ('lr,val_acc\n1,"0.5\n', "must be a CSV file; found unexpected end"),
        ("epoch,val_acc\nx,0.5\n", "must hold whole numbers"),
        ("epoch,val_acc\n,0.5\n", "must hold whole numbers"),
        ("trial,epoch,val_acc\na,1,0.5\na,1,0.6\n", "must come once in a trial"),
        ("trial,seed,epoch,val_acc\na,1,1,0.5\na,2,2,0.6\n", "one value in a trial"),
        ("trial,epoch,val_acc\n,1,0.5\n", "must name the trial"),
        ("started,val_acc\ntoday,1\n", "must hold times in ISO 8601"),
        ("git.dirty,val_acc\nmaybe,1\n", "must hold true or false"),
    ],
)
def test_a_wrong_file_is_an_error(path: Path, text: str, message: str) -> None:
    with pytest.raises(ResultsError, match=message):
        read(path, text)


def test_a_file_that_is_no_text_is_an_error(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ResultsError, match="must be a CSV file"):
        import_csv(Asked(str(path)))
    with pytest.raises(ResultsError, match="no such file"):
        import_csv(Asked(str(path.with_name("none.csv"))))
