import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from raypg.errors import CheckpointError
from raypg.training.state import (
    INDEX_FILE,
    STATE_FILE,
    State,
    copy_weights,
    load_packed_state,
    pack_state,
    save_state,
    unpack_state,
)
from tests.fakes import digest, vars_of
from tests.training.tiny import tiny_config, train_tiny


@pytest.fixture(scope="module")
def state() -> State:
    """What a trial with everything in it leaves."""
    config = tiny_config(
        "cnn", train__epochs=1, train__precision="fp16", train__channels_last=True
    )
    return train_tiny(config)[1].last_state


@pytest.fixture
def folder(state: State, tmp_path: Path) -> Path:
    """A checkpoint on disk."""
    save_state(tmp_path, pack_state(state), state.epoch)
    return tmp_path


def test_a_state_read_back_is_the_state_that_was_written(
    state: State, folder: Path
) -> None:
    again = unpack_state(load_packed_state(folder))
    assert digest(vars_of(again)) == digest(vars_of(state))
    strides = [weights.stride() for weights in state.model.values()]
    assert [weights.stride() for weights in again.model.values()] == strides


def test_weights_of_an_epoch_that_is_the_best_are_kept_and_written_once() -> None:
    first = train_tiny(tiny_config(train__epochs=1))[1].last_state
    assert first.model is first.best["model"]
    later = train_tiny(tiny_config(train__epochs=2, optimizer__lr=1e-9))[1].last_state
    assert later.best["epoch"] == 1
    assert digest(later.model) != digest(later.best["model"])
    size_bytes = [len(pack_state(state)) for state in (first, later)]
    weights_bytes = sum(w.nbytes for w in first.model.values())
    assert size_bytes[1] - size_bytes[0] > weights_bytes // 2


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 1.01])
def test_a_state_of_another_size_is_refused(folder: Path, share: float) -> None:
    file = folder / STATE_FILE
    whole = file.read_bytes()
    file.write_bytes((whole + whole)[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match="must have .* bytes and its sha256"):
        load_packed_state(folder)


def test_a_state_with_one_bit_turned_is_refused(folder: Path) -> None:
    file = folder / STATE_FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match="sha256"):
        load_packed_state(folder)


@pytest.mark.parametrize("name", [STATE_FILE, INDEX_FILE])
def test_a_checkpoint_that_lacks_a_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"must hold {STATE_FILE} and"):
        load_packed_state(folder)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "{}", '{"epoch": 1}', "\xff"])
def test_an_index_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / INDEX_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match=f"must hold {STATE_FILE} and"):
        load_packed_state(folder)


def test_an_index_of_another_format_is_refused(folder: Path) -> None:
    index = json.loads((folder / INDEX_FILE).read_text())
    (folder / INDEX_FILE).write_text(json.dumps({**index, "format": 3}))
    with pytest.raises(
        CheckpointError, match="must have format 2, or an older one; found 3"
    ):
        load_packed_state(folder)


def test_an_index_of_the_format_before_is_read(state: State, folder: Path) -> None:
    index = json.loads((folder / INDEX_FILE).read_text())
    (folder / INDEX_FILE).write_text(json.dumps({**index, "format": 1}))
    again = unpack_state(load_packed_state(folder))
    assert digest(vars_of(again)) == digest(vars_of(state))


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self._path,)


def test_a_state_that_carries_code_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"epoch": 1, "model": Bomb(tmp_path / "fallen")}, buffer)
    with pytest.raises(CheckpointError, match="must hold a raypg training state"):
        unpack_state(buffer.getvalue())
    assert not (tmp_path / "fallen").exists()


@pytest.mark.parametrize("fields", [{"epoch": 1}, {"epoch": 1, "other": 2}, [1]])
def test_a_file_of_torch_that_is_no_state_is_refused(fields: object) -> None:
    buffer = io.BytesIO()
    torch.save(fields, buffer)
    with pytest.raises(CheckpointError, match="must hold a raypg training state"):
        unpack_state(buffer.getvalue(), "elsewhere")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no state at all"])
def test_bytes_that_are_no_file_of_torch_are_refused(content: bytes) -> None:
    with pytest.raises(CheckpointError, match="elsewhere: must hold a raypg training"):
        unpack_state(content, "elsewhere")


def test_copied_weights_are_plain_tensors_that_no_step_changes() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    copied = copy_weights(module)
    expected = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    assert {type(tensor) for tensor in copied.values()} == {torch.Tensor}
    assert not any(tensor.requires_grad for tensor in copied.values())
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.add_(1)
    assert copied.keys() == expected.keys()
    assert all(torch.equal(copied[name], expected[name]) for name in expected)
