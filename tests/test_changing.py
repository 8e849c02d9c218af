"""What a population may change in the middle of a training."""

import pytest

from raypg.config import leaf_types
from raypg.config.changing import _NAMES, changeable_leaves


def test_every_name_is_a_leaf() -> None:
    assert {*_NAMES} <= leaf_types().keys()
    assert {*_NAMES, "optimizer.lr", "schedule.final"} <= {*changeable_leaves()}


@pytest.mark.parametrize(
    "name", ["model.depth", "data.name", "data.fraction", "train.batch_size", "seed"]
)
def test_what_a_checkpoint_has_the_shape_of_stays(name: str) -> None:
    assert name not in changeable_leaves()
