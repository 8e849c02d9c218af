from pathlib import Path

import pytest

from raypg.config import flatten, load, parse_yaml, to_yaml
from raypg.experiment import base_config, build_proposals, load_space, parse_space

SPACES = sorted((Path(__file__).parents[1] / "search_spaces").glob("*.py"))
HEADER = "from raypg import *\n"


def base_of(space: str) -> dict[str, object]:
    return dict(flatten(base_config(parse_space(HEADER + space, "space.py"), [])))


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.stem)
def test_the_base_config_loads_back_as_a_file(path: Path) -> None:
    space_file = load_space(path)
    base = base_config(space_file, [])
    layer = parse_yaml(to_yaml(base), "base.yaml")
    assert load([layer]) == base
    # A file has the keys of one model, and named arms may be of several.
    arms = [
        name
        for name, values in getattr(space_file.space, "arms", {}).items()
        if values["model.name"] == base.model.name
    ]
    again = load_space(path, [layer], arms)
    assert base_config(again, [layer]) == base
    build_proposals(again, [layer], device="cpu", num_workers=1)


def test_axes_have_the_values_of_the_baseline() -> None:
    base = base_of(
        'SPACE = Ablation(axes={"model.depth": [22, 40], "optimizer.lr": [0.1, 0.2]},'
        ' baseline={"model.depth": 22}, seeds=[7, 8])'
    )
    assert base["model.depth"] == 22
    assert (base["optimizer.lr"], base["seed"]) == (0.1, 7)


def test_a_search_starts_from_its_base_and_its_scheduler() -> None:
    base = base_of(
        'SPACE = Search(base={"model.depth": 22}, trials=4, metric="val.loss",'
        ' mode="min", axes={"optimizer.lr": log_uniform(0.5, 0.9)},'
        " scheduler=ASHA(max_epochs=9))"
    )
    assert (base["model.depth"], base["optimizer.lr"]) == (22, 0.1)
    assert (base["train.epochs"], base["train.metric"]) == (9, "val.loss")


def test_a_base_that_needs_its_axes_has_their_first_values() -> None:
    base = base_of(
        'SPACE = Search(base={"model.depth": 20}, trials=2,'
        ' axes={"model.round_depth": choice(True), "optimizer.lr": uniform(0.2, 1)})'
    )
    assert (base["model.round_depth"], base["optimizer.lr"]) == (True, 0.2)
