from pathlib import Path

import numpy as np
import pytest

from raypg.config import load, parse_overrides
from raypg.data import Dataset, data_version, dataset_spec, load_dataset
from raypg.data.synthetic import SyntheticConfig
from raypg.errors import ConfigError


def nearest_mean_accuracy(data: Dataset) -> float:
    """What the plainest classifier there is gets right."""
    images_NP = data.train.images_NCHW.reshape(len(data.train), -1).astype(float)
    means_KP = np.stack(
        [images_NP[data.train.labels_N == k].mean(0) for k in range(data.num_classes)]
    )
    test_NP = data.test.images_NCHW.reshape(len(data.test), -1)
    distance_NK = ((test_NP[:, None] - means_KP) ** 2).sum(-1)
    return float((distance_NK.argmin(1) == data.test.labels_N).mean())


def test_classes_can_be_learned_unless_all_is_noise(tmp_path: Path) -> None:
    noisy = load_dataset(SyntheticConfig(noise=0.7), tmp_path)
    assert nearest_mean_accuracy(noisy) > 0.9
    noise = load_dataset(SyntheticConfig(noise=1.0, num_examples=4000), tmp_path)
    assert nearest_mean_accuracy(noise) < 0.2


def test_it_is_as_large_as_asked_and_balanced(tmp_path: Path) -> None:
    config = SyntheticConfig(
        num_classes=3, num_examples=90, image_size=20, channels=1, test_fraction=0.2
    )
    data = load_dataset(config, tmp_path)
    spec = dataset_spec(config)
    assert (data.image_shape, data.num_classes) == ((1, 20, 20), 3)
    sizes = (len(data.train), len(data.val), len(data.test))
    assert sizes == (spec.num_train, spec.num_val, spec.num_test) == (63, 9, 18)
    assert np.bincount(data.test.labels_N).tolist() == [6, 6, 6]


def test_the_seed_of_the_images_draws_others(tmp_path: Path) -> None:
    one, same, other = (
        load_dataset(SyntheticConfig(image_seed=seed), tmp_path / folder)
        for seed, folder in ((0, "a"), (0, "b"), (1, "a"))
    )
    assert np.array_equal(one.train.images_NCHW, same.train.images_NCHW)
    assert not np.array_equal(one.train.images_NCHW, other.train.images_NCHW)
    assert data_version(SyntheticConfig(image_seed=1)) == "synthetic-1"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("data.image_size=9", "under digits.*belongs to .*synthetic"),
        ("data.name=synthetic data.image_sise=9", 'Did you mean "data.image_size"'),
        ("data.name=synthetic data.channels=2", "must be a known one"),
        ("data.name=synthetic data.num_classes=2000", "at least data.num_classes"),
        (
            "data.name=synthetic data.val_fraction=0.6 data.test_fraction=0.5",
            "together",
        ),
    ],
)
def test_a_wrong_key_is_named_before_anything_is_made(
    overrides: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load([parse_overrides(overrides.split())])
