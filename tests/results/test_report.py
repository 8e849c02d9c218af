"""The page about a sweep: what it says, and what a browser makes of it."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raypg.results import Results, open_results
from raypg.results.__main__ import main
from raypg.results.report import build_page
from raypg.results.report.content import read_report
from tests.browsers import browser
from tests.command import Command
from tests.results.pictured import (
    COMMON,
    at,
    curve,
    write_ablation,
    write_search,
    write_trials,
    write_way,
)
from tests.results.sweeps import trial_row, write
from tests.results.test_figures import contrast

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["browser"]

NOW = datetime(2026, 11, 29, 18, tzinfo=UTC)
MOST_BYTES = 6_000_000
SCRIPT = "<script>window.broken = 1</script>"
PHONE = {"width": 390, "height": 844}

Open = Callable[..., "Page"]


def page_of(results: Results, sweep: str) -> str:
    return build_page(results, sweep, NOW)


def without_library(page: str) -> str:
    """The page but for the text of plotly.js."""
    start = page.index("<script>/**")
    return page[:start] + page[page.index("</script>", start) :]


def test_a_report_says_what_the_tables_hold(tmp_path: Path) -> None:
    report = read_report(write_ablation(tmp_path), "depth", NOW)
    assert report.question == ["Does depth pay?", "Nine trials."]
    assert report.answer.startswith("model.depth: no arm differs from 40")
    assert report.state == ""
    (arms,) = report.comparisons
    assert [row[0].text for row in arms.rows] == [
        "model.depth=7",
        "model.depth=22",
        "model.depth=40 (baseline)",
    ]
    kinds = [figure.kind for figure in report.figures]
    assert kinds == ["curves", "axis", *["tradeoff"] * 3, "timeline"]
    assert report.missing == []
    assert report.trials is not None
    assert len(report.trials.rows) == 9
    assert dict(report.varies) == {"model.depth": "7, 22, 40", "seed": "0, 1, 2"}
    assert dict(report.fixed) == {"train.epochs": "3"}
    assert ("torch", "2.15.0") in report.environment
    assert ("code", "as committed") in report.environment


def test_a_report_says_how_to_repeat_the_sweep(tmp_path: Path) -> None:
    report = read_report(write_search(tmp_path), "asha", NOW)
    commands = dict(report.commands)
    assert commands["It was started with"] == "python -m raypg.tune asha.py --name asha"
    # Its name is taken, and without --fresh nothing would be trained.
    assert commands["To repeat it, trained anew"] == (
        "git checkout 0123456789abcdef\npython -m raypg.tune asha.py --fresh"
    )
    assert commands["To go on with it"].startswith("python -m raypg.tune --resume asha")


def test_a_way_has_its_waterfall_and_its_steps(tmp_path: Path) -> None:
    report = read_report(write_way(tmp_path), "explain", NOW)
    assert report.answer.startswith("Beyond seed noise after Holm's correction for 3")
    (steps,) = report.comparisons
    assert steps.name == "The way, one change at a time"
    assert [row[0].text for row in steps.rows][::4] == ["start", "all"]
    kinds = [figure.kind for figure in report.figures]
    assert kinds == ["waterfall", "curves", *["tradeoff"] * 3]


def test_what_is_not_alike_comes_before_the_numbers(tmp_path: Path) -> None:
    results = write_ablation(tmp_path)
    row = results.trials("depth")[0] | {"config.train.precision": "bf16"}
    write(results.store, "depth", trials=[row])
    page = page_of(results, "depth")
    mark = page.index("precision: bf16, none against none")
    assert page.index("Not alike: 1 remark") < mark < page.index("<table>")


def test_failures_stand_by_their_cause(tmp_path: Path) -> None:
    page = page_of(write_search(tmp_path), "asha")
    assert "<h3>code: 1 trial</h3>" in page
    assert "First: h8 (optimizer.lr=0.7 optimizer.name=sgd): boom" in page


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("ablation", "running", "No trial completed (0 of 1 failed)."),
        ("search", "running", "No trial completed (0 of 1 failed)."),
        ("search", "failed", "No trial completed (1 of 1 failed)."),
        ("ablation", "failed", "No trial completed (1 of 1 failed)."),
        ("ablation", "completed", "There is nothing to compare a with."),
        ("trial", "completed", "The trial reached val.accuracy 90.00 % after 2 epochs"),
        ("trial", "interrupted", "No trial completed"),
    ],
)
def test_every_state_of_a_sweep_has_a_page(
    tmp_path: Path, kind: str, status: str, said: str
) -> None:
    row = trial_row("a", status) | COMMON | {"num_epochs": 2, "started": at(0)}
    row |= {"val.accuracy": 0.9, "config.model.depth": 7, "train_s": 2.0}
    results = write_trials(
        tmp_path, [row], curve("a", [0.5, 0.9]), kind=kind, axes=["model.depth"]
    )
    page = page_of(results, "few")
    assert said in page
    assert "1 trial (1 " in page


@pytest.mark.parametrize("kind", ["ablation", "search", "path", "trial"])
@pytest.mark.parametrize("axes", [[], ["optimizer.lr"], ["optimizer.lr", "seed"]])
def test_a_sweep_without_a_trial_has_a_page(
    tmp_path: Path, kind: str, axes: list[str]
) -> None:
    about = {"config": {"model.depth": 7}, "num_trials": 3, "axes": axes}
    results = write_trials(tmp_path, [], [], kind=kind, **about)
    page = page_of(results, "few")
    assert "No trial has begun." in page
    assert "The sweep is not finished: 0 of 3 trials are over." in page
    assert "<dt>model.depth</dt><dd>7</dd>" in page


def test_a_sweep_that_runs_says_so(tmp_path: Path) -> None:
    results = write_search(tmp_path)
    with closing(results.store.lock_sweep("asha")):
        page = page_of(results, "asha")
    assert "The sweep is running: 8 of 9 trials are over." in page


def test_nothing_of_the_test_split_is_on_the_page(tmp_path: Path) -> None:
    from raypg.results.append import SweepWriter

    results = write_ablation(tmp_path)
    writer = SweepWriter(results.store, "depth")
    tested = {"test.accuracy": 0.123456, "test.loss": 0.654321}
    for row in results.trials("depth"):
        writer.append("test_results", {"trial": row["trial"], "attempt": 0, **tested})
    writer.close()
    page = without_library(page_of(open_results(results.store), "depth"))
    assert results.sql("select count(*) as n from test_results")["n"].to_pylist() == [9]
    for found in ("test.accuracy", "test.loss", "0.1234", "12.35", "0.6543", "65.43"):
        assert found not in page


def hostile(folder: Path) -> Results:
    """A sweep in whose every text there is a script."""
    text = f"{SCRIPT} & \"quoted\" 'too' {{{{ 7 * 7 }}}} ]]> -->"
    names = {"arm": text, "device": text, "config.model.name": text, "error": text}
    rows = [
        trial_row(f"a{n}", status) | COMMON | names | {"val.accuracy": 0.5, "seed": n}
        for n, status in enumerate(["completed", "completed", "failed"])
    ]
    return write_trials(
        folder,
        rows,
        curve("a0", [0.5]),
        axes=["model.name"],
        question=text,
        command=[text],
        baseline=text,
    )


def test_no_text_of_the_tables_becomes_markup(tmp_path: Path) -> None:
    page = without_library(page_of(hostile(tmp_path), "few"))
    assert "<script>window" not in page
    assert "</script>window" not in page
    assert "49 ]]" not in page
    assert (page.count("<script"), page.count("</script>")) == (2, 3)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</', page)
    assert {*json.loads(data)} == {"themes", "figures"}


@pytest.fixture
def command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """`python -m raypg.results` on a store with an ablation, in an empty folder."""
    store = write_ablation(tmp_path / "ablation").store
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Command(main, store.uri, capsys, monkeypatch)


def test_the_command_writes_name_html(command: Command) -> None:
    said = command("report", "depth")
    assert (said.code, said.out) == (0, "depth.html\n")
    assert Path("depth.html").read_text("utf-8").startswith("<!doctype html>")
    assert command("report", "depth", "--out", "other.html").out == "other.html\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dept"], 'Did you mean "depth"'),
        (["depth", "--out", "nowhere/depth.html"], "must lie in a folder that exists"),
        (["depth", "--out", "."], "must be a plain file; found a folder"),
        (["depth", "--out", ""], "must not be empty"),
        (["depth", "--out", "/proc/depth.html"], "must be writable"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    command: Command, arguments: list[str], message: str
) -> None:
    said = command("report", *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert [*Path().iterdir()] == []


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of some reports."""
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "depth": (write_ablation(folder / "ablation"), "depth"),
        "asha": (write_search(folder / "search"), "asha"),
        "explain": (write_way(folder / "way"), "explain"),
        "hostile": (hostile(folder / "hostile"), "few"),
    }
    for name, (results, sweep) in made.items():
        (folder / f"{name}.html").write_text(page_of(results, sweep), "utf-8")
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture
def open_page(browser: "Browser", pages: dict[str, Path]) -> Iterator[Open]:
    """Open a report; fails at the end if it asked for anything, or complained."""
    contexts: list[BrowserContext] = []
    trouble: list[str] = []

    def note(found: str) -> None:
        trouble.append(found)

    def start(name: str, **options: object) -> "Page":
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        url = pages[name].as_uri()
        page.on("console", lambda message: note(message.text))
        page.on("pageerror", lambda error: note(str(error)))
        page.on("request", lambda one: note(one.url) if one.url != url else None)
        page.goto(url)
        page.wait_for_selector(".plot .main-svg")
        return page

    yield start
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["depth", "asha", "explain", "hostile"])
def test_a_page_loads_without_a_network_and_without_a_complaint(
    open_page: Open, pages: dict[str, Path], name: str
) -> None:
    page = open_page(name)
    drawn = page.locator(".plot > .plot-container").count()
    assert drawn == page.locator("figure").count() > 0
    assert page.evaluate("window.broken") is None
    assert pages[name].stat().st_size < MOST_BYTES


@pytest.mark.slow
def test_a_header_sorts_its_column_up_and_down(open_page: Open) -> None:
    page = open_page("asha")
    table = page.get_by_role("region", name="Trials", exact=True)
    header = table.get_by_role("columnheader", name="val.accuracy").first

    def column() -> list[str]:
        cells = table.locator("tbody tr td:nth-child(4)").all_inner_texts()
        return [cell.split()[0] for cell in cells]

    assert header.get_attribute("aria-sort") == "none"
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    rising = ["20.00", "30.00", "50.00", "60.00", "70.00", "80.00", "85.00", "90.00"]
    assert column() == [*rising, "-"]
    header.get_by_role("button").press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert column() == [*reversed(rising), "-"]
    table.get_by_role("button", name="status").click()
    assert header.get_attribute("aria-sort") == "none"
    assert table.locator("tbody tr td:nth-child(2)").first.inner_text() == "completed"


@pytest.mark.slow
def test_a_filter_hides_rows_and_counts_the_others(open_page: Open) -> None:
    page = open_page("asha")
    rows = page.locator(".table", has=page.locator("input")).locator("tbody tr")
    page.get_by_label("Filter").fill("STOPPED sgd")
    assert [row.is_visible() for row in rows.all()].count(True) == 2
    assert page.locator(".count").inner_text() == "2 of 9 rows"
    page.get_by_label("Filter").fill("")
    assert all(row.is_visible() for row in rows.all())
    assert page.locator(".count").inner_text() == "9 rows"


@pytest.mark.slow
def test_a_point_says_what_it_is(open_page: Open) -> None:
    page = open_page("depth", viewport={"width": 1280, "height": 900})
    point = page.locator("#axis-1 .points path").last
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = page.locator("#axis-1 .hoverlayer .hovertext")
    label.wait_for(state="visible")
    assert "3 seeds" in (label.text_content() or "")
    assert "98.00%" in (label.text_content() or "")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["depth", "asha", "hostile"])
def test_a_phone_scrolls_down_alone(open_page: Open, name: str) -> None:
    page = open_page(name, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    # Tables scroll inside their box.
    wide = page.locator(".table .scroll").last
    assert wide.evaluate("box => box.scrollWidth > box.clientWidth")


def color_of(page: "Page", selector: str, name: str) -> str:
    """A colour as the browser computed it, in hexadecimal."""
    found = page.locator(selector).first.evaluate(
        f"one => getComputedStyle(one).getPropertyValue('{name}')"
    )
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", found)[:3])


@pytest.mark.slow
def test_light_and_dark_are_both_readable(open_page: Open) -> None:
    papers = set()
    for scheme in ("light", "dark"):
        page = open_page("asha", color_scheme=scheme)
        paper = color_of(page, "body", "background-color")
        papers.add(paper)
        for text in ("body", ".note", "figcaption", "dt", ".answer"):
            assert contrast(color_of(page, text, "color"), paper) >= 4.5, text
        panel = color_of(page, ".state", "background-color")
        assert contrast(color_of(page, ".state", "color"), panel) >= 4.5
        title = ".plot .xtitle"
        assert contrast(color_of(page, title, "fill"), paper) >= 4.5
        assert color_of(page, ".plot .main-svg", "background-color") == paper
    assert len(papers) == 2


@pytest.mark.slow
def test_figures_follow_when_the_theme_changes(open_page: Open) -> None:
    page = open_page("depth", color_scheme="light")
    before = color_of(page, ".plot .main-svg", "background-color")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector('.plot .main-svg'))"
        ".backgroundColor !== before",
        arg="rgb(255, 255, 255)",
    )
    assert color_of(page, ".plot .main-svg", "background-color") != before
