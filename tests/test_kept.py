"""What a sweep keeps whole (space, config) is refused where it holds a secret."""

from pathlib import Path

import pytest

from raypg.config import parse_overrides
from raypg.errors import SpaceError
from raypg.experiment import check_keeps_no_secret, load_space
from raypg.secrets import secret_line
from tests.command import GOOD, Command

ROOT = Path(__file__).parents[1]
SPACES = sorted(ROOT.glob("search_spaces/*.py"))
SECRET = "hunter2" + "0123456789" + "abcdef"
URL = "https://me:" + f"{SECRET}@host/data"
LINES = [
    f'api_key = "{SECRET}"',
    f'API_KEY: str = "{SECRET[:7]}"',
    f'CLIENT = dict(password="{SECRET[:7]}")',
    f'OPTIONS = {{"token": "{SECRET}"}}',
    f'import os\nos.environ["WANDB_API_KEY"] = "{SECRET}"',
    f"# see {URL}",
    f'KEY = "{"sk" + "-" + SECRET}"',
]


def refused_at(where: str, said_code: int, err: str) -> None:
    """One error of four parts at a place, which does not tell the secret."""
    assert said_code == 2
    assert err.startswith(f"{where}: must hold no secret"), err
    assert "found what looks like a key (not shown). " in err
    assert SECRET[:7] not in err


@pytest.mark.parametrize("line", LINES)
def test_a_space_with_a_secret_is_refused_by_its_line(tune: Command, line: str) -> None:
    Path("space.py").write_text(f"{GOOD}\n{line}\n")
    said = tune("space.py")
    number = GOOD.count("\n") + 2 + line.count("\n")
    refused_at(f"space.py:{number}", said.code, said.err)
    assert 'os.environ["NAME"]' in said.err
    assert tune.is_untouched()


def test_a_space_that_reads_a_secret_into_its_values_is_refused(
    tune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_TOKEN", SECRET)
    base = '{"model.name": "mlp", "data.root": "x" + os.environ["DATA_TOKEN"]}'
    Path("space.py").write_text(
        "import os\n" + GOOD.replace('{"model.name": "mlp"}', base)
    )
    said = tune("space.py")
    refused_at("space.py: SPACE", said.code, said.err)
    assert tune.is_untouched()


def test_a_config_with_a_secret_is_refused_by_its_key(
    tune: Command, train: Command
) -> None:
    Path("more.yaml").write_text(f"data: {{root: '{URL}'}}")
    said = tune("space.py", "--config", "more.yaml")
    refused_at('more.yaml: "data.root"', said.code, said.err)
    said = tune("space.py", f"data.root={URL}")
    refused_at('command line: "data.root"', said.code, said.err)
    said = train("model.name=mlp", f"data.root={URL}")
    refused_at('command line: "data.root"', said.code, said.err)
    assert tune.is_untouched()


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.name)
def test_no_space_of_this_repository_is_taken_for_a_secret(path: Path) -> None:
    check_keeps_no_secret(load_space(path), [parse_overrides(["data.root=/d"])])


def test_nor_is_an_example() -> None:
    examples = sorted(ROOT.glob("examples/*.py"))
    assert examples
    assert [one for one in examples if secret_line(one.read_bytes())] == []


@pytest.mark.parametrize(
    "line",
    [
        'api_key = os.environ["WANDB_API_KEY"]',
        'TOKEN = "none"',
        'tokenizer = "characters"',
        'spaces = sorted(["b"], key=str)',
        'SETTINGS = {"model.class_token": "average"}',
        "keys = ['model.depth', 'optimizer.lr']",
        "# see https://arxiv.org/abs/1608.06993 and https://host:8265/x@y",
    ],
)
def test_ordinary_lines_are_no_secrets(tmp_path: Path, line: str) -> None:
    path = tmp_path / "space.py"
    path.write_text(f"import os\n{GOOD}if False:\n    {line}\n    x = 1\n")
    check_keeps_no_secret(load_space(path), [])


def test_a_secret_is_found_where_it_stands_behind_ordinary_lines(
    tmp_path: Path,
) -> None:
    path = tmp_path / "space.py"
    path.write_text(GOOD + "\n" * 7 + f'    # token: "{SECRET}"\n')
    with pytest.raises(SpaceError, match=r"space\.py:10: must hold no secret"):
        check_keeps_no_secret(load_space(path), [])
