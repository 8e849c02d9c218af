import ast
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raypg
from raypg.config import Config, Layer, fingerprint, flatten, load
from raypg.config.code import (
    entries_of,
    hash_source,
    training_code,
    without_entries,
)
from raypg.config.fingerprint import config_hash
from raypg.data import DATASETS
from raypg.models import LIBRARIES, MODELS, model_source_file

ROOT = Path(raypg.__file__).parents[1]
SOURCE = '''
"""What this is for."""

import math  # of Python


def area(radius: float) -> float:
    """Of a circle."""
    name = f"{radius:.1f} # no comment"
    text = """text

    that counts"""
    return math.pi * radius**2
'''
SAME = '''import math
def area(radius: float) -> float:
        # Indented otherwise, and said otherwise.
        name = f"{radius:.1f} # no comment"
        text = """text

    that counts"""
        "A sentence that does nothing."
        return math.pi * \\
            radius ** 2
'''


def config(**leaves: Any) -> Config:  # noqa: ANN401
    values = {name.replace("__", "."): value for name, value in leaves.items()}
    return load([Layer("a test", values)])


def key(config: Config, num_workers: int = 1) -> str:
    return fingerprint(config, device="cpu", num_workers=num_workers).key


LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "optimizer__lr": st.sampled_from([0.1, 0.2, 0.1 + 1e-17, 0.30000000000000004]),
        "train__clip_norm": st.sampled_from([0.0, -0.0, 1]),
        "schedule__milestones": st.sampled_from([[0.5, 0.75], [0.75, 0.5], []]),
        "model__name": st.sampled_from(["densenet", "resnet"]),
        "seed": st.integers(0, 2),
    },
)


@settings(deadline=None)  # the machine may be shared
@given(LEAVES, LEAVES)
def test_keys_are_equal_where_configs_are(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = config(**one), config(**other)
    assert (key(first) == key(second)) == (flatten(first) == flatten(second))


def test_a_key_is_16_hex_digits() -> None:
    assert len(bytes.fromhex(key(config()))) == 8


def test_where_the_data_lies_is_no_part_of_it(tmp_path: Path) -> None:
    assert key(config(data__root=str(tmp_path))) == key(config())


@pytest.mark.parametrize(
    "change",
    [
        {"config": "x"},
        {"data": "x"},
        {"code": {"a.py": "x"}},
        {"device": "cuda"},
        {"torch": "1.0"},
        {"num_workers": 2},
    ],
)
def test_every_part_alters_the_key(change: dict[str, Any]) -> None:
    found = fingerprint(config(), device="cpu", num_workers=1)
    assert replace(found, **change).key != found.key


def test_another_process_and_another_order_of_keys_give_the_same_key() -> None:
    script = (
        "import json, sys; from raypg.config import Layer, load, fingerprint\n"
        "layer = Layer('a test', json.loads(sys.argv[1]))\n"
        "print(fingerprint(load([layer]), device='cpu', num_workers=1).key)"
    )
    leaves = {"optimizer.lr": 0.3, "seed": 3, "data.flip": True}
    backwards = json.dumps(dict(reversed(leaves.items())))
    output = subprocess.run(
        [sys.executable, "-c", script, backwards],
        env={"PYTHONHASHSEED": "5", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output.strip() == key(load([Layer("a test", leaves)]))


def test_comments_docstrings_and_layout_alter_no_hash() -> None:
    assert hash_source(SOURCE) == hash_source(SAME)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("radius**2", "radius**3"),
        (".1f}", ".2f}"),
        ("# no comment", "# a comment"),
        ("that counts", "that  counts"),
        ("    return", "    if name:\n        return"),
    ],
)
def test_whatever_python_reads_alters_the_hash(old: str, new: str) -> None:
    assert hash_source(SOURCE.replace(old, new)) != hash_source(SOURCE)


def test_the_hash_is_the_same_on_every_python() -> None:
    assert hash_source(SOURCE) == "ccd1ec897e4b237f"  # 3.11, 3.12 and 3.13


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_trial_depends_on_its_own_model_s_file_only(name: str) -> None:
    found = {
        path for path in training_code(name, "digits") if path.startswith("raypg/mod")
    }
    files = {other: _relative(other) for other in MODELS}
    assert found & set(files.values()) == {files[name]}


def test_a_newcomer_makes_no_trial_of_another_model_stale() -> None:
    source = (ROOT / "raypg/models/__init__.py").read_text("utf-8")
    more = source
    for here, newcomer in {
        "from raypg.models.vit ": "from raypg.models.new import NewConfig, build_new",
        "        | VitConfig": "        | NewConfig",
        '    "vit": build_vit': '    "new": build_new,',
    }.items():
        assert more.count(f"\n{here}") == 1
        more = more.replace(f"\n{here}", f"\n{newcomer}\n{here}")
    assert more != source
    assert _registry_hash(more) == _registry_hash(source)
    assert _registry_hash(more.replace("in MODELS", "in {}")) != _registry_hash(source)


def _registry_hash(source: str) -> str:
    tree = ast.parse(source)
    entries = entries_of("raypg.models", tree)
    return hash_source(without_entries(source, tree, entries))


def _relative(model: str) -> str:
    file = model_source_file(config(model__name=model).model)
    return file.relative_to(ROOT).as_posix()


def test_a_trial_depends_on_the_code_that_trains_and_on_none_that_reads_configs() -> (
    None
):
    paths = set(training_code("mlp", "digits"))
    assert paths >= {
        "raypg/training/loop.py",
        "raypg/data/pipeline.py",
        "raypg/data/digits.py",
        "raypg/models/__init__.py",
        "raypg/optim/__init__.py",
    }
    assert not {path for path in paths if path.startswith("raypg/config/")}
    assert "raypg/data/cifar.py" not in paths


@pytest.mark.parametrize(
    ("package", "names"),
    [("models", {*MODELS, *LIBRARIES}), ("data", set(DATASETS))],
)
def test_every_entry_of_a_registry_has_a_file(package: str, names: set[str]) -> None:
    source = (ROOT / "raypg" / package / "__init__.py").read_text("utf-8")
    entries = entries_of(f"raypg.{package}", ast.parse(source))
    assert entries.keys() == names
    assert all(entries.values())


def test_a_key_that_came_later_alters_nothing_while_it_is_off() -> None:
    # Of the trials that were stored before these keys were there.
    assert config_hash(Config()) == "84ebc2cf1721c096"
    constant = config(schedule__name="constant")
    cosine = config(schedule__name="cosine")
    assert config_hash(constant) == "d400134a08d11be5"
    assert config_hash(cosine) == "972df245fa75f062"
    risen = config(schedule__name="constant", schedule__warmup=0.1)
    assert config_hash(risen) != config_hash(constant)
