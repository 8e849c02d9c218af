"""What figures show, against numbers worked out by hand."""

import itertools
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypg.errors import ResultsError
from raypg.results import Results
from raypg.results.figures import FIGURES, Figure, build_figure
from raypg.results.figures.figure import Bars, Labels, Line, Points
from raypg.results.figures.palette import SERIES, palette
from raypg.results.figures.rungs import stopped_at
from raypg.results.figures.slots import PARTS, pack, read_slots
from raypg.results.figures.source import read_source
from raypg.results.figures.thin import pick_evenly
from raypg.results.figures.tradeoff import pareto_front
from tests.results.pictured import (
    COMMON,
    at,
    curve,
    way_rows,
    write_ablation,
    write_search,
    write_trials,
    write_way,
)
from tests.results.sweeps import trial_row

T_95 = 4.302652729911275
"""Student's t at 97.5 % with two degrees of freedom."""

Mark = TypeVar("Mark")


@pytest.fixture(scope="module")
def ablation(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return write_ablation(tmp_path_factory.mktemp("ablation"))


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return write_search(tmp_path_factory.mktemp("search"))


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return write_way(tmp_path_factory.mktemp("way"))


def marks(figure: Figure, kind: type[Mark]) -> list[Mark]:
    return [mark for mark in figure.marks if isinstance(mark, kind)]


def line(figure: Figure, name: str) -> Line:
    (found,) = [one for one in marks(figure, Line) if one.name == name]
    return found


def points(figure: Figure, name: str) -> Points:
    (found,) = [one for one in marks(figure, Points) if one.name == name]
    return found


def near(*numbers: float | None) -> Any:  # noqa: ANN401 pytest has no type for it
    """What equals these numbers but for rounding."""
    return pytest.approx(numbers)


def test_a_learning_curve_is_the_mean_over_seeds_with_its_band(
    ablation: Results,
) -> None:
    figure = build_figure(ablation, "depth", "curves")
    seven = line(figure, "model.depth=7")
    assert seven.x == near(1, 2, 3)
    assert seven.y == near(0.72, 0.82, 0.92)
    reach = T_95 * 0.02 / 3**0.5
    assert seven.low == near(0.72 - reach, 0.82 - reach, 0.92 - reach)
    assert seven.high == near(0.72 + reach, 0.82 + reach, 0.92 + reach)
    # Three equal values show no noise: there is no band of width 0.
    assert line(figure, "model.depth=40").low == ()
    assert "over 3 seeds; band: 95 % t-interval" in figure.caption
    assert "9 completed trials of 3 arms" in figure.caption


def test_curves_are_of_any_metric_of_epochs(ablation: Results) -> None:
    figure = build_figure(ablation, "depth", "curves", metric="val.loss")
    assert line(figure, "model.depth=22").y[-1] == pytest.approx(0.04)
    assert not figure.y.is_ratio


def test_a_trial_that_was_cut_short_is_in_no_mean(tmp_path: Path) -> None:
    rows = [
        trial_row(trial, status) | COMMON | {"arm": "a", "seed": seed, "num_epochs": 2}
        for seed, (trial, status) in enumerate(
            [("x", "completed"), ("y", "completed"), ("z", "stopped")]
        )
    ]
    epochs = [*curve("x", [0.1, 0.2]), *curve("y", [0.3, 0.4]), *curve("z", [0.9, 1])]
    figure = build_figure(write_trials(tmp_path, rows, epochs), "few", "curves")
    mean, alone = marks(figure, Line)
    assert mean.y == near(0.2, 0.3)
    assert (alone.x, alone.dash) == ((1, 2), "dot")
    assert alone.y == near(0.9, 1)
    (end,) = marks(figure, Points)
    assert (end.x, end.y, end.symbol) == ((2,), (1,), "hollow")
    assert "in no mean: 1 trial (1 stopped early)" in figure.caption


def test_a_mean_ends_where_a_seed_does(tmp_path: Path) -> None:
    rows = [
        trial_row(trial) | COMMON | {"arm": "a", "seed": seed, "num_epochs": num}
        for seed, (trial, num) in enumerate([("x", 2), ("y", 4)])
    ]
    epochs = [*curve("x", [0.1, 0.2]), *curve("y", [0.3, 0.4, 0.8, 0.9])]
    figure = build_figure(write_trials(tmp_path, rows, epochs), "few", "curves")
    mean, rest = marks(figure, Line)
    assert mean.y == near(0.2, 0.3)
    assert (rest.x, rest.y) == ((2, 3, 4), near(0.4, 0.8, 0.9))


def test_of_many_arms_the_baseline_and_the_best_have_a_colour(tmp_path: Path) -> None:
    rows = [
        trial_row(f"t{n}") | COMMON | {"arm": f"n={n}", "val.accuracy": n / 20}
        for n in range(12)
    ]
    epochs = [row for n in range(12) for row in curve(f"t{n}", [n / 20])]
    results = write_trials(tmp_path, rows, epochs, baseline="n=0")
    figure = build_figure(results, "few", "curves")
    named = {one.name for one in marks(figure, Line) if one.color != "faint"}
    assert named == {"n=0", *(f"n={n}" for n in range(6, 12))}
    (others,) = [one for one in marks(figure, Line) if one.color == "faint"]
    assert others.name == "other arms (5)"
    assert others.x == near(1, None, 1, None, 1, None, 1, None, 1)
    assert "7 of 12 arms in colour" in figure.caption


def test_a_search_has_a_line_a_trial_and_its_best_stands_out(search: Results) -> None:
    figure = build_figure(search, "asha", "curves")
    best = line(figure, "best: a1")
    assert best.weight == "bold"
    assert best.y[-1] == pytest.approx(0.9)
    assert line(figure, "completed (3)").x.count(None) == 2
    assert line(figure, "stopped early (3)").dash == "dot"
    ends = [one for one in marks(figure, Points) if one.symbol == "hollow"]
    assert [one.x for one in ends] == [(2,), (1, 3, 1)]
    assert "that number flatters" in figure.caption


def test_an_axis_shows_means_with_intervals(ablation: Results) -> None:
    figure = build_figure(ablation, "depth", "axis")
    means = points(figure, "")
    assert means.x == near(7, 22, 40)
    assert means.y == near(0.92, 0.96, 0.98)
    reach = T_95 * 0.02 / 3**0.5
    assert means.low == near(0.92 - reach, 0.96 - reach / 2, None)
    assert figure.x.ticks == near(7, 22, 40)
    assert not figure.x.is_log
    assert len(points(figure, "single seeds").x) == 9
    assert "over 3 seeds; bars: 95 % t-interval" in figure.caption
    assert "of the last epoch of each trial" in figure.caption


def test_an_axis_is_logarithmic_beyond_two_decades(search: Results) -> None:
    figure = build_figure(search, "asha", "axis", x="optimizer.lr")
    assert figure.x.is_log
    completed = points(figure, "completed (4)")
    assert sorted(x for x in completed.x if x) == [0.001, 0.05, 0.1, 0.4]
    assert completed.low == ()


def test_what_was_stopped_stands_at_the_foot_without_a_value(search: Results) -> None:
    figure = build_figure(search, "asha", "axis", x="optimizer.lr")
    rug = points(figure, "stopped early (3), value not known")
    assert rug.symbol == "tick"
    assert not rug.tells_place
    assert sorted(x for x in rug.x if x) == [0.005, 0.01, 0.9]
    assert len({*rug.y}) == 1
    assert max(y for y in rug.y if y) < 0.7
    assert "Not among them: 5 trials (3 stopped early" in figure.caption


def test_names_are_places_on_an_axis(search: Results) -> None:
    figure = build_figure(search, "asha", "axis", x="config.optimizer.name")
    assert figure.x.places == ("sgd", "adamw")
    assert sorted(x for x in points(figure, "completed (4)").x if x is not None) == [
        0.0,
        0.0,
        1.0,
        1.0,
    ]


def grid(tmp_path: Path, num_lr: int) -> Results:
    """Two depths by some rates, one seed; depth 2 is 0.1 ahead at every rate."""
    rows = []
    for depth, lr in itertools.product((1, 2), range(1, num_lr + 1)):
        values = {"config.model.depth": depth, "config.optimizer.lr": float(lr)}
        reached = 0.1 * depth + 0.01 * lr
        rows.append(
            trial_row(f"{depth}-{lr}") | COMMON | values | {"val.accuracy": reached}
        )
    return write_trials(tmp_path, rows, [], axes=["model.depth", "optimizer.lr"])


def test_few_settings_of_the_other_axes_have_a_line_each(tmp_path: Path) -> None:
    figure = build_figure(grid(tmp_path, 3), "few", "axis", x="model.depth")
    assert points(figure, "optimizer.lr=2").y == near(0.12, 0.22)
    assert len(marks(figure, Points)) == 3


def test_many_settings_of_the_other_axes_have_a_mean(tmp_path: Path) -> None:
    figure = build_figure(grid(tmp_path, 9), "few", "axis", x="model.depth")
    assert points(figure, "mean").y == near(0.15, 0.25)
    (others,) = [one for one in marks(figure, Line) if one.color == "faint"]
    assert others.x == near(*(1, 2, None) * 8, 1, 2)
    assert "Grey: each of 9 settings of the other axes" in figure.caption


def test_settings_that_share_no_value_have_no_mean(tmp_path: Path) -> None:
    rows = [
        trial_row(f"{n}")
        | COMMON
        | {"config.a.one": n, "config.a.two": n, "val.accuracy": n / 10}
        for n in range(9)
    ]
    results = write_trials(tmp_path, rows, [], axes=["a.one", "a.two"])
    figure = build_figure(results, "few", "axis", x="a.one")
    assert marks(figure, Points) == []
    assert "none has every value, so that there is no mean" in figure.caption


def test_a_name_that_no_completed_trial_has_is_a_place_all_the_same(
    tmp_path: Path,
) -> None:
    rows = [
        trial_row("a") | COMMON | {"config.a.one": "x", "val.accuracy": 0.5},
        trial_row("b", "stopped") | COMMON | {"config.a.one": "y"},
    ]
    results = write_trials(tmp_path, rows, [], axes=["a.one"])
    figure = build_figure(results, "few", "axis")
    assert figure.x.places == ("x", "y")
    assert points(figure, "stopped early (1), value not known").x == near(1)


def test_the_front_is_drawn_as_steps(search: Results) -> None:
    figure = build_figure(search, "asha", "tradeoff", x="parameters")
    front = line(figure, "Pareto front (2 of 4)")
    assert front.is_step
    # The last step goes on to the largest that was tried.
    assert front.x == near(50_000, 100_000, 400_000)
    assert front.y == near(0.85, 0.90, 0.90)
    assert points(figure, "beaten (2)").y == near(0.70, 0.80)
    assert "Front (f6, a1)" in figure.caption


@pytest.mark.parametrize(
    ("x", "costs"),
    [
        ("parameters", [7_000, 22_000, 40_000]),
        ("flops", [70_000, 220_000, 400_000]),
        ("seconds", [3, 3, 3]),
        ("", [7_000, 22_000, 40_000]),
    ],
)
def test_a_tradeoff_has_the_costs_of_the_arms(
    ablation: Results, x: str, costs: list[float]
) -> None:
    figure = build_figure(ablation, "depth", "tradeoff", x=x)
    shown = sorted(x for one in marks(figure, Points) for x in one.x if x is not None)
    assert shown == costs


values = st.integers(0, 4).map(float)


@given(
    st.lists(st.tuples(values, values), max_size=12), st.sampled_from(["max", "min"])
)
def test_the_front_is_what_no_other_beats(
    choices: list[tuple[float, float]], mode: str
) -> None:
    sign = 1 if mode == "max" else -1

    def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
        no_worse = one[0] <= other[0] and sign * one[1] >= sign * other[1]
        return no_worse and one != other

    wanted = {
        place
        for place, choice in enumerate(choices)
        if not any(beats(other, choice) for other in choices)
    }
    found = pareto_front([c for c, _ in choices], [v for _, v in choices], mode)
    assert {*found} == wanted
    assert len(found) == len(wanted)
    assert [choices[i][0] for i in found] == sorted(choices[i][0] for i in found)


def test_importances_are_bars_of_shares(search: Results) -> None:
    figure = build_figure(search, "asha", "importance")
    assert {*figure.y.places} == {"optimizer.lr", "optimizer.name"}
    for bars in marks(figure, Bars):
        assert sum(bars.end) == pytest.approx(1)
    assert "over 4 completed trials" in figure.caption


def test_a_waterfall_goes_from_each_place_to_the_next(way: Results) -> None:
    figure = build_figure(way, "explain", "waterfall")
    changes = ("model.hidden=32", "optimizer.lr=0.3", "train.batch_size=32")
    assert figure.y.places == ("start", *changes, "all")
    means = [0.52, 0.72333333, 0.82333333, 0.81666667]
    gain, loss, whole = marks(figure, Bars)
    assert (gain.name, gain.color, gain.y) == ("gain", "green", (1, 2))
    assert (gain.start, gain.end) == (near(*means[:2]), near(*means[1:3]))
    assert (loss.name, loss.color) == ("loss, not told from noise", "vermillion~")
    assert (loss.start, loss.end) == (near(means[2]), near(means[3]))
    assert (whole.color, whole.start, whole.end, whole.y) == (
        "blue",
        near(means[0]),
        near(means[3]),
        (4,),
    )
    # The first step gained 0.20, 0.21 and 0.20; the interval lies around its end.
    reach = T_95 * 0.01 / 3
    intervals = [one for one in marks(figure, Line) if one.symbol == "tick"]
    assert intervals[0].x[3:5] == near(means[1] - reach, means[1] + reach)
    assert intervals[0].y[3:5] == (1, 1)
    assert intervals[0].hover[3].startswith("model.hidden=32: +20.33 ± 1.43 points, p")
    told = {text for labels in marks(figure, Labels) for text in labels.text}
    assert {"52.00 ± 4.97", "+20.33 ± 1.43"} < told
    assert "over 3 seeds; ticks: the 95 % t-interval" in figure.caption
    assert "after Holm's correction for 3 steps" in figure.caption
    assert "The way went by 4 of 7 places tried." in figure.caption


def test_of_a_loss_less_is_a_gain(way: Results) -> None:
    figure = build_figure(way, "explain", "waterfall", metric="val.loss")
    gain, loss, _ = marks(figure, Bars)
    assert gain.name == "gain"
    assert gain.start[0] == pytest.approx(0.48)
    assert loss.name.startswith("loss")


def test_a_place_without_a_number_moves_nothing(tmp_path: Path) -> None:
    failed = {"status": "failed", "val.accuracy": None}
    rows = [
        row | failed if row["arm"] == "model.hidden=32" else row for row in way_rows()
    ]
    results = write_trials(tmp_path, rows, [], kind="path")
    figure = build_figure(results, "few", "waterfall")
    (levels,) = marks(figure, Points)
    # The start, and the place behind it, for which there is nothing to subtract.
    assert levels.y == near(0, 2)
    assert levels.x == near(0.52, 0.82333333)
    assert [bars.y for bars in marks(figure, Bars)] == [(3,), (4,)]
    assert "Not among them: 3 trials (3 failed)" in figure.caption


def test_rungs_say_who_was_stopped_where(search: Results) -> None:
    assert stopped_at(search.trials("asha")) == {1: 2, 3: 1}
    figure = build_figure(search, "asha", "rungs")
    assert points(figure, "completed (4)").x == (9, 9, 9, 9)
    assert points(figure, "completed (4)").y == (0.5, 1.5, 2.5, 3.5)
    assert points(figure, "stopped early (3)").x == (3, 1, 1)
    (outline,) = marks(figure, Line)
    # Nine began, eight came to epoch 1, six to 2, five to 3, four to 9.
    assert outline.x == near(9, 3, 2, 1, 0)
    assert outline.y == near(4, 5, 6, 8, 9)
    assert (
        "8 came to epoch 1 (2 stopped there); 5 came to epoch 3 (1 stopped there)"
        in figure.caption
    )


def test_rungs_of_many_trials_are_blocks(tmp_path: Path) -> None:
    rows = [
        trial_row(f"t{n}", "stopped" if n % 4 else "completed")
        | COMMON
        | {"num_epochs": 1 if n % 4 else 9, "val.accuracy": 0.5}
        for n in range(500)
    ]
    results = write_trials(tmp_path, rows, [], kind="search")
    figure = build_figure(results, "few", "rungs")
    done, stopped = marks(figure, Bars)
    assert (done.height, done.y, done.end) == ((125.0,), (62.5,), (9.0,))
    assert (stopped.height, stopped.y, stopped.end) == ((375.0,), (312.5,), (1.0,))


def test_the_time_of_processes_adds_up(ablation: Results) -> None:
    slots = read_slots(read_source(ablation, "depth"))
    assert [len(process.stays) for process in slots.processes] == [5, 4]
    # Of each trial's 4 s: 0.3 before, 3 of epochs with 0.2 between, 0.5 after.
    shares = slots.shares()
    assert [shares[part] for part in PARTS] == pytest.approx(
        [0.75, 0.075, 0.05, 0.125, 0], abs=1e-5
    )
    assert slots.total_s() == pytest.approx(36)
    figure = build_figure(ablation, "depth", "timeline")
    assert figure.y.places == ("10.0.0.1 100", "10.0.0.1 101")
    whole, trained = marks(figure, Bars)
    assert whole.start[0] == 0
    assert whole.end[0] == pytest.approx(4)
    assert trained.start[0] == pytest.approx(0.3)
    assert trained.end[0] == pytest.approx(3.3)
    assert "training 75.0 % (solid)" in figure.caption
    assert "the tables do not know" in figure.caption


def stay(trial: str, begin: float, end: float, **more: object) -> dict[str, object]:
    times = {"started": at(begin), "finished": at(end), "pid": 1}
    return trial_row(trial) | COMMON | times | more


def test_gaps_between_trials_of_a_process_are_idle(tmp_path: Path) -> None:
    rows = [stay("a", 0, 4), stay("b", 10, 14), stay("c", 100, 104, pid=2)]
    results = write_trials(tmp_path, rows, [])
    slots = read_slots(read_source(results, "few"))
    # What lies between two processes is nobody's: a resume may be years later.
    assert slots.shares()["idle"] == pytest.approx(6 / 18)
    figure = build_figure(results, "few", "timeline")
    assert figure.y.places == ("10.0.0.1 2 processes in turn",)


def test_of_a_trial_that_was_started_again_the_last_attempt_counts(
    tmp_path: Path,
) -> None:
    again = stay("a", 0, 60, attempt=1)
    epochs = [*curve("a", [0.1], 0), *curve("a", [0, 0.2], 50, attempt=1)[1:]]
    results = write_trials(tmp_path, [again], epochs)
    ((only,),) = [p.stays for p in read_slots(read_source(results, "few")).processes]
    assert (only.began, only.ended) == (at(51.1).timestamp(), at(60).timestamp())
    assert only.parts()[0] == 1


def test_a_trial_whose_process_is_not_known_has_a_row_of_its_own(
    search: Results,
) -> None:
    slots = read_slots(read_source(search, "asha"))
    # The running one has no epoch and no end yet.
    assert slots.unseen == 1
    assert "1 trial not drawn" in build_figure(search, "asha", "timeline").caption


def test_spans_are_packed_without_overlap() -> None:
    assert pack([(0, 4), (1, 2), (2, 3), (4, 5), (4, 6)]) == [0, 1, 1, 0, 1]


def test_parallel_coordinates_are_heights_between_the_ends(search: Results) -> None:
    figure = build_figure(search, "asha", "parallel")
    assert figure.x.places == ("optimizer.lr", "optimizer.name", "val.accuracy")
    best = line(figure, "val.accuracy 90.00 %")
    assert best.color == "shade4"
    # 0.1 between 0.001 and 0.4, logarithmic; sgd above adamw; the best at the top.
    assert best.y == near(2 / 2.60206, 0, 1)
    worst = line(figure, "val.accuracy 70.00 %")
    assert worst.y == near(1, 1, 0)
    assert "Logarithmic: optimizer.lr." in figure.caption


@pytest.mark.parametrize("state", ["nothing", "failed", "running"])
@pytest.mark.parametrize("kind", FIGURES)
def test_a_figure_without_anything_to_draw_says_why(
    tmp_path: Path, kind: str, state: str
) -> None:
    row = trial_row("a", state) | {"started": at(0), "config.optimizer.lr": 0.1}
    rows = [] if state == "nothing" else [row]
    about = {"kind": "search", "axes": ["optimizer.lr"]}
    results = write_trials(tmp_path, rows, [], **about)
    with pytest.raises(ResultsError, match="must have what to draw; found nothing: "):
        build_figure(results, "few", kind)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("curve", {}, 'Did you mean "curves"'),
        ("curves", {"x": "epoch"}, "--x: means nothing to curves"),
        ("timeline", {"metric": "val.loss"}, "--metric: means nothing to timeline"),
        ("curves", {"metric": "val.accurary"}, 'Did you mean "val.accuracy"'),
        ("curves", {"metric": "test.accuracy"}, "must be a metric of validation"),
        ("axis", {"metric": "test.accuracy"}, "must be a metric of validation"),
        ("axis", {"x": "model.detph"}, 'Did you mean "model.depth"'),
        ("axis", {"x": "depth"}, "model.depth"),
        ("waterfall", {}, "no way between two configs"),
        ("waterfall", {"x": "model.depth"}, "--x: means nothing to waterfall"),
        ("tradeoff", {"x": "memory"}, "must be parameters, flops or seconds"),
    ],
)
def test_a_mistake_names_the_right_word(
    ablation: Results, kind: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ResultsError, match=message):
        build_figure(ablation, "depth", kind, **options)


@given(st.lists(st.integers()), st.integers(2, 20))
def test_what_is_picked_keeps_both_ends_and_the_order(
    items: list[int], most: int
) -> None:
    places = pick_evenly(range(len(items)), most)
    assert len(places) == min(most, len(items))
    assert places == sorted({*places})
    if items:
        assert (places[0], places[-1]) == (0, len(items) - 1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_stands_out_from_the_page(theme: str) -> None:
    colors = palette(theme)  # type: ignore[arg-type]
    for role in SERIES:
        least = 4.5 if role == "ink" else 2.1
        assert contrast(colors[role], colors["paper"]) >= least, role


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""

    def luminance(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [
            p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)
