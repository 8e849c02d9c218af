"""A space is kept as data, and is the same space again; nothing of it is run."""

import importlib
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import raypg.space
from raypg.cluster.saved_space import read_own_space
from raypg.errors import SpaceError, StoreError
from raypg.experiment import load_space
from raypg.space import (
    ASHA,
    Ablation,
    Search,
    Space,
    choice,
    from_data,
    integer,
    log_uniform,
    to_data,
    uniform,
    when,
)
from raypg.space import Path as PathSpace
from raypg.space.saved import KIND, KINDS
from raypg.store import Store
from tests.command import GOOD, Command

FILES = sorted((Path(__file__).parents[1] / "search_spaces").glob("*.py"))
WHOLE = ("Ablation", "Search", "Path")
NO_PARTS = ("AblationStudy", "Arm")
"""Dataclasses of the package that no space consists of."""
SPACES: list[Space] = [
    Ablation(
        base={"model.name": "mlp", "data.mean": (0.5, 0.25)},
        axes={"optimizer.lr": [0.1, 1e-300, 1 / 3], "data.flip": (True, False)},
        seeds=range(2, 9, 3),
        baseline={"optimizer.lr": 0.1},
        metric="val.loss",
        mode="min",
    ),
    Ablation(axes={"optimizer.lr": [0.1, 1]}, seeds=[4, 2]),
    Ablation(
        arms={"B": {"model.name": "mlp"}, "A 1": {"data.mean": (0.5, 0.25)}},
        published={"He et al., table 6": {"B": 8, "A 1": 7.5}},
        baseline="B",
    ),
    Search(
        axes={
            "optimizer.name": choice("sgd", "adamw"),
            "model.depth": integer(22, 40, step=6),
            "optimizer.lr": log_uniform(1e-3, 1),
            "optimizer.momentum": when("optimizer.name", "sgd", uniform(0.8, 0.99)),
        },
        trials=4,
        scheduler=ASHA(max_epochs=27, grace_epochs=3),
    ),
    PathSpace(base={"model.name": "mlp"}, changes=[({"data.flip": True}, {})]),
]


def through_json(space: Space) -> Space:
    return from_data(json.loads(json.dumps(to_data(space))), "sweep.json")


def parts_of_spaces() -> Mapping[str, type]:
    """The dataclasses of the package that spaces may consist of."""
    found = {}
    for module in pkgutil.iter_modules(raypg.space.__path__, "raypg.space."):
        for name, one in vars(importlib.import_module(module.name)).items():
            if isinstance(one, type) and is_dataclass(one) and name not in NO_PARTS:
                found[name] = one
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_space_of_this_repository_is_the_same_again(path: Path) -> None:
    space = load_space(path).space
    assert through_json(space) == space


@pytest.mark.parametrize("space", SPACES, ids=range(len(SPACES)))
def test_a_space_is_the_same_again_in_types_and_order(space: Space) -> None:
    again = through_json(space)
    assert again == space
    # Tells 1 from 1.0 and True, a tuple from a list, and the order of the axes.
    assert repr(again) == repr(space)


def test_numbers_of_numpy_are_kept_as_numbers() -> None:
    rates = np.linspace(0.1, 0.3, 3)
    again = through_json(Ablation(axes={"optimizer.lr": list(rates)}))
    assert repr(again.axes["optimizer.lr"]) == repr(rates.tolist())


@pytest.mark.parametrize("name", sorted(parts_of_spaces().keys() - set(WHOLE)))
def test_every_part_keeps_every_field(name: str) -> None:
    kind = parts_of_spaces()[name]
    assert KINDS[name] is kind
    part = kind(**{one.name: place for place, one in enumerate(fields(kind), 1)})
    data = to_data(part)
    assert data == {
        KIND: name,
        **{one.name: getattr(part, one.name) for one in fields(kind)},
    }
    # As a part of something that is not checked, so that any part fits.
    path = PathSpace(base={"x": part}, changes=[])
    assert through_json(path).base["x"] == part


def test_the_old_decorator_is_kept_as_the_ablation_that_it_makes(
    tmp_path: Path,
) -> None:
    file = tmp_path / "old.py"
    file.write_text(
        "from raypg import ablation_study\n@ablation_study\n"
        "def study():\n    return {'depths': [22, 40]}\n"
    )
    space = load_space(file).space
    assert through_json(space) == space


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({KIND: "Popen", "args": "true"}, '"Popen"'),
        ({KIND: "Search", "axes": {KIND: "system", "x": 1}}, '"system"'),
        ({KIND: "AblationStudy", "function": "f"}, '"AblationStudy"'),
        ({KIND: "Search", "axes": {}, "trials": 1, "more": 2}, "more"),
        ({KIND: "Search", "axes": {}, "trials": 0}, "axes: must have at least one"),
        ({KIND: "range", "ends": [1]}, "data"),
        ({KIND: ["Search"]}, "data"),
        ({"axes": {}}, "axes"),
        (["Search"], "Search"),
        (3, "3"),
    ],
)
def test_what_is_no_space_is_refused(data: Any, found: str) -> None:  # noqa: ANN401
    with pytest.raises(SpaceError, match=r"^sweep\.json") as refused:
        from_data(data, "sweep.json")
    assert found in str(refused.value)


def test_a_space_of_other_things_is_refused_before_anything_is_written(
    tune: Command,
) -> None:
    Path("space.py").write_text(
        "from raypg import *\nclass Own(Ablation): pass\n"
        'SPACE = Own(axes={"model.hidden": [8]}, base={"model.name": "mlp"})\n'
    )
    said = tune("space.py")
    assert said.code == 2
    assert said.err.startswith("space.py: SPACE: must hold plain values; found Own")
    assert tune.is_untouched()


class Old:
    """A sweep of an older raypg, whose Python leaves a mark where it is run."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder / "runs"))
        self.mark = folder / "was_run"
        self.source = f"open({str(self.mark)!r}, 'w').close()\n{GOOD}"
        self.about = {"space_file": "space.py", "space_source": self.source}

    def read(self, path: str = "", *, runs_saved: bool = False) -> Space:
        return read_own_space(
            self.store, "old", self.about, [], path, runs_saved=runs_saved
        )


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Old:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Old(tmp_path)


def refuses(old: Old, path: str = "") -> None:
    with pytest.raises(StoreError, match="a store's code is not run.*--run-saved-"):
        old.read(path)
    assert not old.mark.exists()


def test_the_python_of_a_store_is_not_run(old: Old) -> None:
    refuses(old)
    Path("space.py").write_text(f"{old.source}# other")
    refuses(old)
    refuses(old, "space.py")


def test_nor_where_the_store_names_a_file_of_its_own(old: Old) -> None:
    for place in (Path("../outside.py"), Path("runs/evil.py")):
        place.parent.mkdir(exist_ok=True)
        place.write_text(old.source)
        old.store = Store("runs")
        old.about["space_file"] = str(place)
        refuses(old)


def test_python_that_the_user_has_is_run(old: Old) -> None:
    Path("mine.py").write_text(old.source)
    assert isinstance(old.read("mine.py"), Ablation)
    Path("mine.py").rename("space.py")
    assert isinstance(old.read(), Ablation)


def test_python_of_a_store_is_run_where_the_user_says_so(old: Old) -> None:
    assert isinstance(old.read(runs_saved=True), Ablation)
    assert old.mark.exists()


def test_a_space_that_is_kept_as_data_needs_no_python(old: Old) -> None:
    old.about["space"] = to_data(SPACES[2])
    assert old.read() == SPACES[2]
    assert not old.mark.exists()


def test_the_word_that_runs_it_stands_beside_resume(tune: Command) -> None:
    said = tune("space.py", "--run-saved-space")
    assert said.err.startswith("--run-saved-space: must stand beside --resume")
