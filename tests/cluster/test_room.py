import pytest

from raypg.cluster.connect import Need
from raypg.cluster.room import check_room, num_slots, workers_on
from raypg.errors import ClusterError
from tests.conftest import NUM_SLOTS


@pytest.mark.parametrize(
    ("has", "need", "num"),
    [
        ({"CPU": 4.0}, {"CPU": 1.0}, 4),
        ({"CPU": 4.0}, {"CPU": 3.0}, 1),
        ({"CPU": 8.0, "GPU": 2.0}, {"CPU": 1.0, "GPU": 0.5}, 4),
        ({"CPU": 8.0}, {"CPU": 1.0, "GPU": 0.5}, 0),
        ({"CPU": 0.3}, {"CPU": 0.1}, 3),
    ],
)
def test_workers_are_counted_by_the_scarcest_resource(
    has: dict[str, float], need: dict[str, float], num: int
) -> None:
    assert workers_on(has, need) == num


def test_slots_are_whole_trials(cluster: None) -> None:
    assert num_slots(Need(1, 1, 0)) == NUM_SLOTS
    assert num_slots(Need(3, 1, 0)) == 1


def test_a_trial_that_never_fits_is_refused_with_what_there_is(cluster: None) -> None:
    with pytest.raises(ClusterError, match=r"found 4 CPUs and 0 GPUs on 1 node"):
        check_room(Need(1, 1, 1))
