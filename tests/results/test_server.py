"""Reports over HTTP: who may read them, and that they follow a real sweep."""

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raypg.errors import ResultsError
from raypg.results import open_results
from raypg.results.__main__ import main
from raypg.results.report.address import Serving, bind
from raypg.store import Store
from tests.browsers import browser
from tests.cluster.processes import plain_environment, wait_until
from tests.command import Command
from tests.results.pictured import write_ablation
from tests.results.sweeps import trial_row, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`results serve`, in a process of its own; gives its address."""
    started: list[subprocess.Popen[str]] = []

    def start(store: str, *more: str) -> str:
        command = [sys.executable, "-m", "raypg.results", "serve", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--store", store, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=plain_environment(),
        )
        started.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip()

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=90)
        assert process.returncode == 0
        assert "Traceback" not in errors


def read(url: str, **headers: str) -> tuple[int, str]:
    """The status and the text of an answer."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return write_ablation(tmp_path).store


def test_a_page_a_sweep_and_a_list_of_all(store: Store, serve: Serve) -> None:
    address = serve(store.uri)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    status, page = read(address)
    assert status == 200
    assert '<a href="/sweeps/depth">depth</a>' in page
    status, page = read(f"{address}sweeps/depth")
    assert status == 200
    assert "Does depth pay?" in page
    assert len(page) < 1_000_000, "the library is fetched once, by its own address"
    status, library = read(f"{address}plotly-{version('plotly')}.min.js")
    assert status == 200
    assert "plotly" in library[:200]


def test_a_sweep_may_be_named(store: Store, serve: Serve) -> None:
    assert "Does depth pay?" in read(serve(store.uri, "depth"))[1]


def test_a_stamp_changes_with_the_tables_alone(store: Store, serve: Serve) -> None:
    url = f"{serve(store.uri)}sweeps/depth/stamp"
    first = read(url)
    assert first[0] == 200
    assert read(url) == first
    write(store, "depth", trials=[trial_row("new", "running")], compact=False)
    assert read(url) != first


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("sweeps/dept", 'Did you mean "depth"'),
        ("sweeps/dept/stamp", 'Did you mean "depth"'),
        ("sweeps/..%2F..%2Fetc", "../../etc: must be a sweep in"),
        ("nothing", "404"),
    ],
)
def test_what_is_not_there_is_a_line_and_404(
    store: Store, serve: Serve, path: str, found: str
) -> None:
    status, text = read(serve(store.uri) + path)
    assert status == 404
    assert found in text
    assert "Traceback" not in text


def test_only_this_machine_may_read_what_is_on_loopback(
    store: Store, serve: Serve
) -> None:
    address = serve(store.uri)
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
        assert read(address, Host=host)[0] == 403, host
    port = address.rstrip("/").rpartition(":")[2]
    for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", "[::1]:1"):
        assert read(address, Host=host)[0] == 200, host


def test_nothing_can_be_written(store: Store, serve: Serve) -> None:
    request = urllib.request.Request(serve(store.uri), method="POST", data=b"x")
    with pytest.raises(urllib.error.HTTPError, match="405") as raised:
        urllib.request.urlopen(request)
    raised.value.close()


@pytest.mark.parametrize(
    ("host", "is_private"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
    ],
)
def test_it_is_known_who_can_reach_it(
    store: Store, host: str, is_private: bool
) -> None:
    assert Serving(open_results(store), host=host).is_private is is_private


def test_a_port_that_is_taken_is_one_line(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = Serving(open_results(store))
    with bind(serving) as taken:
        port = str(taken.getsockname()[1])
        command = Command(main, store.uri, capsys, monkeypatch)
        said = command("serve", "--port", port)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert "must be free, and this machine's; found address already in use" in said.err


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["dept"], 'Did you mean "depth"'),
        (["--host", "192.0.2.77"], "must be free, and this machine's"),
        (["--port", "99999"], "less than or equal to 65535"),
        (["--every", "0"], "--every"),
    ],
)
def test_a_wrong_command_is_one_line(
    store: Store,
    arguments: list[str],
    found: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = Command(main, store.uri, capsys, monkeypatch)("serve", *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert found in said.err


def test_a_host_that_nobody_knows_is_refused(store: Store) -> None:
    with pytest.raises(ResultsError, match="must be free"):
        bind(Serving(open_results(store), host="not-a-host.invalid"))


SPACE = """from raypg import *
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 200},
    axes={"optimizer.lr": [0.01, 0.02, 0.05]},
)
"""


@pytest.mark.slow
def test_a_page_follows_a_real_sweep_to_its_end(
    tmp_path: Path, serve: Serve, browser: "Browser"
) -> None:
    (tmp_path / "space.py").write_text(SPACE)
    command = [sys.executable, "-m", "raypg.tune", "space.py", "--max-concurrent", "1"]
    sweep = subprocess.Popen(
        [*command, "--checkpoint-every", "1000"],
        cwd=tmp_path,
        env=plain_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    runs = tmp_path / "runs"
    try:
        # Before any trial has a row: a sweep may wait long for its workers.
        wait_until(lambda: list(runs.glob("space/sweep.json")), limit_s=200)
        address = serve(str(runs), "space", "--every", "0.5")
        page = browser.new_page()
        trouble: list[str] = []
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(address)
        title = page.get_by_role("heading", name="Trials")
        trials = page.locator("section").filter(has=title).locator("tbody tr")
        trials.first.wait_for(timeout=180_000)
        page.get_by_role("searchbox").first.fill("optimizer")
        _, errors = sweep.communicate(timeout=300)
        assert sweep.returncode == 0, errors
        page.locator(".answer", has_text="optimizer.lr").wait_for(timeout=180_000)
        page.locator(".state").wait_for(state="detached", timeout=180_000)
        trials.nth(2).wait_for(timeout=180_000)
        assert page.get_by_role("searchbox").first.input_value() == "optimizer"
        assert page.locator("#following").inner_text().startswith("Follows the")
        assert trouble == []
        page.close()
    finally:
        if sweep.poll() is None:
            sweep.kill()
            sweep.communicate()
