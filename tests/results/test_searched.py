"""What is said of how a search drew its trials and ended them."""

from typing import Any

import pytest

from raypg import ASHA, PB2, PBT, Hyperband, MedianStopping, Search, uniform
from raypg.results.searched import describe_searched
from raypg.space import Scheduler, to_data

ROWS: list[dict[str, Any]] = [
    {"status": "completed", "num_epochs": 27, "config.train.epochs": 27},
    {"status": "stopped", "num_epochs": 3, "config.train.epochs": 27},
    {"status": "failed", "num_epochs": None, "config.train.epochs": 27},
    {"status": "cached", "num_epochs": 27, "config.train.epochs": 27},
]


def about(sampler: Any, scheduler: Scheduler | None) -> dict[str, Any]:  # noqa: ANN401
    axes = {"model.dropout": uniform(0, 1)}
    space = Search(axes=axes, trials=4, sampler=sampler, scheduler=scheduler)
    return {"kind": "search", "space": to_data(space)}


@pytest.mark.parametrize(
    ("sampler", "scheduler", "said"),
    [
        ("tpe", None, "TPE"),
        ("tpe", ASHA(27), "TPE with ASHA"),
        ("gp", ASHA(27, promotion=True), "a Gaussian process with ASHA (promotion)"),
        ("random", Hyperband(27), "random draws with Hyperband"),
        ("bohb", Hyperband(27), "BOHB"),
        ("cmaes", MedianStopping(27), "CMA-ES with the median rule"),
        ("tpe", PBT(27), "random draws with PBT"),
        ("tpe", PB2(27), "random draws with PB2"),
    ],
)
def test_sampler_and_scheduler_are_named(
    sampler: str, scheduler: Scheduler | None, said: str
) -> None:
    found = describe_searched(about(sampler, scheduler), ROWS)
    counts = "4 trials, 1 stopped early, 30 epochs of 81 trained"
    assert found == f"searched by {said}: {counts}"


def test_all_that_is_not_known_is_left_out() -> None:
    rows = [{"status": "completed", "num_epochs": 2}]
    said = "searched by TPE: 1 trial, 0 stopped early, 2 epochs trained"
    assert describe_searched(about("tpe", None), rows) == said
    assert describe_searched({"kind": "ablation", "space": {}}, ROWS) == ""
    assert describe_searched({"kind": "search"}, ROWS) == ""
