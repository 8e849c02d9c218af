"""How long the ranks of a group wait for each other."""

import pytest

from raypg.cluster.group import LEAST_COLLECTIVE_S, NEVER_S, collective_timeout_s
from raypg.cluster.pulse import FIRST_STEP_RATIO


@pytest.mark.parametrize("hang_timeout_s", [4.0, 600.0, 7200.0])
def test_rank_0_is_found_to_hang_before_a_collective_gives_up(
    hang_timeout_s: float,
) -> None:
    found = collective_timeout_s(hang_timeout_s)
    assert found >= LEAST_COLLECTIVE_S
    assert found > FIRST_STEP_RATIO * hang_timeout_s


def test_without_a_limit_nobody_gives_up() -> None:
    assert collective_timeout_s(0.0) == NEVER_S
