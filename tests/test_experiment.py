import re
from collections.abc import Callable
from pathlib import Path

import pytest

from raypg.config import flatten, parse_overrides, preset_layer
from raypg.config import load as load_config
from raypg.errors import ConfigError, SpaceError
from raypg.experiment import SpaceFile, base_config, build_proposals, load_space
from raypg.space import Ablation, Search

SPACES = sorted((Path(__file__).parents[1] / "search_spaces").glob("*.py"))
DEPTHS = (
    "from raypg import Ablation\nSPACE = Ablation(axes={'model.depth': [22, 40]})\n"
)
ASHA = (
    "from raypg import *\n"
    "SPACE = Search(axes={'optimizer.lr': log_uniform(0.01, 1)}, trials=4,"
    " scheduler=ASHA(max_epochs=9))\n"
)
STUDY = (
    "from raypg import ablation_study\n"
    "@ablation_study\n"
    "def study():\n"
    "    return {'depths': [20, 40, 60, 80], 'other_params': {'growth_rate': 12}}\n"
)

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a space file; errors then call it space.py."""
    monkeypatch.chdir(tmp_path)

    def write(source: str) -> str:
        Path("space.py").write_text(source)
        return "space.py"

    return write


def load(path: str, *arguments: str) -> SpaceFile:
    return load_space(path, [parse_overrides(arguments)])


def test_a_space_file_is_loaded_with_its_question(write: Write) -> None:
    found = load_space(write(f'"""Does depth pay?"""\n{DEPTHS}'))
    assert (found.path, found.stem) == ("space.py", "space")
    assert found.docstring == "Does depth pay?"
    assert found.source.endswith(DEPTHS)
    assert isinstance(found.space, Ablation)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "space.py: must define SPACE; found an empty file"),
        ("# nothing\nx = 1\n", "space.py: must define SPACE; found none"),
        ("SPACE = {}", "space.py: SPACE: must be an Ablation or a Search; found dict"),
        ("from raypg import *\nSPACE = Ablation", "or a Search; found type"),
        (DEPTHS.replace("SPACE", "Space"), "must name its space SPACE; found Space"),
        (DEPTHS + "SPACE = SPACE", "must hold one space; found SPACE on lines 2, 3"),
        (DEPTHS + STUDY, "space.py: must hold one space; found SPACE and study"),
        (STUDY + STUDY.replace("study()", "b()"), "one space; found study and b"),
        ("SPACE = (", "space.py:1: must be Python; found '(' was never closed: SPACE"),
        ("import sys\nsys.exit(3)", "an error; found SystemExit: 3"),
        ("import nothing_such", "found ModuleNotFoundError: No module named"),
        (DEPTHS.replace("axes", "axis"), "space.py:2: must import without an error"),
        (STUDY.replace("return", "return 1/0,"), "found ZeroDivisionError: division"),
        (
            STUDY.replace("depths", "dephts"),
            "space.py: study(): must return known keys",
        ),
        (STUDY.replace("12", "'a'"), 'base["model.growth_rate"]: must be a whole'),
        (
            DEPTHS.replace("depth", "detph"),
            'space.py: axes["model.detph"]: must name a field of "model";'
            ' found "detph". Did you mean "depth"?',
        ),
        (
            DEPTHS.replace("40", "38"),
            'space.py: axes["model.depth"]: must be 3n+4 without bottlenecks'
            " (nearest: 37 and 40); found 38.",
        ),
        (DEPTHS.replace("40", "'40'"), 'must be a whole number; found "40"'),
        (DEPTHS.replace("40", "40.0"), "must be a whole number; found 40.0"),
        (DEPTHS.replace("40", "True"), "must be a whole number; found true"),
        (DEPTHS.replace("40", "None"), "must be a whole number; found null"),
        (DEPTHS.replace("[22, 40]", "[]"), "must have at least one value"),
        (DEPTHS.replace("model.depth", "train.metric"), "left to the space's metric"),
        (DEPTHS.replace("model.depth", "model"), 'Did you mean "model.name"?'),
        (ASHA.replace("0.01, 1", "1, 0.1"), 'axes["optimizer.lr"]: low must be below'),
        (
            ASHA.replace("optimizer.lr", "optimizer.rl"),
            "Known: decay_norms, lr, moment",
        ),
        (ASHA.replace("optimizer.lr", "train.clip"), 'Did you mean "clip_norm"?'),
        (
            ASHA.replace("log_uniform(0.01, 1)", "uniform(-1, 1)"),
            'axes["optimizer.lr"]: must be above 0.0; found -1.0',
        ),
        (
            ASHA.replace(
                "'optimizer.lr': log_uniform(0.01, 1)", "'model.depth': integer(22, 25)"
            ),
            "(nearest: 22 and 25); found 23",
        ),
        (
            ASHA.replace("axes", "base={'train.epochs': 8}, axes"),
            'space.py: base["train.epochs"]: must be 9, as the scheduler of space.py',
        ),
    ],
)
def test_a_wrong_space_file_is_one_clear_error(
    write: Write, source: str, message: str
) -> None:
    with pytest.raises(SpaceError, match=re.escape(message)):
        load_space(write(source))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        SpaceError, match="nowhere.py: must be a readable file; found no"
    ):
        load_space(tmp_path / "nowhere.py")
    with pytest.raises(SpaceError, match="must be a readable file; found is a dir"):
        load_space(tmp_path)


def test_what_a_space_raises_comes_with_the_user_s_own_lines(write: Write) -> None:
    source = "import json\ndef depths():\n    return json.loads('[22')\nX = depths()\n"
    with pytest.raises(SpaceError, match="JSONDecodeError") as caught:
        load_space(write(source))
    assert str(caught.value).splitlines()[1:] == [
        "  line 4, in <module>: X = depths()",
        "  line 3, in depths: return json.loads('[22')",
    ]


def test_every_fault_of_a_space_file_has_a_line(write: Write) -> None:
    source = (
        "from raypg import Ablation\n"
        "SPACE = Ablation(base={'modl.name': 'x', 'seeds': 3},"
        " axes={'model.depth': [23, 24], 'optimizer.rl': [1]})\n"
    )
    with pytest.raises(SpaceError, match="modl") as caught:
        load_space(write(source))
    assert [line.split(": must")[0] for line in str(caught.value).splitlines()] == [
        'space.py: base["modl.name"]',
        'space.py: base["seeds"]',
        'space.py: axes["model.depth"]',
        'space.py: axes["optimizer.rl"]',
        'space.py: axes["model.depth"]',
    ]


def test_an_axis_on_the_command_line_is_an_error_that_names_both(write: Write) -> None:
    with pytest.raises(ConfigError, match=r'"model.depth": .* axes\["model.depth"\]'):
        load(write(DEPTHS), "model.depth=30")


def test_a_seed_on_the_command_line_of_an_ablation_is_an_error(write: Write) -> None:
    with pytest.raises(ConfigError, match='"seed": must not be an axis, and space.py'):
        load(write(DEPTHS), "seed=3")


@pytest.mark.parametrize(
    ("source", "argument", "part"),
    [
        (ASHA, "train.epochs=8", "scheduler"),
        (DEPTHS, "train.metric=val.loss", "metric"),
    ],
)
def test_the_command_line_cannot_contradict_the_space(
    write: Write, source: str, argument: str, part: str
) -> None:
    with pytest.raises(ConfigError, match=f"as the {part} of space.py says"):
        load(write(source), argument)


def test_a_wrong_override_beside_a_right_space_is_the_command_line_s(
    write: Write,
) -> None:
    with pytest.raises(ConfigError, match='^command line: "train.epoch": must name'):
        load(write(DEPTHS), "train.epoch=3")


def test_a_space_that_needs_an_override_loads_with_it(write: Write) -> None:
    path = write(
        DEPTHS.replace("model.depth", "optimizer.beta1").replace("22, 40", ".8")
    )
    with pytest.raises(SpaceError, match="It belongs to adam, adamw, "):
        load(path)
    assert load(path, "optimizer.name=adamw")


def test_the_decorated_function_rounds_depths_and_says_so(write: Write) -> None:
    found = load_space(write(STUDY))
    assert found.notes == (
        "model.round_depth=true builds other depths: 20→19, 60→58, 80→79",
    )


def test_a_space_is_data_and_runs_in_a_namespace_of_its_own(write: Write) -> None:
    path = write(DEPTHS + "if __name__ == '__main__':\n    raise RuntimeError\n")
    assert load_space(path).space == load_space(path).space


@pytest.mark.parametrize(
    ("source", "depth", "epochs"),
    [
        (DEPTHS, 40, 3),
        (DEPTHS.replace("40", "28"), 22, 3),
        (ASHA, 40, 9),
        (
            ASHA.replace(
                "'optimizer.lr'", "'optimizer.name': choice('adamw'), 'optimizer.lr'"
            ).replace("axes", "base={'optimizer.beta1': 0.8}, axes"),
            40,
            9,
        ),
    ],
)
def test_a_space_starts_from_its_baseline_or_from_its_first_values(
    write: Write, source: str, depth: int, epochs: int
) -> None:
    found = base_config(load_space(write(source)), [])
    assert (found.model.depth, found.train.epochs) == (depth, epochs)  # type: ignore[union-attr]


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.stem)
def test_a_shipped_space_asks_a_question_and_states_its_cost(path: Path) -> None:
    found = load_space(path)
    assert "?" in found.docstring
    assert re.search(r"\d+ trials", found.docstring)
    trials = build_proposals(found, [], device="cpu", num_workers=1).num_trials
    assert f"{trials} trials" in found.docstring


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.stem)
def test_a_shipped_space_takes_the_paper_s_setting(path: Path) -> None:
    layers = [preset_layer("paper")]
    proposals = build_proposals(
        load_space(path, layers), layers, device="cuda", num_workers=1
    )
    trial = proposals.propose()
    assert trial is not None
    assert trial.config.data.name == "cifar10"
    assert (trial.config.data.crop_padding, trial.config.data.flip) == (4, True)
    is_early = isinstance(load_space(path).space, Search)
    assert trial.config.train.epochs == 300 or is_early


def test_the_main_job_takes_the_paper_s_width_too() -> None:
    (path,) = (path for path in SPACES if path.stem == "densenet_depth")
    layers = [preset_layer("paper"), parse_overrides(["model.growth_rate=12"])]
    found = base_config(load_space(path, layers), layers)
    assert flatten(found) == flatten(
        load_config([preset_layer("paper"), parse_overrides(["model.depth=40"])])
    )
