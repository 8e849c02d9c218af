"""The commands of a newcomer and of CI: `make` sets up, checks and tests."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKES_A_VENV = """#!/bin/sh
case "$*" in "-m venv"*) printf '#!/bin/sh\\nexit 0\\n' > .venv/bin/python;; esac
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


def make(folder: Path, *arguments: str) -> str:
    # An environment without the MAKEFLAGS of the `make test` that runs this.
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The Makefile beside a virtual environment whose python has no pip."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    write_script(tmp_path / ".venv" / "bin" / "python", "#!/bin/sh\nexit 1\n")
    write_script(tmp_path / "python3", MAKES_A_VENV)
    return tmp_path


def write_script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def test_a_half_made_environment_is_made_again(folder: Path) -> None:
    make(folder, "setup", "PYTHON=./python3")
    assert (folder / ".venv" / ".installed").exists()


def test_lint_and_test_are_what_the_style_says(folder: Path) -> None:
    (folder / ".venv" / ".installed").touch()
    lint = ["ruff check .", "ruff format --check .", "mypy"]
    said = make(folder, "--dry-run", "lint").splitlines()
    assert said == [f".venv/bin/{tool}" for tool in lint]
    said = make(folder, "--dry-run", "test").splitlines()
    tests = "python -m pytest --numprocesses 2 --dist loadfile"
    assert said == [f".venv/bin/{tool}" for tool in [*lint, tests]]


@pytest.mark.parametrize(
    ("target", "commands"),
    [
        ("setup", []),
        ("sweep", ["python -m raypg.tune search_spaces/densenet_depth.py"]),
        ("format", ["ruff check --fix .", "ruff format ."]),
        ("data", ["python -m raypg.data fetch"]),
        ("bench", ["python -m tests.benchmarks"]),
        ("bench QUICK=1", ["python -m tests.benchmarks --quick"]),
    ],
)
def test_a_target_runs_its_command_and_sets_up_once(
    folder: Path, target: str, commands: list[str]
) -> None:
    (folder / ".venv" / ".installed").touch()
    said = make(folder, "--dry-run", "--silent", *target.split())
    # Where nothing is to be made, make says so even when it is to be silent.
    run = [line.rstrip() for line in said.splitlines() if line[:6] != "make: "]
    assert run == [f".venv/bin/{command}" for command in commands]


def test_new_dependencies_set_up_again(folder: Path) -> None:
    stamp = folder / ".venv" / ".installed"
    stamp.touch()
    later = stamp.stat().st_mtime + 5
    os.utime(folder / "constraints.txt", (later, later))
    assert "pip install" in make(folder, "--dry-run", "setup")


def test_ci_and_hooks_run_these_very_commands() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    commands = [line.partition("run: ")[2] for line in workflow.splitlines()]
    assert [command for command in commands if command] == ["make test"]
    entries = [line.partition("entry: ")[2] for line in hooks.splitlines()]
    assert [entry for entry in entries if entry] == ["make lint"]
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    assert "make test" in ci
