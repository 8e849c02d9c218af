"""A plateau's cuts: torch's own, found anew from what was measured."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from raypg.optim import PlateauConfig, plateau_factor
from tests.fakes import FakeLink
from tests.training.tiny import tiny_config, train_tiny


def test_a_cut_comes_after_more_epochs_than_its_patience() -> None:
    config = PlateauConfig(gamma=0.5, patience=2)
    worse = [0.9, 0.8, 0.8, 0.8]
    found = [plateau_factor(config, worse[:n], is_loss=False) for n in range(5)]
    assert found == [1.0, 1.0, 1.0, 1.0, 0.5]


@given(
    st.lists(st.floats(0, 1), max_size=30),
    st.booleans(),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_cuts_are_those_of_a_scheduler_that_lives_through_the_epochs(
    values: list[float], is_loss: bool, patience: int, cooldown: int
) -> None:
    config = PlateauConfig(gamma=0.5, patience=patience, cooldown=cooldown, final=0.1)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = lr_scheduler.ReduceLROnPlateau(
        optimizer,
        "min" if is_loss else "max",
        factor=0.5,
        patience=patience,
        cooldown=cooldown,
        min_lr=0.1,
    )
    for count, value in enumerate(values, 1):
        theirs.step(value)
        ours = plateau_factor(config, values[:count], is_loss=is_loss)
        assert ours == optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize("metric", ["val.loss", "val.accuracy"])
def test_a_trial_is_cut_where_its_metric_stands_still(metric: str) -> None:
    config = tiny_config(
        optimizer__lr=1e-9,
        schedule__name="plateau",
        schedule__patience=1,
        schedule__threshold=0.01,
        train__metric=metric,
        train__epochs=6,
    )
    link = FakeLink()
    train_tiny(config, link)
    rates = [metrics["lr"] for metrics in link.metrics]
    assert rates == pytest.approx([1e-9, 1e-9, 1e-9, 1e-10, 1e-10, 1e-11])
