"""A command line called within the test's own process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

GOOD = """from raypg import *
SPACE = Ablation(base={"model.name": "mlp"}, axes={"model.hidden": [8, 16]})
"""
"""A space file with nothing wrong in it."""


@dataclass(frozen=True)
class Said:
    """What a command ended with."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """A `main` that is called with a store of its own."""

    main: Callable[[], None]
    store: str
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str) -> Said:
        """Run it; its output so far is dropped."""
        self.capsys.readouterr()
        argv = ["raypg", *arguments, "--store", self.store]
        self.monkeypatch.setattr(sys, "argv", argv)
        code: object = 0
        try:
            self.main()
        except SystemExit as ending:
            code = ending.code
        assert isinstance(code, int)
        said = self.capsys.readouterr()
        return Said(code, said.out, said.err)

    def is_untouched(self) -> bool:
        """Whether nothing was written."""
        return not Path(self.store).exists()
