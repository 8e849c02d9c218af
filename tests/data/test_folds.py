"""Cross-validation: folds that partition the training examples, as an axis."""

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypg.config import Layer, load
from raypg.data import (
    DataConfig,
    Dataset,
    arrays,
    data_version,
    dataset_spec,
    load_dataset,
    prepare,
    statistics,
)
from raypg.data.splits import split_fold
from raypg.data.synthetic import SyntheticConfig
from raypg.errors import ConfigError, SpaceError
from raypg.experiment import load_space
from raypg.experiment.asking import build_proposals
from tests.data.test_load import config_of
from tests.data.test_splits import shuffled_labels
from tests.training.tiny import tiny_config, train_tiny


def folded(num_folds: int, fold: int, **more: Any) -> Dataset:  # noqa: ANN401
    return load_dataset(DataConfig(num_folds=num_folds, fold=fold, **more))


def images_of(dataset: Dataset, *splits: str) -> list[bytes]:
    return sorted(
        image.tobytes()
        for split in splits
        for image in getattr(dataset, split).images_NCHW
    )


@given(st.integers(1, 12), st.integers(5, 40), st.integers(2, 5), st.integers(0, 9))
@settings(deadline=None)
def test_folds_partition_the_examples_and_are_stratified(
    num_classes: int, num_each: int, num_folds: int, seed: int
) -> None:
    labels = np.random.RandomState(seed).permutation(
        shuffled_labels([num_each] * num_classes)
    )
    parts = [split_fold(labels, num_folds, fold) for fold in range(num_folds)]
    held = np.concatenate([val for val, _ in parts])
    assert sorted(held) == list(range(len(labels)))
    sizes = [len(val) for val, _ in parts]
    assert max(sizes) - min(sizes) <= 1
    for val, train in parts:
        assert sorted([*val, *train]) == list(range(len(labels)))
        counts = np.bincount(labels[val], minlength=num_classes)
        assert counts.max() - counts.min() <= 2


def test_validation_sets_partition_what_was_published_to_train_on() -> None:
    whole = load_dataset(DataConfig())
    everything = images_of(whole, "train", "val")
    folds = [folded(5, fold) for fold in range(5)]
    held = sorted(image for one in folds for image in images_of(one, "val"))
    assert held == everything
    for one in folds:
        assert images_of(one, "train", "val") == everything
        assert images_of(one, "test") == images_of(whole, "test")
        assert one.version == whole.version == data_version(DataConfig(num_folds=5))
        pixels = one.train.images_NCHW / 255
        assert np.allclose(one.mean, pixels.mean((0, 2, 3)), rtol=1e-12)
        assert not one.val.images_NCHW.flags.writeable


@pytest.mark.parametrize("name", ["digits", "fashion_mnist", "cifar10"])
def test_the_spec_knows_the_sizes_of_folds(name: str, tmp_path: Path) -> None:
    config = config_of(name, tmp_path)
    sizes = {}
    for fold in (0, 2):
        own = DataConfig(name=config.name, root=config.root, num_folds=3, fold=fold)
        spec = dataset_spec(own)
        sizes[fold] = (spec.num_train, spec.num_val)
        if name == "digits":
            dataset = load_dataset(own, tmp_path / "cache")
            assert sizes[fold] == (len(dataset.train), len(dataset.val))
    published = dataset_spec(config)
    total = published.num_train + published.num_val
    assert all(sum(pair) == total for pair in sizes.values())
    assert abs(sizes[0][1] - total / 3) < 1


def test_a_fraction_is_taken_of_what_a_fold_trains_on() -> None:
    whole, half = folded(3, 1), folded(3, 1, fraction=0.5)
    assert set(images_of(half, "train")) < set(images_of(whole, "train"))
    assert images_of(half, "val") == images_of(whole, "val")
    config = DataConfig(num_folds=3, fold=1, fraction=0.5)
    assert dataset_spec(config).num_train == len(half.train)


def test_a_large_fold_is_mapped_and_never_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SyntheticConfig(num_examples=2_000, image_size=64, num_folds=4, fold=1)
    whole = load_dataset(replace(config, num_folds=0, fold=0), tmp_path)
    copied = load_dataset(config, tmp_path)
    assert not isinstance(copied.train.images_NCHW, np.memmap)
    monkeypatch.setattr(prepare, "COPIED_BYTES", 2**20)
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 2**18)
    monkeypatch.setattr(statistics, "_BLOCK_BYTES", 2**18)
    for _ in range(2):  # written, found
        tracemalloc.start()
        mapped = load_dataset(config, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < whole.train.images_NCHW.nbytes / 4
        for split in ("train", "val"):
            one, other = getattr(mapped, split), getattr(copied, split)
            assert isinstance(one.images_NCHW, np.memmap)
            assert not one.images_NCHW.flags.writeable
            assert np.array_equal(one.images_NCHW, other.images_NCHW)
            assert np.array_equal(one.labels_N, other.labels_N)
        assert (mapped.mean, mapped.std) == (copied.mean, copied.std)


def test_a_fraction_of_a_mapped_fold_is_of_that_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = SyntheticConfig(num_examples=200, image_size=16, fraction=0.5)
    configs = [half, *(replace(half, num_folds=3, fold=fold) for fold in range(3))]
    copied = [load_dataset(config, tmp_path) for config in configs]
    monkeypatch.setattr(prepare, "COPIED_BYTES", 2**10)
    for config, one in zip(configs, copied, strict=True):
        mapped = load_dataset(config, tmp_path)
        assert isinstance(mapped.train.images_NCHW, np.memmap)
        assert np.array_equal(mapped.train.images_NCHW, one.train.images_NCHW)
        assert np.array_equal(mapped.train.labels_N, one.train.labels_N)


def test_each_fold_is_validated_on_its_own_images() -> None:
    losses = set()
    for fold in range(2):
        config = tiny_config(data__num_folds=2, data__fold=fold, train__epochs=1)
        outcome, link = train_tiny(config)
        assert outcome.val is not None
        assert len(outcome.val.probabilities_NK) == dataset_spec(config.data).num_val
        losses.add(link.metrics[0]["val.loss"])
    assert len(losses) == 2


SPACE = '''"""Does it hold on every fold? 30 trials."""

from raypg import Ablation

SPACE = Ablation(
    base={"data.num_folds": 5},
    axes={"model.name": ["cnn", "mlp"], "data.fold": [0, 1, 2, 3, 4]},
    seeds=3,
)
'''


def test_folds_are_an_axis_beside_seeds(tmp_path: Path) -> None:
    file = tmp_path / "folds.py"
    file.write_text(SPACE)
    proposals = build_proposals(load_space(file), [], device="cpu", num_workers=1)
    trials = [proposals.propose() for _ in range(30)]
    folds = [trial.config.data.fold for trial in trials if trial is not None]
    assert (folds, proposals.propose()) == ([0, 1, 2, 3, 4] * 6, None)
    file.write_text(SPACE.replace("3, 4]", "3, 5]"))
    with pytest.raises(SpaceError, match="must be below data.num_folds, which is 5"):
        load_space(file)


@pytest.mark.parametrize(
    ("leaves", "rule"),
    [
        ({"data.num_folds": 1}, "must be at least 2, or 0 for none"),
        ({"data.fold": 2}, "must be 0 where data.num_folds is 0"),
        ({"data.num_folds": 3, "data.fold": 3}, "must be below data.num_folds"),
    ],
)
def test_folds_that_are_none_are_refused(leaves: dict[str, int], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        load([Layer("a test", leaves)])
