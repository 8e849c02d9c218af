import pytest
import torch

from raypg.config import Config, Layer, load
from raypg.data import load_dataset
from raypg.data.pipeline import Batches
from raypg.experiment import Race
from raypg.plan.counts import count_sweep, flops_of, spread, steps_per_epoch
from raypg.plan.shapes import MOST_SHAPES, pick_shapes, shape_of, work_of
from tests.plan.spaces import GRID, expect, keys_of, memo_of


def config(**leaves: object) -> Config:
    named = {name.replace("__", "."): value for name, value in leaves.items()}
    return load([Layer("test", named)])


def test_epochs_and_steps_of_all_trials_are_counted() -> None:
    count = count_sweep(expect(GRID), None, 1)
    assert list(count.epochs) == [12, 12]
    assert list(count.steps) == [12 * 19, 12 * 19]
    assert [one.label for one in count.networks] == ["hidden=8", "hidden=16"]


def test_epochs_and_steps_of_a_race_are_ranges() -> None:
    count = count_sweep(expect(GRID, race=Race(0.01, 5)), None, 1)
    assert list(count.epochs) == [6 * 3, 10 * 3]
    assert list(count.steps) == [18 * 19, 30 * 19]


def test_a_sweep_that_the_store_answers_has_nothing_to_count() -> None:
    expected = expect(GRID, memo_of(keys_of(GRID, 4)))
    assert count_sweep(expected, None, 1).networks == []


@pytest.mark.parametrize("num_workers", [1, 2, 3])
@pytest.mark.parametrize(("fraction", "batch_size"), [(1.0, 64), (0.1, 59), (0.1, 7)])
def test_steps_are_those_of_the_batches(
    num_workers: int, fraction: float, batch_size: int
) -> None:
    own = config(data__fraction=fraction, train__batch_size=batch_size)
    data = load_dataset(own.data)
    batches = Batches(
        data.train,
        data,
        own.data,
        batch_size_global=batch_size,
        rank=0,
        num_workers=num_workers,
        seed=0,
        device=torch.device("cpu"),
        channels_last=False,
        train=True,
    )
    assert steps_per_epoch(own, num_workers) == batches.num_steps


def test_the_papers_network_is_counted_without_its_data() -> None:
    own = config(data__name="cifar10", model__depth=40, model__growth_rate=12)
    parameters, flops = flops_of(own)
    assert parameters == 1_019_722
    assert flops == pytest.approx(0.265e9, rel=0.01)


def test_a_single_network_is_called_by_its_name() -> None:
    text = 'SPACE = Ablation(base={"model.name": "mlp"}, axes={"optimizer.lr": [0.1]})'
    (network,) = count_sweep(expect(text), None, 1).networks
    assert network.label == "mlp"


def test_networks_of_two_kinds_show_what_each_has() -> None:
    text = 'SPACE = Ablation(axes={"model.name": ["mlp", "cnn"]})'
    labels = [one.label for one in count_sweep(expect(text), None, 1).networks]
    assert labels == ["name=cnn", "name=mlp"]


def test_of_many_networks_the_ends_are_shown() -> None:
    text = (
        'SPACE = Ablation(base={"model.name": "mlp"},'
        ' axes={"model.hidden": list(range(1, 101))})'
    )
    count = count_sweep(expect(text), None, 1)
    assert (count.num_networks, len(count.networks)) == (100, 10)
    labels = [one.label for one in count.networks]
    assert (labels[0], labels[-1]) == ("hidden=1", "hidden=100")


def test_a_spread_keeps_the_ends() -> None:
    assert spread([1, 2, 3], 3) == [1, 2, 3]
    assert spread(list(range(100)), 3) == [0, 50, 99]


def test_what_costs_nothing_is_no_shape_of_its_own() -> None:
    first = config(optimizer__lr=0.1, seed=1, model__dropout=0.1)
    second = config(optimizer__lr=0.9, seed=2, model__dropout=0.4, train__epochs=9)
    assert shape_of(first) == shape_of(second) == shape_of(shape_of(first))


@pytest.mark.parametrize(
    "change",
    [
        {"train__precision": "bf16"},
        {"train__batch_size": 8},
        {"optimizer__name": "adamw"},
        {"data__flip": True},
        {"model__depth": 22},
        {"train__clip_norm": 1.0},
    ],
)
def test_what_costs_more_or_less_is_another_shape(change: dict[str, object]) -> None:
    assert shape_of(config(**change)) != shape_of(config())


def test_at_most_eight_shapes_are_measured_the_cheapest_and_the_dearest_too() -> None:
    configs = [config(model__name="mlp", model__hidden=n) for n in range(1, 31)]
    picked = pick_shapes(configs)
    assert len(picked) == MOST_SHAPES
    works = sorted(map(work_of, map(shape_of, configs)))
    assert (work_of(picked[0]), work_of(picked[-1])) == (works[0], works[-1])
