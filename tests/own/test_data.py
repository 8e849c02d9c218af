"""A data set of the user's own: its keys, its cache, its version, its faults."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raypg.config import Config, Layer, fingerprint, flatten, load
from raypg.config.fingerprint import _known_version
from raypg.data import _whole_spec, data_version, dataset_spec, load_dataset
from raypg.errors import ConfigError, RaypgError
from raypg.results import open_results
from tests.command import Command
from tests.own.files import Write, write

__all__ = ["write"]

RINGS = """import numpy as np

def rings(num_examples: int = 60, level: float = 0.5, root: str = ""):
    print("called")
    labels = np.arange(num_examples) % 3
    images = np.random.rand(num_examples, 8, 8, 3) * 60
    images += 60 * labels[:, None, None, None]
    if root:
        images[:, 0, 0] = np.loadtxt(root)
    split = num_examples // 6
    images = (level * images).astype(np.uint8)
    return {"train": (images[split:], labels[split:]),
            "test": (images[:split], labels[:split]),
            "class_names": ["one", "two", "three"]}
"""


@pytest.fixture
def rings(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The name of a data set in a file of the folder that the test is in."""
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))
    _forget_versions()
    return write("rings.py", RINGS) + ":rings"


def _forget_versions() -> None:
    _known_version.cache_clear()
    _whole_spec.cache_clear()


def config_of(name: str, **keys: Any) -> Config:  # noqa: ANN401
    own = {f"data.{key}": value for key, value in keys.items()}
    shared = {"data.name": name, "model.name": "mlp", "train.batch_size": 8}
    return load([Layer("a test", {**shared, **own})])


def test_its_parameters_are_keys_beside_those_of_all_data_sets(rings: str) -> None:
    config = config_of(rings, level=0.25, fraction=0.5)
    leaves = flatten(config)
    assert (leaves["data.level"], leaves["data.num_examples"]) == (0.25, 60)
    spec = dataset_spec(config.data)
    assert (spec.image_shape, spec.num_classes) == ((3, 8, 8), 3)
    assert (spec.num_train, spec.num_val, spec.num_test) == (22, 5, 10)
    with pytest.raises(ConfigError, match='found "levl". Did you mean "level"'):
        config_of(rings, levl=1)


def test_it_is_called_once_for_each_setting_and_mapped(
    rings: str, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = load_dataset(config_of(rings).data)
    assert isinstance(whole.train.images_NCHW, np.memmap)
    assert whole.class_names == ("one", "two", "three")
    again = load_dataset(config_of(rings, fraction=0.5, flip=True).data)
    assert again.version == whole.version
    assert capfd.readouterr().out == "called\n"
    other = load_dataset(config_of(rings, level=0.25).data)
    assert other.version != whole.version
    assert capfd.readouterr().out == "called\n"


def test_every_process_has_the_same_numbers(rings: str, write: Write) -> None:
    np.random.seed(1)
    version = data_version(config_of(rings).data)
    drawn = np.random.rand()
    np.random.seed(1)
    assert np.random.rand() == drawn
    # Written anew elsewhere, from the same source.
    assert version == data_version(config_of(rings).data, Path("elsewhere"))


def test_its_content_and_its_source_are_in_the_fingerprint(
    rings: str, write: Write
) -> None:
    first = fingerprint(config_of(rings), device="cpu", num_workers=1)
    assert "rings.py" in first.code
    assert first.data.startswith("rings.py:rings-1+")
    write("rings.py", RINGS + "\nMORE = 1\n")
    _forget_versions()
    second = fingerprint(config_of(rings), device="cpu", num_workers=1)
    assert (second.data, second.code["rings.py"]) != (first.data, "")
    assert second.data == first.data
    assert second.key != first.key


def test_a_file_below_its_root_counts(rings: str) -> None:
    Path("dot.txt").write_text("7")
    one = data_version(config_of(rings, root="dot.txt").data)
    Path("dot.txt").write_text("70")
    assert data_version(config_of(rings, root="dot.txt").data) != one


def faulty(body: str) -> str:
    return f"import numpy as np\nX = np.zeros((4, 8, 8), np.uint8)\n\n{body}\n"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "def rings(): return 1 / 0",
            r"division by zero\. Correct it:\n  .*rings\.py:4",
        ),
        ("def rings(): return 3", r"found a int\. Return .\"train\": \(images, la"),
        ("def rings(): return {'test': 1}", "found only test"),
        ("def rings(): return {'train': X}", "must give images and labels as train"),
        ("def rings(): return {'train': (X, [0]), 'x': 1}", "splits by name; found x"),
        ("def rings(): return {'train': (X / 2, [0] * 4)}", "found float64. Write"),
        ("def rings(): return {'train': (X, [0, 1])}", "found 4 images, 2 labels"),
        ("def rings(): return {'train': (X, [1] * 4)}", "two classes or more"),
        ("def rings(): return {'train': (X[:, :, :, None, None], [1] * 4)}", "N×H×W×C"),
        (
            "def rings(): return {'train': (X, [1] * 4), 'test': (X[:, 1:], [1] * 4)}",
            "in test, as in train",
        ),
        (
            "def rings(fraction: float = 1.0): ...",
            'keys that all components.*"fraction"',
        ),
    ],
)
def test_what_is_no_data_set_is_told(
    rings: str, write: Write, body: str, told: str
) -> None:
    write("rings.py", faulty(body))
    with pytest.raises(RaypgError, match=told) as caught:
        config_of(rings)
    assert '"data.name"' in str(caught.value)


def test_a_trial_is_trained_on_it(rings: str, train: Command) -> None:
    more = ("model.name=mlp", "train.batch_size=8", "train.epochs=1")
    said = train(f"data.name={rings}", "data.level=0.75", *more)
    assert said.code == 0, said.err
    (row,) = open_results(train.store).trials("train")
    assert (row["config.data.level"], row["status"]) == (0.75, "completed")
