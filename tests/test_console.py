"""The edge of a command line: what the system refuses is one line of four parts."""

import errno
import os

import pytest

from raypg.console import new_app, run_app
from raypg.errors import ResultsError


def refused(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that meets this error."""
    app = new_app()

    @app.command()
    def ask() -> None:
        raise error

    monkeypatch.setattr("sys.argv", ["ask"])
    with pytest.raises(SystemExit, match="2"):
        run_app(app)


@pytest.mark.parametrize(
    ("error", "where", "found"),
    [
        (
            PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/runs/a"),
            "/runs/a",
            "PermissionError: Permission denied",
        ),
        (OSError("When reading:\n no answer."), "the store", "OSError: When reading:"),
    ],
)
def test_what_the_system_refuses_is_one_line_of_four_parts(
    error: OSError,
    where: str,
    found: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused(error, monkeypatch)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{where}: must let itself be read and written; found ")
    assert found in line
    assert line.endswith(
        " See whether it is there, whose it is, and whether its disk has room."
    )
    assert ".." not in line


def test_a_message_that_ends_a_sentence_gets_no_second_period() -> None:
    error = ResultsError(
        "a.parquet", "must be whole", "no Parquet file.", "Restore it."
    )
    assert str(error) == "a.parquet: must be whole; found no Parquet file. Restore it."
