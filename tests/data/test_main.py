"""`python -m raypg.data`: ls, show and fetch."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import raypg
from raypg.commands import data_sets
from raypg.config.tree import leaf_hints, sections
from raypg.data import DATASETS, DataConfig
from raypg.data.__main__ import main
from tests.command import Said
from tests.data.raw_files import write_folder, write_raw_set


@pytest.fixture
def capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> pytest.CaptureFixture[str]:
    monkeypatch.setenv("RAYPG_DATA", str(tmp_path / "raw"))
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))
    return capsys


def run(capture: pytest.CaptureFixture[str], *arguments: str) -> Said:
    code: object = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["raypg.data", *arguments])
        try:
            main()
        except SystemExit as end:
            code = end.code
    said = capture.readouterr()
    assert isinstance(code, int)
    return Said(code, said.out, said.err)


def test_ls_says_how_large_each_set_is_and_whether_it_is_here(
    capture: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_raw_set("cifar10", tmp_path / "raw")
    said = run(capture, "ls", "--format", "json")
    rows = {row["name"]: row for row in json.loads(said.out)}
    assert list(rows) == list(DATASETS)
    assert rows["cifar10"]["here"] == str(tmp_path / "raw" / "cifar-10-batches-py")
    assert (rows["cifar100"]["here"], rows["cifar100"]["classes"]) == ("no", 100)
    assert (rows["digits"]["train"], rows["digits"]["size"]) == (1197, "115 kB")
    assert rows["folder"]["here"] == "data.root=…"


def test_show_counts_classes_and_draws_a_batch(
    capture: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_folder(tmp_path / "own" / "train", "a", num=30)
    write_folder(tmp_path / "own" / "train", "b", num=10)
    keys = [f"data.root={tmp_path}/own", "data.flip=true"]
    said = run(capture, "show", "folder", *keys, "--out", f"{tmp_path}/batch.png")
    assert said.code == 0
    lines = [line.split() for line in said.out.splitlines()]
    assert ["a", "24", "3", "3", "75.00%"] in lines
    assert "the largest to the smallest: 3 to 1" in said.out
    assert "note       no test split: 4 of its 40 training images" in said.out
    with Image.open(tmp_path / "batch.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 5 * data_picture_side(9)


def data_picture_side(side: int) -> int:
    return side * -(-64 // side)


def test_a_drawn_batch_shows_the_augmented_images(
    capture: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plain, cropped = tmp_path / "plain.png", tmp_path / "cropped.png"
    keys = ["synthetic", "data.noise=0", "--num", "9", "--out"]
    run(capture, "show", *keys, str(plain))
    run(capture, "show", *keys, str(cropped), "data.crop_padding=7")
    first, second = (np.asarray(Image.open(path)) for path in (plain, cropped))
    assert first.shape == second.shape
    # A crop brings in black, of which the patterns have none.
    assert (second[4:68, 4:68] == 0).all(-1).mean() > 0.05
    assert not (first[4:68, 4:68] == 0).all(-1).any()


def test_show_as_json_has_every_fact(capture: pytest.CaptureFixture[str]) -> None:
    said = run(capture, "show", "digits", "--format", "json")
    facts = json.loads(said.out)
    assert facts["num_examples"] == {"train": 1197, "val": 300, "test": 300}
    assert (facts["image_shape"], facts["version"]) == ([1, 8, 8], "digits-1")
    assert sum(row["train"] for row in facts["classes"]) == 1197
    assert facts["mean"] == [pytest.approx(0.3048, abs=1e-4)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "digit"], 'Did you mean "digits"?'),
        (["show", "digits", "data.flap=true"], 'Did you mean "data.flip"?'),
        (["show", "folder"], "Write data.root=FOLDER."),
        (["show", "digits", "--out", "/nowhere/a.png"], "Make the folder first."),
        (["fetch", "fashion_mnits"], 'Did you mean "fashion_mnist"?'),
        (["--nope"], "No such option: --nope"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    capture: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    said = run(capture, *arguments)
    assert said.code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert message in said.err


def test_fetch_says_what_is_ready(
    capture: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_raw_set("cifar10", tmp_path / "there")
    said = run(capture, "fetch", "cifar10", "--root", f"{tmp_path}/there")
    assert said.code == 0
    assert "ready: 90 + 10 + 20 images of 3×32×32" in said.out


def test_fetch_goes_on_after_what_it_cannot_have(
    capture: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = run(capture, "fetch", "mnist", "digits", "--root", str(tmp_path))
    lines = said.out.splitlines()
    assert said.code == 1
    assert "train-images-idx3-ubyte" in lines[0]
    assert lines[1].startswith("digits         ready: 1,197 + 300 + 300")


def test_debian_package_is_installed_where_there_is_one(
    capture: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed = []

    def install(name: str) -> bool:
        installed.append(name)
        write_raw_set(name, tmp_path / "raw")
        return True

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torchvision.datasets.MNIST", refuse)
    monkeypatch.setattr(data_sets, "_install_package", install)
    assert run(capture, "fetch", "mnist").code == 0
    assert installed == ["mnist"]


def test_the_page_names_every_data_set_and_every_key_of_its_own() -> None:
    page = (Path(raypg.__file__).parents[1] / "docs" / "data.md").read_text("utf-8")
    shared = leaf_hints(DataConfig)
    for name, kind in sections()["data"].choices.items():
        assert f"`{name}`" in page
        own = leaf_hints(kind).keys() - shared.keys()
        assert [leaf for leaf in sorted(own) if f"`{leaf}" not in page] == []
