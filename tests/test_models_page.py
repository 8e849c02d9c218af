"""docs/models.md says what is built: each row is a config, and is counted again."""

import re
from pathlib import Path

import pytest

import raypg
from raypg.config import load, parse_overrides
from raypg.models import LIBRARIES, MODELS
from raypg.models.aliases import ALIASES
from raypg.trial import model_costs

PAGE = (Path(raypg.__file__).parents[1] / "docs" / "models.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(model\.name=[^`]+)` \|.*\| ([\d,]+) \| (.+) \|$", PAGE, re.M)


def short(flops: int) -> str:
    """Three digits of a count."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if flops >= size:
            digits = 2 if flops < 10 * size else 1 if flops < 100 * size else 0
            return f"{flops / size:.{digits}f} {unit}"
    return str(flops)


@pytest.mark.parametrize(("settings", "parameters", "flops"), ROWS)
def test_a_row_has_the_counts_of_its_network(
    settings: str, parameters: str, flops: str
) -> None:
    config = load([parse_overrides([*settings.split(), "data.name=cifar10"])])
    found = model_costs(config.model, (3, 32, 32), 10)
    assert (f"{found[0]:,}", short(found[1])) == (parameters, flops)


def test_every_model_has_a_row_and_every_alias_is_named() -> None:
    names = {settings.split()[0].partition("=")[2] for settings, *_ in ROWS}
    heads = {name.partition("/")[0] for name in names}
    assert heads >= MODELS.keys() | (LIBRARIES.keys() - {"timm"})
    assert all(f"| `{alias}` |" in PAGE for alias in ALIASES)
    assert all(f"model.name={library}/" in PAGE for library in LIBRARIES)
