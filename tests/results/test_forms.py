"""Rows as a paper, a page and other programs take them, and back again."""

import io
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from markdown_it import MarkdownIt

from raypg.commands.options import Form
from raypg.errors import ResultsError
from raypg.results.__main__ import main
from raypg.results.forms import latex
from raypg.results.forms.binary import BINARY, table_of
from raypg.results.forms.markdown import pipe_table
from raypg.results.output import FORMATS, Written, print_arrow, print_rows
from raypg.store import Store
from tests.command import Command
from tests.results.sweeps import new_store, trial_row, write

STRANGE = [
    "a|b",
    r"\|",
    "back\\",
    "*x* _x_ __init__ model_depth",
    "`code` [x](y) <b> &amp; ~~z~~ $1$",
    "",
]
READERS = {"parquet": pq.read_table, "arrow": feather.read_table}


@pytest.fixture
def results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """`python -m raypg.results` over a sweep of two trials."""
    store = new_store(tmp_path, "depth")
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    rows = [
        trial_row("a", val__accuracy=0.5, config__model__depth=22, started=moment),
        trial_row("b", val__accuracy=0.75, config__model__depth=40, train_s=1.5),
    ]
    write(store, "depth", trials=rows)
    return Command(main, store.uri, capsys, monkeypatch)


def read_markdown(text: str) -> list[list[str]]:
    """The cells of a table, as whoever shows it reads them."""
    html = MarkdownIt("commonmark").enable("table").render(text)
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    marks = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&"}
    for mark, sign in marks.items():
        cells = [[cell.replace(mark, sign) for cell in row] for row in cells]
    return cells


def test_markdown_shows_every_cell_as_it_is() -> None:
    lines = [[text, "1"] for text in STRANGE]
    text = pipe_table(["na|me", "n"], lines, [False, True])
    assert read_markdown(text) == [["na|me", "n"], *lines]
    assert text.splitlines()[1].endswith(" | --: |")
    assert "model_depth" in text
    assert len({len(line) for line in text.splitlines()}) == 1


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("50% & $1 #2 a_b", r"50\% \& \$1 \#2 a\_b"),
        ("{x}~^\\", r"\{x\}\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ('<a> | "b"', r"\textless{}a\textgreater{} \textbar{} ''b''"),
        ("--resume 1 ± 2", r"-{}-resume 1 $\pm$ 2"),
        ("-", "--"),
        ("bell\x07", "bell"),
    ],
)
def test_latex_sets_text_as_it_is(text: str, tex: str) -> None:
    assert latex.escape(text) == tex


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("97.22", "97.22"),
        ("97.22 ± 2.66", r"$97.22 \pm 2.66$"),
        ("-0.56 ± 3.91", r"$-0.56 \pm 3.91$"),
        ("1.5e-09", r"$1.5 \times 10^{-9}$"),
        ("1e+20", r"$1 \times 10^{20}$"),
        ("3,834", "$3{,}834$"),
        ("<0.001", "$<0.001$"),
        ("nan", "nan"),
        ("true", "true"),
        ("-", "--"),
    ],
)
def test_latex_sets_numbers_with_their_signs(text: str, tex: str) -> None:
    assert latex.number(text) == tex


def test_a_latex_row_is_no_argument_of_the_row_before() -> None:
    lines = [["[1, 2]", "*"], ["*", "1"]]
    *_, first, second, _, _ = latex.tabular(["a", "b"], lines, [False] * 2).split("\n")
    assert (first, second) == (r"{}[1, 2] & * \\", r"{}* & 1 \\")


def test_latex_has_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"arm_a": "x", "n": Decimal(1), "acc": Written("9 ± 1"), "p": None},
        {"arm_a": "12e4", "n": Decimal(2), "acc": None, "p": -0.5},
    ]
    print_rows(rows, ["arm_a", "n", "acc", "p"], "latex")
    needs, *table = capsys.readouterr().out.splitlines()
    assert needs == r"% needs \usepackage{booktabs}"
    assert table == [
        r"\begin{tabular}{lrrr}",
        r"\toprule",
        r"arm\_a & n & acc & p \\",
        r"\midrule",
        r"x & 1 & $9 \pm 1$ & -- \\",
        r"12e4 & 2 & -- & $-0.5$ \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_every_form_can_be_asked_for() -> None:
    assert {*Form} == {*FORMATS, *BINARY}


@pytest.mark.parametrize("form", sorted(READERS))
@pytest.mark.parametrize(
    "command", [["sql", "from trials"], ["show", "depth"], ["best", "depth"], ["ls"]]
)
def test_a_binary_file_reads_back(
    form: str, command: Sequence[str], results: Command, tmp_path: Path
) -> None:
    path = tmp_path / "answer"
    assert results(*command, "--format", form, "--out", str(path)).out == ""
    table = READERS[form](path)
    assert len({*table.column_names}) == table.num_columns
    assert not any(pa.types.is_struct(field.type) for field in table.schema)
    if command == ["ls"]:
        assert table["trials"].to_pylist() == [2]
        return
    best = table.filter(pa.compute.equal(table["trial"], "b"))
    assert best["config.model.depth"].to_pylist() == [40]
    types = {name: table.schema.field(name).type for name in table.column_names}
    assert types["val.accuracy"] == pa.float32()
    assert pa.types.is_timestamp(types["started"])
    assert types["micro_batch"] == pa.int32()  # null in all rows


def test_a_binary_answer_goes_through_a_pipe(results: Command) -> None:
    query = "select trial, [1, 2] as pair from trials order by all"
    command = [sys.executable, "-m", "raypg.results", "sql", query]
    command += ["--format", "parquet", "--store", results.store]
    done = subprocess.run(command, capture_output=True, check=True)
    table = pq.read_table(io.BytesIO(done.stdout))
    assert table.to_pydict() == {"trial": ["a", "b"], "pair": [[1, 2], [1, 2]]}


def test_a_binary_answer_is_not_thrown_at_a_terminal(
    results: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with pytest.raises(ResultsError, match=r"found a terminal\. Add --out FILE"):
        print_arrow(pa.table({"a": [1]}), "arrow")


def test_a_type_that_parquet_lacks_is_one_line(results: Command) -> None:
    said = results("sql", "select interval 1 day as i", "--format", "parquet")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("--format parquet: must be of types that it has; found")
    assert said.err.count("\n") == 1


def test_rows_of_several_types_are_text() -> None:
    table = table_of([{"a": 1}, {"a": "x", "b": None}, {"a": None}], ["a", "b"])
    assert table.to_pydict() == {"a": ["1", "x", None], "b": [None] * 3}


@pytest.mark.parametrize("form", ["markdown", "latex", "csv", "json", "table"])
@pytest.mark.parametrize("command", [["ls"], ["best", "depth"], ["show", "depth"]])
def test_a_file_has_what_the_screen_would_show(
    form: str, command: Sequence[str], results: Command, tmp_path: Path
) -> None:
    shown = results(*command, "--format", form)
    path = tmp_path / "answer"
    assert results(*command, "--format", form, "--out", str(path)).out == ""
    assert (shown.code, path.read_text("utf-8")) == (0, shown.out)


def test_a_file_that_cannot_be_is_one_line(results: Command, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for path, message in {
        "none/x.csv": "must lie in a folder that exists",
        "folder": "must be a plain file; found a folder",
        "/dev/null": "must be a plain file; found a device",
        "loop": "loop",
        "": "must not be empty",
        "x" * 300: "name too long",
    }.items():
        said = results("ls", "--out", str(tmp_path / path) if path else "")
        assert said.code == 2, path
        assert message in said.err.lower()
        assert said.err.count("\n") == 1
    assert Path("/dev/null").is_char_device()


def test_a_file_is_replaced_whole_or_not_at_all(
    results: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "real.csv").write_text("old")
    (folder / "link.csv").symlink_to("real.csv")
    link = ["--out", str(folder / "link.csv"), "--format", "csv"]
    assert results("sql", "select wrong from trials", *link).code == 2
    assert (folder / "real.csv").read_text() == "old"
    results("sql", "select 'é' as a", *link)
    assert (folder / "real.csv").read_text("utf-8") == "a\né\n"
    assert (folder / "link.csv").is_symlink()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "write_whole", fail)
    said = results("ls", *link)
    assert "must be writable; found no space left on device" in said.err
    assert sorted(path.name for path in folder.iterdir()) == ["link.csv", "real.csv"]
