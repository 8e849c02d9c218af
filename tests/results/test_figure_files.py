"""Figures as both back ends draw them, and the command that writes them."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import plotly.graph_objects
import pytest

from raypg.results import Results
from raypg.results.__main__ import main
from raypg.results.figures import FIGURES, Figure, build_figure
from raypg.results.figures.figure import Axis, Labels, Line, Points
from raypg.results.figures.on_paper import FORMATS, draw_file
from raypg.results.figures.on_screen import plotly_figure
from raypg.results.figures.palette import palette
from tests.command import Command
from tests.results.pictured import write_ablation, write_search, write_way

DRAWABLE = [("depth", kind) for kind in ("curves", "axis", "tradeoff", "timeline")]
DRAWABLE += [("explain", "waterfall")]
DRAWABLE += [("asha", kind) for kind in FIGURES if kind != "waterfall"]
BEGINS = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Results]:
    return {
        "depth": write_ablation(tmp_path_factory.mktemp("ablation")),
        "asha": write_search(tmp_path_factory.mktemp("search")),
        "explain": write_way(tmp_path_factory.mktemp("way")),
    }


@pytest.fixture
def results(
    stores: dict[str, Results],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """`python -m raypg.results` on the store of the ablation."""
    return Command(main, stores["depth"].store.uri, capsys, monkeypatch)


def in_theme(value: Any, colors: dict[str, str]) -> Any:  # noqa: ANN401 it is JSON
    """As the page does it: roles become colours."""
    if isinstance(value, str) and value.startswith("role:"):
        return colors[value.removeprefix("role:")]
    if isinstance(value, dict):
        return {name: in_theme(one, colors) for name, one in value.items()}
    return [in_theme(o, colors) for o in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("sweep", "kind"), DRAWABLE)
def test_both_back_ends_draw_every_figure(
    stores: dict[str, Results], sweep: str, kind: str
) -> None:
    figure = build_figure(stores[sweep], sweep, kind)
    for form in FORMATS:
        assert draw_file(figure, form).startswith(BEGINS[form])
    drawn = plotly_figure(figure)
    json.dumps(drawn, allow_nan=False)
    # It refuses whatever plotly.js does not know.
    plotly.graph_objects.Figure(in_theme(drawn, palette("dark")))


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_tables_give_the_same_bytes(
    stores: dict[str, Results], form: str
) -> None:
    first, second = (
        draw_file(build_figure(stores["depth"], "depth", "curves"), form)
        for _ in range(2)
    )
    assert first == second


def test_an_svg_needs_no_font_and_carries_its_caption(
    stores: dict[str, Results],
) -> None:
    figure = build_figure(stores["depth"], "depth", "curves")
    content = draw_file(figure, "svg")
    root = ElementTree.fromstring(content)
    assert root.tag == f"{SVG}svg"
    assert not root.findall(f".//{SVG}text")
    assert figure.caption in "".join(root.itertext())


def test_a_pdf_has_its_fonts_inside(stores: dict[str, Results]) -> None:
    content = draw_file(build_figure(stores["depth"], "depth", "curves"), "pdf")
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


def hostile() -> Figure:
    """Every kind of mark, with text that one of the back ends could take amiss."""
    text = "_<script>alert(1)</script> $x^2$ a & b"
    return Figure(
        kind="curves",
        title=text,
        caption=text,
        x=Axis(text),
        y=Axis(text, places=(text,)),
        marks=(
            Line(
                (0.0, None, 1.0), (0.0, None, 1.0), "blue", name=text, hover=(text,) * 3
            ),
            Points((0.0,), (0.0,), "green", hover=(text,), low=(None,), high=(None,)),
            Labels((0.0,), (0.0,), (text,)),
        ),
    )


@pytest.mark.parametrize("form", FORMATS)
def test_a_text_is_drawn_as_it_is(form: str) -> None:
    assert draw_file(hostile(), form).startswith(BEGINS[form])


def test_a_text_is_no_markup_to_plotly() -> None:
    drawn = json.dumps(plotly_figure(hostile()))
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn


def test_words_on_a_logarithmic_axis_stand_where_the_points_do() -> None:
    figure = Figure("axis", "", "", Axis("x", is_log=True), Axis("y"))
    labels = Labels((1000.0,), (1.0,), ("here",))
    drawn = plotly_figure(Figure("axis", "", "", figure.x, figure.y, (labels,)))
    assert drawn["layout"]["annotations"][0]["x"] == pytest.approx(3)


def test_the_command_writes_a_file_and_says_its_caption(
    results: Command, tmp_path: Path
) -> None:
    path = tmp_path / "curves.svg"
    said = results("figure", "depth", "curves", "--out", str(path))
    assert said.code == 0
    assert said.out.startswith("Mean of val.accuracy by epoch over 3 seeds")
    ElementTree.fromstring(path.read_bytes())
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curves", "--out", "curves.jpg"], "must end in .png, .svg or .pdf"),
        (["curves", "--out", "nowhere/curves.svg"], "must lie in a folder that exists"),
        (["curves"], "Missing option"),
        (["curve", "--out", "curves.svg"], 'Did you mean "curves"'),
        (["rungs", "--out", "rungs.svg"], "No trial was stopped by a scheduler"),
        (
            ["axis", "--x", "model.detph", "--out", "a.svg"],
            'Did you mean "model.depth"',
        ),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(
    results: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    said = results("figure", "depth", *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_is_there_is_replaced_behind_its_link(
    results: Command, tmp_path: Path
) -> None:
    real, link = tmp_path / "real.png", tmp_path / "link.png"
    real.write_bytes(b"old")
    link.symlink_to(real)
    assert results("figure", "depth", "axis", "--out", str(link)).code == 0
    assert link.is_symlink()
    assert real.read_bytes().startswith(BEGINS["png"])
