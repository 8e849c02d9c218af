"""Weights averaged: by hand, with statistics of their own, chosen greedily."""

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from raypg.errors import ResultsError
from raypg.results import __main__ as command_line
from raypg.results import open_results
from raypg.results.ensemble import Ensemble
from raypg.store import Store
from raypg.studies.soup import average, cook_soups, renew_statistics
from tests.command import Command
from tests.training.tiny import ALONE

CNN = ("model.name=cnn", "model.channels=4", "data.fraction=0.2", "--threads", "1")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def store(train: Command) -> Store:
    """Two trials that went out from one, and that one."""
    assert train(*CNN, "train.epochs=2", "--name", "first").code == 0
    (row,) = open_results(Store(train.store)).trials("first")
    for seed in (1, 2):
        more = (f"train.init=trial:{row['trial']}", f"seed={seed}", "train.epochs=2")
        assert train(*CNN, *more, "--name", f"more-{seed}").code == 0
    return Store(train.store)


def cook(store: Store, *sweeps: str, with_test: bool = False) -> list[Ensemble]:
    results = open_results(store)
    rows = [row for sweep in sweeps for row in results.trials(sweep)]
    return cook_soups(results, rows, "val.loss", ALONE, with_test=with_test)


def test_weights_are_averaged_and_counters_are_the_first_ones() -> None:
    ones = {"w": torch.ones(2), "n": torch.tensor(3)}
    threes = {"w": torch.full((2,), 3.0), "n": torch.tensor(5)}
    found = average([ones, threes])
    assert found["w"].tolist() == [2.0, 2.0]
    assert found["n"].item() == 3
    assert average([ones])["w"] is ones["w"]


def test_statistics_are_those_of_the_batches_and_nothing_else_changes() -> None:
    module = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Conv2d(3, 2, 1))
    kept = {key: value.clone() for key, value in module.state_dict().items()}
    batches = [torch.randn(8, 3, 4, 4) * 2 + 5 for _ in range(3)]
    renew_statistics(module, batches)
    norm = module[0]
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    means = torch.stack([batch.mean((0, 2, 3)) for batch in batches]).mean(0)
    spreads = torch.stack([batch.var((0, 2, 3)) for batch in batches]).mean(0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, spreads)
    assert norm.momentum == 0.1
    assert not any(one.training for one in module.modules())
    for key in ("0.weight", "2.weight", "2.bias"):
        assert torch.equal(module.state_dict()[key], kept[key])


def test_the_greedy_soup_is_no_worse_where_it_is_chosen(store: Store) -> None:
    val, test = cook(store, "first", "more-1", "more-2", with_test=True)
    best, uniform, greedy = val.answers
    assert [one.way for one in val.answers] == [
        "best trial",
        "uniform soup",
        "greedy soup",
    ]
    assert greedy.score.loss <= best.score.loss + 1e-6
    assert len(uniform.weights) == 3
    assert set(best.weights) <= set(greedy.weights)
    assert (test.split, test.num_images, test.kind) == ("test", 300, "weights")
    assert [one.weights for one in test.answers] == [one.weights for one in val.answers]


def test_the_best_trial_is_tested_as_it_was(store: Store) -> None:
    _, test = cook(store, "first", "more-1", with_test=True)
    (name,) = test.answers[0].weights
    query = f"""select "test.accuracy" as accuracy from
        (select test.accuracy as "test.accuracy" from test_results
        where trial = '{name}')"""
    (stored,) = open_results(store).sql(query)["accuracy"].to_pylist()
    assert test.answers[0].score.accuracy == pytest.approx(stored)


def test_trials_of_another_network_make_no_soup(train: Command, store: Store) -> None:
    assert (
        train("model.name=mlp", *CNN[2:], "train.epochs=1", "--name", "mlp").code == 0
    )
    with pytest.raises(ResultsError, match="needs trials of one network and one data"):
        cook(store, "first", "mlp")


def test_the_command_cooks_only_where_it_is_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> str:
        argv = ["raypg.results", "ensemble", *arguments, "--store", store.uri]
        monkeypatch.setattr(sys, "argv", argv)
        command_line.main()
        return capsys.readouterr().out

    names = ("first", "more-1", "more-2")
    assert "soup" not in said(*names)
    out = said(*names, "--soup")
    assert "Validation, weights averaged: 3 trials on 300 images" in out
    assert "the very images that it is judged by here, which flatters" in out
    rows = json.loads(said(*names, "--soup", "--format", "json"))
    assert {row["averaged"] for row in rows} == {"answers", "weights"}
