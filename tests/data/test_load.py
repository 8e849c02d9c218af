"""What holds for every entry of DATASETS, and for where its files are looked for."""

from pathlib import Path

import numpy as np
import pytest

from raypg.config import Layer, load
from raypg.data import DATASETS, DataConfig, data_version, dataset_spec, load_dataset
from raypg.data.fashion_mnist import FASHION_MNIST
from raypg.errors import DataError
from tests.data.raw_files import write_idx_set, write_raw_set


def config_of(name: str, root: Path, fraction: float = 1.0) -> DataConfig:
    values = {"data.name": name, "data.root": write_raw_set(name, root)}
    given: dict[str, object] = {**values, "data.fraction": fraction}
    fitting = {"model.name": "mlp", "train.batch_size": 2}
    return load([Layer("a test", {**given, **fitting})]).data


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_set_keeps_the_contract(name: str, tmp_path: Path) -> None:
    config = config_of(name, tmp_path)
    dataset = load_dataset(config, tmp_path / "cache")
    spec = dataset_spec(config)
    assert (dataset.name, dataset.image_shape) == (name, spec.image_shape)
    assert dataset.num_classes == spec.num_classes == len(dataset.class_names)
    assert len(dataset.mean) == len(dataset.std) == spec.image_shape[0]
    for split in (dataset.train, dataset.val, dataset.test):
        assert split.images_NCHW.dtype == np.uint8
        assert split.images_NCHW.flags.c_contiguous
        assert split.labels_N.dtype == np.int64
        assert len(split.images_NCHW) == len(split.labels_N) == len(split)
        assert not split.images_NCHW.flags.writeable


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_mean_and_deviation_are_those_of_the_training_split(
    name: str, tmp_path: Path
) -> None:
    dataset = load_dataset(config_of(name, tmp_path), tmp_path / "cache")
    pixels = dataset.train.images_NCHW / 255
    assert np.allclose(dataset.mean, pixels.mean((0, 2, 3)), rtol=1e-12)
    assert np.allclose(dataset.std, pixels.std((0, 2, 3)), rtol=1e-9)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_smaller_fraction_lies_in_the_larger_and_moves_no_other_split(
    name: str, tmp_path: Path
) -> None:
    whole, half, tenth = (
        load_dataset(config_of(name, tmp_path, fraction), tmp_path / "cache")
        for fraction in (1.0, 0.5, 0.1)
    )
    kept = [
        {image.tobytes() for image in dataset.train.images_NCHW}
        for dataset in (tenth, half, whole)
    ]
    assert kept[0] < kept[1] < kept[2]
    assert len(half.train) == round(0.5 * len(whole.train))
    assert np.array_equal(half.val.images_NCHW, whole.val.images_NCHW)
    assert half.mean == whole.mean


def test_spec_knows_the_published_sizes_and_the_fraction() -> None:
    spec = dataset_spec(DataConfig(name="fashion_mnist", fraction=0.1))
    assert (spec.num_train, spec.num_val, spec.num_test) == (5_500, 5_000, 10_000)


def test_other_content_gives_another_version(tmp_path: Path) -> None:
    assert data_version(DataConfig()) == "digits-1"
    config = config_of("mnist", tmp_path)
    small = data_version(config, tmp_path / "cache")
    assert small.startswith("mnist-1+")
    write_idx_set(tmp_path / "MNIST" / "raw", num_train=70)
    assert data_version(config, tmp_path / "cache") != small
    assert load_dataset(config, tmp_path / "cache").version != small


def test_version_without_files_is_the_published_one(tmp_path: Path) -> None:
    config = DataConfig(name="cifar10", root=str(tmp_path))
    assert data_version(config, tmp_path / "cache") == "cifar10-1"


def test_environment_names_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYPG_DATA", str(tmp_path))
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))
    write_raw_set("mnist", tmp_path)
    assert len(load_dataset(DataConfig(name="mnist")).train) == 55
    assert [path.name[:8] for path in (tmp_path / "cache").glob("mnist*/")] == [
        "mnist-1-"
    ]


def test_root_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    config = DataConfig(name="mnist", root=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"data\.root: must be a folder; .*nowhere"):
        load_dataset(config, tmp_path)


def test_missing_set_is_one_error_when_there_is_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route\nto host")

    monkeypatch.setattr("torchvision.datasets.MNIST", refuse)
    monkeypatch.setenv("RAYPG_DATA", str(tmp_path))
    expected = "train-images.* 47,040,016 bytes.*could not fetch it .no route to host"
    with pytest.raises(DataError, match=expected):
        load_dataset(DataConfig(name="mnist"), tmp_path / "cache")


def test_missing_set_is_downloaded_into_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(root: str, download: bool) -> None:
        assert download
        write_raw_set("mnist", Path(root))

    monkeypatch.setattr("torchvision.datasets.MNIST", fetch)
    monkeypatch.setenv("RAYPG_DATA", str(tmp_path))
    assert len(load_dataset(DataConfig(name="mnist"), tmp_path / "cache").val) == 5


def debian_fashion() -> Path:
    folder = Path(FASHION_MNIST.system_folders[0])
    if not (folder / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    return folder


def test_real_fashion_mnist_is_the_published_one(tmp_path: Path) -> None:
    folder = debian_fashion()
    config = DataConfig(name="fashion_mnist", root=str(folder))
    fashion = load_dataset(config, tmp_path)
    assert fashion.version == "fashion_mnist-1"
    spec = dataset_spec(config)
    sizes = tuple(len(split) for split in (fashion.train, fashion.val, fashion.test))
    assert sizes == (spec.num_train, spec.num_val, spec.num_test)
    assert np.bincount(fashion.val.labels_N).tolist() == [500] * 10
    # The deviation of all 60,000 that tutorials state is 0.2860 and 0.3530.
    assert fashion.mean[0] == pytest.approx(0.2860, abs=2e-4)
    assert fashion.std[0] == pytest.approx(0.3530, abs=2e-4)


def test_fashion_mnist_under_the_name_of_mnist_is_refused(tmp_path: Path) -> None:
    config = DataConfig(name="mnist", root=str(debian_fashion()))
    with pytest.raises(DataError, match=r"must hold MNIST; found Fashion-MNIST"):
        load_dataset(config, tmp_path)
