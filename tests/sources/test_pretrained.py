"""A library's weights in its own cache: frozen, slowed, missed before the start."""

from pathlib import Path

import pytest
import torch
from torchvision import models

from raypg.checkpoints import checkpoint_folders, read_checkpoint
from raypg.results import open_results
from raypg.store import Store
from raypg.training.state import unpack_state
from tests.command import Command

NAME = "model.name=torchvision/resnet18"
TINY = (NAME, "model.pretrained=true", "data.fraction=0.1", "train.epochs=1")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch's hub; nothing can be downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    folder = tmp_path / "hub" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_a_frozen_backbone_stays_as_the_library_has_it(
    train: Command, hub: Path
) -> None:
    torch.manual_seed(3)
    theirs = models.resnet18().state_dict()
    weights = models.ResNet18_Weights.DEFAULT
    torch.save(theirs, hub / Path(weights.url).name)
    keys = ("train.freeze=backbone", "train.head_lr_factor=10", "--threads", "1")
    said = train(*TINY, *keys)
    assert said.code == 0, said.err
    store = Store(train.store)
    (row,) = open_results(store).trials("train")
    (folder, *_) = checkpoint_folders(store, "train", row["trial"])
    after = unpack_state(read_checkpoint(store, folder)).model
    # The first convolution is adapted to small images of one channel, the head is new.
    same = [key for key in after if not key.startswith(("conv1", "fc"))]
    assert len(same) > 100
    assert all(torch.equal(after[key], theirs[key]) for key in same)
    assert after["fc.weight"].shape[0] == 10


def test_weights_that_are_not_here_are_missed_before_anything_starts(
    train: Command, hub: Path
) -> None:
    said = train(*TINY)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "must find the weights of resnet18; found no network" in said.err
    assert not Store(train.store).has_sweep("train")
