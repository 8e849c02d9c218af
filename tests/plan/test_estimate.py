from dataclasses import replace

import pytest

from raypg.config import Config, Layer, load
from raypg.plan.estimate import Setting, estimate, makespan
from raypg.plan.expect import Expected
from raypg.plan.shapes import Costs, Measured, shape_of
from raypg.plan.spans import Span, exactly, middle_of
from raypg.plan.text import bytes_text, range_text, time_text
from raypg.retention import parse_retention
from raypg.space import ASHA

BASE: dict[str, object] = {"model.name": "mlp", "train.epochs": 10}


def config(hidden: int = 8, **train: object) -> Config:
    named = {f"train.{name}": value for name, value in train.items()}
    return load([Layer("test", {**BASE, "model.hidden": hidden, **named})])


def measured(step_s: float, *, state_bytes: int = 1000) -> Measured:
    return Measured(exactly(step_s), exactly(0.0), state_bytes, 10)


def expected(*configs: Config) -> Expected:
    return Expected(len(configs), 0, True, configs, configs)


def costs(step_s: float = 0.1) -> Costs:
    return Costs({shape_of(config()): measured(step_s)})


def test_each_trial_begins_on_the_slot_that_is_free_first() -> None:
    assert makespan([3, 1, 1, 1], 2) == 3
    assert makespan([1, 1, 1, 3], 2) == 4
    assert makespan([], 2) == 0


def test_a_sweep_takes_its_steps_over_its_slots() -> None:
    four = expected(*[config()] * 4)
    setting = Setting(num_slots=2, ready_s=0.0)
    low, high = estimate(four, costs(), setting).wall_s
    steps_s = 2 * 10 * 19 * 0.1
    assert low < steps_s < high < 1.5 * low


@pytest.mark.parametrize("keep", ["all", "2"])
def test_a_race_takes_as_much_as_its_first_seeds_or_as_all(keep: str) -> None:
    own = [config()] * 3
    first, both = expected(*own), expected(*own, *own)
    race = replace(first, num_trials=6, perhaps=own, num_perhaps=3)
    setting = Setting(num_slots=1, ready_s=0.0, retention=parse_retention(keep, ""))
    found, least, most = (
        estimate(one, costs(), setting) for one in (race, first, both)
    )
    for part in ("wall_s", "disk_bytes", "checkpoint_bytes"):
        low, high = getattr(found, part)
        assert low == getattr(least, part).low
        assert high == pytest.approx(getattr(most, part).high)
    assert found.worst_s == most.worst_s


def test_the_start_and_cold_workers_take_time_too() -> None:
    four = expected(*[config()] * 4)
    warm = estimate(four, costs(), Setting(num_slots=1, ready_s=2.0)).wall_s
    cold = Setting(num_slots=1, ready_s=2.0, trials_per_worker=1)
    group = Setting(num_slots=1, ready_s=2.0, is_group=True)
    assert warm.low > 4 * 10 * 19 * 0.1 * 0.9 + 2.0
    assert estimate(four, costs(), cold).wall_s.low == pytest.approx(warm.low + 8.0)
    assert estimate(four, costs(), group).wall_s.low > warm.low


def test_asha_spreads_the_time_but_never_below_one_whole_trial() -> None:
    many = expected(*[config()] * 4)
    setting = Setting(num_slots=4, ready_s=0.0)
    whole = estimate(many, costs(), setting).wall_s
    early = estimate(many, costs(), replace(setting, scheduler=ASHA(10))).wall_s
    assert early.low == pytest.approx(whole.low, rel=0.1)
    one = replace(setting, num_slots=1, scheduler=ASHA(10))
    low, high = estimate(many, costs(), one).wall_s
    assert high > 2 * low


def test_the_worst_case_has_every_trial_at_the_dearest_corner() -> None:
    small, large = config(8), config(64)
    known = Costs({shape_of(small): measured(0.1), shape_of(large): measured(0.5)})
    search = Expected(2, 0, True, [small, small], [small, large])
    found = estimate(search, known, Setting(num_slots=1, ready_s=0.0))
    assert found.worst_s > 4 * found.wall_s.high


def test_a_shape_between_two_measured_ones_costs_something_between() -> None:
    known = Costs(
        {shape_of(config(8)): measured(0.1), shape_of(config(64)): measured(0.8)}
    )
    low, high = known.of(config(32)).step_s
    assert 0.1 < low <= high < 0.8
    assert known.of(config(8)).num_steps == 10
    assert known.of(config(32)).num_steps == 0


def test_checkpoints_are_counted_twice_where_a_trial_is_long() -> None:
    setting = Setting(num_slots=1, checkpoint_every_s=15.0)
    short = estimate(expected(config()), costs(0.01), setting)
    long = estimate(expected(config()), costs(1.0), setting)
    assert list(short.checkpoint_bytes) == [1000, 1000]
    assert list(long.checkpoint_bytes) == [1000, 2000]
    assert long.disk_bytes.low > 1000 + 600 * 20  # 300 + 300 predictions of 10 halves


def test_a_rule_and_a_budget_bound_the_checkpoints() -> None:
    def kept(keep: str, disk: str = "") -> list[float]:
        setting = Setting(num_slots=1, retention=parse_retention(keep, disk))
        many = expected(*[config()] * 5)
        return list(estimate(many, costs(1.0), setting).checkpoint_bytes)

    assert kept("all") == [5000, 10_000]
    assert kept("last") == [5000, 5000]
    assert kept("2") == [2000, 2000]
    assert kept("9") == [5000, 5000]
    assert kept("all", "6KB") == [5000, 6000]
    assert kept("best", "1B") == [1000, 1000]


def test_hundreds_of_shapes_are_estimated_from_some() -> None:
    many = expected(*[config(n) for n in range(1, 300)])
    assert estimate(many, costs(), Setting(num_slots=2)).wall_s.low > 0


def test_the_middle_leaves_out_the_extremes() -> None:
    assert middle_of([5.0]) == (5.0, 5.0)
    assert middle_of([1.0, 2.0, 9.0]) == (1.0, 9.0)
    assert middle_of(float(n) for n in range(100)) == (10, 89)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.040 s"), (42, "42 s"), (119, "119 s"), (360, "6.0 min"), (9000, "2.5 h")]
    + [(86400 * 400, "400 days")],
)
def test_durations_are_rounded_as_estimates(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(680_000, "680 KB"), (1.24e9, "1.2 GB"), (3e13, "30 TB")]
)
def test_sizes_are_rounded_as_estimates(size: float, text: str) -> None:
    assert bytes_text(size) == text


def test_a_range_names_its_unit_once() -> None:
    assert range_text("5.0 min", "8.0 min") == "5.0 to 8.0 min"
    assert range_text("40 s", "3.0 min") == "40 s to 3.0 min"
    assert range_text("8 s", "8 s") == "about 8 s"
    assert Span(1, 2).plus(exactly(1)).times(Span(2, 3)) == (4, 9)
