"""Trials that start from a trial of the store, and sources that cannot be."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from raypg.checkpoints import checkpoint_folders, read_checkpoint
from raypg.config import fingerprint
from raypg.errors import CheckpointError, ConfigError
from raypg.results import SweepWriter, open_results
from raypg.sources.trials import find_source
from raypg.sources.weights import read_weights
from raypg.store import Store
from raypg.training.state import unpack_state
from tests.command import Command
from tests.training.tiny import tiny_config

MLP = ("model.name=mlp", "model.hidden=16", "data.fraction=0.2", "--threads", "1")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(train: Command) -> str:
    """The id of a completed trial."""
    assert train(*MLP, "train.epochs=3", "--name", "first").code == 0
    (row,) = open_results(Store(train.store)).trials("first")
    return str(row["trial"])


def test_a_trial_goes_on_where_another_has_its_best(
    train: Command, source: str
) -> None:
    said = train(
        *MLP, "train.epochs=1", "optimizer.lr=1e-6", f"train.init=trial:{source}"
    )
    assert said.code == 0, said.err
    results = open_results(Store(train.store))
    (first,), (second,) = (results.trials(name) for name in ("first", "train"))
    # So small a rate leaves it where it was.
    best = first["best.val.accuracy"]
    assert second["val.accuracy"] == pytest.approx(best, abs=0.02)
    assert second["config.train.init"] == f"trial:{source}"
    assert second["trial"] != first["trial"]


def test_the_same_source_is_the_same_trial_and_another_is_not() -> None:
    keys = [
        fingerprint(tiny_config("mlp", train__init=init), device="cpu", num_workers=1)
        for init in ("", f"trial:{'a' * 16}", f"trial:{'a' * 16}", f"trial:{'b' * 16}")
    ]
    assert keys[1].key == keys[2].key
    assert len({one.key for one in keys}) == 3


def test_weights_are_fetched_once_a_node(
    train: Command, source: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(train.store)
    found = find_source(store, source, "train.init")
    weights = read_weights(store, found)
    (folder, *_) = checkpoint_folders(store, "first", source)
    state = unpack_state(read_checkpoint(store, folder))
    assert weights.keys() == state.best["model"].keys()
    for key, value in weights.items():
        assert torch.equal(value, state.best["model"][key])

    def refuse(*_: object) -> bytes:
        raise AssertionError("read again")

    monkeypatch.setattr("raypg.sources.weights.read_checkpoint", refuse)
    assert read_weights(store, found).keys() == weights.keys()
    (copy,) = (cache / "weights").glob("*.pt")
    copy.write_bytes(copy.read_bytes()[:-100])
    with pytest.raises(AssertionError, match="read again"):
        read_weights(store, found)


def test_nothing_in_a_checkpoint_is_executed(
    train: Command, source: str, tmp_path: Path
) -> None:
    """A state that would run code when unpickled is refused by `weights_only`."""

    class Bomb:
        def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
            return Path.touch, (tmp_path / "run",)  # type: ignore[return-value]

    store = Store(train.store)
    found = find_source(store, source, "train.init")
    folder = Path(train.store) / found.folder
    torch.save({"best": Bomb()}, folder / "state.pt")
    data = (folder / "state.pt").read_bytes()
    index = json.loads((folder / "raypg.json").read_text())
    index |= {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "raypg.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="must hold a raypg training state"):
        read_weights(store, found)
    assert not (tmp_path / "run").exists()


def test_a_source_that_is_not_there_is_one_line_with_near_names(
    train: Command, source: str
) -> None:
    wrong = source[:-1] + ("0" if source[-1] != "0" else "1")
    said = train(*MLP, f"train.init=trial:{wrong}")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert (
        f'"train.init": must name a completed trial of the store; found no {wrong}'
        in (said.err)
    )
    assert f"Some that are there: {source}." in said.err
    assert not open_results(Store(train.store)).store.has_sweep("train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "interrupted"}, "which is interrupted. Wait for it"),
        ({"status": "stopped"}, "which is stopped. Name another one, or train it"),
        ({"mixed": "raypg/models/mlp.py"}, "which two versions of the code have"),
        ({"micro_batch": 4}, "which ran out of memory"),
    ],
)
def test_a_trial_that_its_id_does_not_stand_for_is_refused(
    train: Command, source: str, change: dict[str, object], message: str
) -> None:
    store = Store(train.store)
    (row,) = open_results(store).trials("first")
    del row["sweep"]
    writer = SweepWriter(store, "first")
    writer.append("trials", {**row, **change})
    writer.close(compact=False)
    with pytest.raises(ConfigError, match=message):
        find_source(store, source, "train.init")


def test_a_source_whose_checkpoint_was_let_go_says_what_to_do(
    train: Command, source: str
) -> None:
    store = Store(train.store)
    (row,) = open_results(store).trials("first")
    del row["sweep"]
    writer = SweepWriter(store, "first")
    writer.append("trials", {**row, "checkpoint_gone": "--keep-checkpoints best"})
    writer.close(compact=False)
    for folder in checkpoint_folders(store, "first", source):
        store.delete_folder(folder)
    said = train(*MLP, f"train.init=trial:{source}")
    assert said.code == 2
    assert "as first let it go by --keep-checkpoints best. Train it again" in said.err


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model.hidden=32",), "1.weight of 16x64, not 32x64"),
        (("model.name=cnn",), "must be of the network that the config names"),
    ],
)
def test_a_source_of_another_network_is_refused_before_anything_starts(
    train: Command, source: str, overrides: tuple[str, ...], message: str
) -> None:
    base = [one for one in MLP if not one.startswith("model.")]
    if overrides[0] != "model.name=cnn":
        base.append("model.name=mlp")
    said = train(*base, *overrides, f"train.init=trial:{source}")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert message in said.err
    assert f"trial:{source}" in said.err


def test_a_trial_that_the_store_holds_needs_its_source_no_more(
    train: Command, source: str
) -> None:
    again = (*MLP, "train.epochs=1", f"train.init=trial:{source}")
    assert train(*again).code == 0
    store = Store(train.store)
    for folder in checkpoint_folders(store, "first", source):
        store.delete_folder(folder)
    assert train(*again, "--name", "hit").code == 0
    (row,) = open_results(store).trials("hit")
    assert row["status"] == "cached"
