"""A teacher's answers: asked once, mapped, and refused where they do not fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from raypg.config import Config
from raypg.data import load_dataset
from raypg.data.pipeline import Batches
from raypg.errors import ConfigError
from raypg.models import build_model
from raypg.results import open_results
from raypg.sources import teachers
from raypg.sources.teachers import check_teachers, read_logits, with_teacher
from raypg.sources.trials import Source, find_source
from raypg.sources.weights import read_weights
from raypg.store import Store
from raypg.studies.reproduce import BITWISE, reproduce
from tests.command import Command
from tests.training.tiny import ALONE, tiny_config

CNN = ("model.name=cnn", "model.channels=4", "data.fraction=0.2", "--threads", "1")
STUDENT = ("model.name=mlp", "model.hidden=16", "data.fraction=0.2", "--threads", "1")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def teacher(train: Command) -> str:
    """The id of a completed trial."""
    assert train(*CNN, "train.epochs=3", "--name", "teacher").code == 0
    (row,) = open_results(Store(train.store)).trials("teacher")
    return str(row["trial"])


def config_of(teacher: str) -> Config:
    return tiny_config("mlp", train__teacher=teacher, data__fraction=0.2)


def test_the_answers_are_the_teachers_own(train: Command, teacher: str) -> None:
    store = Store(train.store)
    config = config_of(teacher)
    data = load_dataset(config.data)
    logits_NK = read_logits(config, data, store, ALONE)
    assert logits_NK.dtype == np.float16
    assert len(logits_NK) == len(data.train)
    source = find_source(store, teacher, "train.teacher")
    module = build_model(source.config.model, data.image_shape, 10).eval()
    module.load_state_dict(read_weights(store, source))
    batches = Batches(
        data.train,
        data,
        config.data,
        batch_size_global=64,
        rank=0,
        num_workers=1,
        seed=0,
        device=torch.device("cpu"),
        channels_last=False,
        train=False,
    )
    with torch.inference_mode():
        own = torch.cat([module(images) for images, _ in batches.epoch(0)])
    torch.testing.assert_close(
        torch.tensor(np.asarray(logits_NK)).float(), own, rtol=2e-3, atol=2e-3
    )


def test_the_teacher_is_asked_once_a_node_and_data_set(
    train: Command, teacher: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, asked = Store(train.store), []
    ask = teachers._ask

    def count(*given: Any) -> Any:  # noqa: ANN401
        asked.append(given)
        return ask(*given)

    monkeypatch.setattr(teachers, "_ask", count)
    config = config_of(teacher)
    data = load_dataset(config.data)
    for _ in range(2):
        found = with_teacher(config, data, store, ALONE).teacher_NK
    assert len(asked) == 1
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    more = replace(config, data=replace(config.data, fraction=0.5))
    read_logits(more, load_dataset(more.data), store, ALONE)
    assert len(asked) == 2
    (path, *_) = (cache / "teachers").glob("*-239.npy")
    path.write_bytes(path.read_bytes()[:50])
    assert read_logits(config, data, store, ALONE).shape == (239, 10)
    assert len(asked) == 3


def test_data_without_a_teacher_are_as_they_are(train: Command) -> None:
    data = load_dataset(tiny_config().data)
    assert with_teacher(tiny_config(), data, Store(train.store), ALONE) is data


def test_a_trial_learns_from_a_teacher_and_is_reproduced(
    train: Command, teacher: str
) -> None:
    said = train(*STUDENT, "train.epochs=2", f"train.teacher={teacher}")
    assert said.code == 0, said.err
    results = open_results(Store(train.store))
    (row,) = results.trials("train")
    assert row["config.train.teacher"] == teacher
    assert row["config.train.distill_temperature"] == 4.0
    again = reproduce(results, row, "val.accuracy", lambda line: None)
    assert again.verdict == BITWISE
    tested = train("--evaluate", row["trial"])
    assert "The same as in the table" in tested.out


def test_a_teacher_that_is_not_there_is_one_line(train: Command, teacher: str) -> None:
    said = train(*STUDENT, f"train.teacher={'0' * 16}")
    assert (said.code, said.err.count("\n")) == (2, 1)
    found = '"train.teacher": must name a completed trial of the store'
    assert found in said.err
    assert teacher in said.err


@pytest.mark.parametrize(
    ("data", "other", "message"),
    [
        ("cifar10", "cifar100", "student's classes; found 100 and 10 .cifar100 and"),
        ("digits", "mnist", "take the student's images; found 1x28x28 and 1x8x8"),
        ("mnist", "fashion_mnist", "found T-shirt, trouser and 0, 1 .fashion_mnist"),
    ],
)
def test_a_teacher_of_other_classes_or_images_is_refused(
    data: str, other: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tiny_config("cnn", data__name=other)
    source = Source("a" * 16, "teacher", theirs, "folder")
    monkeypatch.setattr(teachers, "find_source", lambda *_: source)
    names = {"mnist": ("0", "1"), "fashion_mnist": ("T-shirt", "trouser")}

    class Named:
        def __init__(self, name: str) -> None:
            self.class_names = names[name]

    monkeypatch.setattr(teachers, "load_dataset", lambda own: Named(own.name))
    config = tiny_config("cnn", data__name=data, train__teacher="a" * 16)
    where = f'"train.teacher": {"a" * 16}'
    with pytest.raises(ConfigError, match=f"{where}: must.*{message}"):
        check_teachers([config], Store("/nowhere"))
