import subprocess
import sys
from pathlib import Path

import pytest
from typer import Exit

from raypg.data import __main__ as command
from tests.data.raw_files import write_raw_set


def exit_code(*names: str, root: str = "") -> int:
    try:
        command.main(list(names), root)
    except Exit as end:
        return end.exit_code
    raise AssertionError("the command did not end")


def test_command_says_what_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))
    write_raw_set("cifar10", tmp_path)
    assert exit_code("cifar10", root=str(tmp_path)) == 0
    assert "ready: 90 + 10 + 20 images of 3×32×32" in capsys.readouterr().out


def test_command_goes_on_after_what_it_cannot_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("mnist", "digits", root=str(tmp_path)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "train-images-idx3-ubyte" in lines[0]
    assert lines[1].startswith("digits         ready: 1,197 + 300 + 300")


def test_unknown_name_exits_with_two_and_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code("fashion_mnits") == 2
    assert 'Did you mean "fashion_mnist"?' in capsys.readouterr().err


def test_debian_package_is_installed_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYPG_DATA", str(tmp_path))
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))
    installed = []

    def install(name: str) -> bool:
        installed.append(name)
        write_raw_set(name, tmp_path)
        return True

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torchvision.datasets.MNIST", refuse)
    monkeypatch.setattr(command, "_install_package", install)
    assert exit_code("mnist") == 0
    assert installed == ["mnist"]


def test_an_unknown_option_is_one_line() -> None:
    command_line = [sys.executable, "-m", "raypg.data", "--nope"]
    done = subprocess.run(command_line, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "command line: No such option: --nope. See --help.\n"
