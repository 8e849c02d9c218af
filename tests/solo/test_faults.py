"""One trial, and a disk that has damaged its checkpoints."""

from pathlib import Path

import pytest

from raypg.checkpoints import checkpoint_folders
from raypg.results import open_results
from raypg.store import Store
from tests.command import Command
from tests.numbers import everything
from tests.test_train import TINY, interrupt_after


@pytest.mark.parametrize("num_damaged", [1, 2])
@pytest.mark.parametrize("share", [0.5, 1.0], ids=["truncated", "corrupted"])
def test_a_trial_goes_on_from_the_checkpoint_before_a_damaged_one(
    train: Command, monkeypatch: pytest.MonkeyPatch, share: float, num_damaged: int
) -> None:
    train(*TINY)
    straight = everything(open_results(train.store))
    Store(train.store).delete_sweep("train")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3)
        assert train(*TINY, "--checkpoint-every", "0").code == 130
    store = Store(train.store)
    (key,) = store.folders("train/checkpoints")
    folders = checkpoint_folders(store, "train", key)
    for folder in folders[:num_damaged]:
        file = Path(store.path(folder), "state.pt")
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content[: int(len(content) * share)])
    said = train("--resume", "train")
    assert said.code == 0
    damaged = [f"{folder}: state.pt must have" for folder in folders[:num_damaged]]
    told = [line for line in said.err.splitlines() if not line.startswith("epoch")]
    assert [line[: len(text)] for line, text in zip(told, damaged, strict=True)] == (
        damaged
    )
    first = 4 - num_damaged if num_damaged < len(folders) else 1
    assert f"epoch {first}/4" in said.err
    assert everything(open_results(store)) == straight
