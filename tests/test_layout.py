"""The order of the house: who may import whom, and what stays unloaded."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import raypg

ROOT = Path(raypg.__file__).parents[1]
ORDER = """
later errors strict faults causes tracebacks locks secrets own own_optim
space metrics bucket folder lease store results models data optim
config
experiment training processor entries budget ledger checkpoints leftovers sources trial
retention pruning
git provenance patches own_files progress memo interrupts
plan solo wandb_log
exchange
cluster
studies
console
commands
tune train results.__main__ data.__main__
""".split()
"""A module imports what stands before it."""
OWNERS = {
    "ray": {"cluster"},
    "duckdb": {"results"},
    "wandb": {"wandb_log"},
    # bucket and folder are the two halves of the store; a Parquet file of images is a
    # publisher's format, read by one module.
    "pyarrow": {"results", "store", "bucket", "folder", "data.parquet_files"},
    "matplotlib": {"results"},
    "plotly": {"results"},
    "jinja2": {"results"},
}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for path in sorted((ROOT / "raypg").rglob("*.py"))
}
INNER = sorted(MODULES.keys() - {"raypg"})


@cache
def imports(module: str) -> set[str]:
    """Every module that a file names in an import, wherever it stands."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & MODULES.keys()) or {str(node.module)}
    return found


def floor(module: str) -> str:
    """The name under which a module stands in ORDER."""
    _, head, *rest = module.split(".")
    return f"{head}.__main__" if rest == ["__main__"] else head


def own(modules: set[str]) -> Iterator[str]:
    return (name for name in sorted(modules) if name.split(".")[0] == "raypg")


@pytest.mark.parametrize("module", INNER)
def test_a_module_imports_only_what_stands_above_it(module: str) -> None:
    place = floor(module)
    assert place in ORDER, f"give {place} a place in ORDER"
    for other in own(imports(module)):
        assert other != "raypg", "the root is for users"
        if floor(other) != place:
            assert ORDER.index(floor(other)) < ORDER.index(place), other


def test_no_module_imports_itself_over_others() -> None:
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        assert module not in path, " → ".join([*path, module])
        if module not in done:
            for other in own(imports(module)):
                walk(other, [*path, module])
            done.add(module)

    for module in INNER:
        walk(module, [])


@pytest.mark.parametrize("library", sorted(OWNERS))
def test_a_library_has_one_importer(library: str) -> None:
    owners = OWNERS[library]
    importers = {
        name if (name := module.partition(".")[2]) in owners else floor(module)
        for module in INNER
        if library in {name.split(".")[0] for name in imports(module)}
    }
    assert importers <= owners


def test_all_public_names_import_and_are_at_most_20() -> None:
    assert sorted(raypg.__all__) == raypg.__all__
    assert len(raypg.__all__) <= 20
    assert all(hasattr(raypg, name) for name in raypg.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        raypg.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("module", "unloaded"),
    [
        ("raypg", "ray pyarrow duckdb wandb torch numpy pydantic optuna"),
        ("raypg.data", "torch ray pyarrow duckdb sklearn torchvision"),
        (
            "raypg.training.loop",
            "ray pyarrow duckdb wandb optuna sklearn scipy torchvision",
        ),
        (
            "raypg.results.__main__",
            "torch ray duckdb wandb optuna sklearn scipy matplotlib plotly jinja2",
        ),
        ("raypg.results.query", "torch ray duckdb pandas pyarrow.compute"),
        ("raypg.train", "ray duckdb wandb optuna sklearn scipy torchvision"),
        ("raypg.experiment", "ray pyarrow duckdb wandb optuna sklearn torchvision"),
    ],
)
def test_importing_loads_nothing_heavy(module: str, unloaded: str) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    if module.endswith("__main__"):  # help loads every command
        script = (
            f"import sys; sys.argv[1:] = ['--help']; from {module} import main\n"
            "try: main()\n"
            "except SystemExit: print(*sys.modules)"
        )
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not set(unloaded.split()) & set(loaded)
