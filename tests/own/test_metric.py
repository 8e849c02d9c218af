"""A metric of the user's own: a column, and what the best epoch is chosen by."""

from pathlib import Path

import pytest

from raypg.config import Config, Layer, fingerprint, load
from raypg.errors import ConfigError, SpaceError, TrialError
from raypg.experiment import load_space
from raypg.own import forget
from raypg.results import open_results
from tests.command import Command
from tests.own.files import Write, write
from tests.training.tiny import tiny_config, train_tiny

__all__ = ["write"]

EXAMPLE = "examples/own/margin.py:margin"
LESS = """import torch
from torch.nn import functional

def surprise(logits_NK, labels_N):
    return functional.cross_entropy(logits_NK, labels_N).item() * 2

surprise.mode = "min"
"""


def code(config: Config) -> set[str]:
    return {*fingerprint(config, device="cpu", num_workers=1).code}


def test_every_epoch_has_its_column_beside_ours() -> None:
    forget()
    names = f"top5_accuracy, {EXAMPLE}"
    outcome, link = train_tiny(tiny_config(train__metrics=names))
    for metrics in link.metrics:
        assert {"val.top5_accuracy", "val.margin"} <= metrics.keys()
        assert metrics["val.accuracy"] <= metrics["val.top5_accuracy"] <= 1
    assert "val.margin" in outcome.best


def test_the_best_epoch_is_the_one_with_least_of_it(write: Write) -> None:
    name = write("less.py", LESS) + ":surprise"
    own = {"train__metrics": name, "train__metric": "val.surprise"}
    outcome, link = train_tiny(tiny_config(optimizer__lr=1.0, **own))
    for metrics in link.metrics:
        assert metrics["val.surprise"] == pytest.approx(2 * metrics["val.loss"])
    values = [metrics["val.surprise"] for metrics in link.metrics]
    assert outcome.best_epoch == values.index(min(values)) + 1


def test_one_of_ours_is_there_where_it_is_what_counts() -> None:
    _, link = train_tiny(tiny_config(train__metric="val.macro_f1", train__epochs=1))
    assert "val.macro_f1" in link.metrics[0]


def test_what_is_no_number_fails_the_trial(write: Write) -> None:
    text = "def broken(logits_NK, labels_N):\n"
    text += "    return float('nan') if len(labels_N) > 4 else 0.0\n"
    name = write("broken.py", text) + ":broken"
    with pytest.raises(TrialError, match=r"val\.broken: must be finite; found nan"):
        train_tiny(tiny_config(train__metrics=name))


def test_its_file_is_in_the_fingerprint_and_ours_where_it_is_asked_for() -> None:
    forget()
    assert "margin.py" in code(tiny_config(train__metrics=EXAMPLE))
    assert "raypg/metrics.py" not in code(tiny_config(train__metrics=EXAMPLE))
    assert "raypg/metrics.py" in code(tiny_config(train__metrics="macro_f1"))
    assert "raypg/metrics.py" in code(tiny_config(train__metric="val.macro_f1"))


@pytest.mark.parametrize(
    ("metrics", "metric", "told"),
    [
        ("macro_f2", "val.loss", r'found "macro_f2"\. Did you mean "macro_f1"'),
        ("", "val.acuracy", r'found "val\.acuracy"\. Did you mean "val\.accuracy"'),
        ("", "val.surprise", r"must be a known one"),
        ("less.py", "val.loss", r"Say what of it: less\.py:NAME"),
        ("less.py:suprise", "val.loss", 'Did you mean "surprise"'),
        ("less.py:one", "val.loss", r"(?s)must give a number.*in one: "),
        ("less.py:words", "val.loss", "must give a number for logits_NK and labels_N"),
        ("less.py:way", "val.loss", 'must have a mode of "max" or "min"'),
        ("less.py:macro_f1", "val.loss", "must have a name that none of ours has"),
    ],
)
def test_a_metric_that_judges_nothing_is_told(
    write: Write, metrics: str, metric: str, told: str
) -> None:
    more = "def one(a, b): return 1 / 0\ndef words(a, b): return 'x'\n"
    more += "def way(a, b): return 1\nway.mode = 'up'\ndef macro_f1(a, b): return 1\n"
    write("less.py", LESS + more)
    values = {"train.metrics": metrics, "train.metric": metric}
    with pytest.raises(ConfigError, match=told):
        load([Layer("a test", values)])


SPACE = """from raypg import *
SPACE = Ablation(
    base={{"model.name": "mlp", "train.metrics": "less.py:surprise"}},
    axes={{"model.hidden": [8, 16]}}, metric="val.surprise", mode="{mode}",
)
"""


def test_a_space_is_judged_by_it_the_way_it_says(write: Write) -> None:
    write("less.py", LESS)
    write("good.py", SPACE.format(mode="min"))
    assert load_space("good.py").space.metric == "val.surprise"
    write("bad.py", SPACE.format(mode="max"))
    with pytest.raises(SpaceError, match='mode: must be "min" for val.surprise'):
        load_space("bad.py")


def test_its_columns_are_in_the_tables(
    write: Write, train: Command, tmp_path: Path
) -> None:
    name = write("less.py", LESS) + ":surprise"
    own = (f"train.metrics=macro_f1,{name}", "train.metric=val.surprise")
    more = ("model.name=mlp", "train.epochs=2", "data.fraction=0.2", "--threads", "1")
    said = train(*own, *more)
    assert said.code == 0, said.err
    results = open_results(train.store)
    (row,) = results.trials("train")
    last = results.epochs("train")[-1]
    for column in ("val.surprise", "val.macro_f1"):
        assert row[column] == last[column]
    best = min(one["val.surprise"] for one in results.epochs("train"))
    assert row["best.val.surprise"] == best
    assert row["config.train.metrics"] == f"macro_f1,{name}"
    again = train(*own, *more)
    assert "cached" in again.out
    (hit,) = open_results(train.store).trials("train-2")
    assert hit["best.val.surprise"] == best
