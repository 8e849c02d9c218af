"""A bucket that two drivers want, or that is out of reach: no row lost or doubled."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypg.results import open_results
from raypg.store import Store
from tests.cluster.calm import Curves, calm_curves, curves
from tests.cluster.processes import plain_environment, wait_until
from tests.s3 import Cable, cable, create_bucket

pytestmark = pytest.mark.slow

# Trials of many seconds, so that one always trains while the bucket is away.
NUM_EPOCHS = 50
BASE = {
    "model.name": "densenet",
    "model.depth": 10,
    "model.growth_rate": 4,
    "train.epochs": NUM_EPOCHS,
    "data.fraction": 0.5,
}
RATES = [0.05, 0.1]
SPACE = f"""from raypg import Ablation
SPACE = Ablation(base={BASE}, axes={{"optimizer.lr": {RATES}}})
"""


@pytest.fixture(scope="module")
def calm() -> Curves:
    """Of the undisturbed trials."""
    found = calm_curves(BASE, [{"optimizer.lr": lr} for lr in RATES])
    assert [len(rows) for rows in found.values()] == [NUM_EPOCHS] * len(RATES)
    return found


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cable]:
    """From every process to the bucket."""
    with cable(monkeypatch) as way:
        yield way


class Drivers:
    """Real commands, each with a cluster of its own, on one bucket."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(create_bucket())
        self._folder = folder
        self._all: list[subprocess.Popen[str]] = []
        (folder / "space.py").write_text(SPACE)

    def start(self, *arguments: str, patience_s: float = 600) -> int:
        """Start one; its number."""
        number = len(self._all)
        command = [sys.executable, "-m", "tests.cluster.hasty", *arguments]
        command += ["--store", self.store.uri]
        with self._said(number).open("w") as said:
            driver = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=said,
                text=True,
                cwd=self._folder,
                process_group=0,
                env=plain_environment(
                    PYTHONPATH=str(Path(__file__).parents[2]),
                    PATIENCE_S=str(patience_s),
                ),
            )
        self._all.append(driver)
        return number

    def said(self, number: int) -> str:
        """On standard error, so far."""
        return self._said(number).read_text()

    def pid(self, number: int) -> int:
        return self._all[number].pid

    def wait(self, number: int) -> int:
        """For its end; its exit code."""
        return self._all[number].wait(timeout=300)

    def kill(self, number: int) -> None:
        """Leave it no time for anything."""
        assert self._all[number].poll() is None, self.said(number)
        self._all[number].kill()
        self._all[number].wait()

    def wait_for_epochs(self, num: int) -> None:
        """Until the bucket's tables hold so many."""
        results = open_results(self.store)
        wait_until(
            lambda: self.store.sweeps() and len(results.epochs("space")) >= num, 120
        )

    def check_whole(self, calm: Curves) -> None:
        """Every epoch is there once, with the loss that it has without faults."""
        assert curves(self.store, "space") == calm
        rows = open_results(self.store).trials("space")
        assert [row["status"] for row in rows] == ["completed"] * len(RATES)

    def close(self) -> None:
        """End those that still run."""
        for driver in self._all:
            driver.kill()
            driver.wait()

    def _said(self, number: int) -> Path:
        return self._folder / f"said-{number}"


@pytest.fixture
def drivers(way: Cable, tmp_path: Path) -> Iterator[Drivers]:
    drivers = Drivers(tmp_path)
    yield drivers
    drivers.close()


START = ("space.py", "--checkpoint-every", "0.3")
RESUME = ("--resume", "space")


def test_one_driver_at_a_time_writes_a_sweep_in_a_bucket(
    drivers: Drivers, calm: Curves
) -> None:
    first = drivers.start(*START)
    wait_until(lambda: drivers.store.is_being_written("space"), 60)
    second = drivers.start(*RESUME)
    assert drivers.wait(second) == 2
    holder = (
        rf"^sweep space: must be .*; found process {drivers.pid(first)} on .* since"
    )
    assert re.search(holder, drivers.said(second), re.MULTILINE)
    drivers.wait_for_epochs(8)
    drivers.kill(first)
    both = [drivers.start(*RESUME) for _ in range(2)]
    codes = [drivers.wait(one) for one in both]
    assert sorted(codes) == [0, 2], [drivers.said(one) for one in both]
    drivers.check_whole(calm)
    assert not drivers.store.is_being_written("space")


@pytest.mark.parametrize("hangs", [False, True], ids=["refuses", "hangs"])
def test_a_store_that_comes_back_has_every_row(
    drivers: Drivers, way: Cable, calm: Curves, hangs: bool
) -> None:
    driver = drivers.start(*START)
    drivers.wait_for_epochs(8)
    way.cut(hangs=hangs)
    cut_at = time.time()
    wait_until(lambda: "rows wait to be written" in drivers.said(driver), 180)
    time.sleep(3)
    mended_at = time.time()
    way.mend()
    assert drivers.wait(driver) == 0, drivers.said(driver)
    drivers.check_whole(calm)
    rows = open_results(drivers.store).epochs("space")
    meanwhile = [cut_at < row["time"].timestamp() < mended_at for row in rows]
    # Two: the one under way at the cut, and one from its start to its end. Where the
    # store hangs, who saves or writes waits until the time for an answer is over.
    assert hangs or sum(meanwhile) >= 2


def test_a_store_that_is_gone_ends_a_sweep_which_keeps_its_rows(
    drivers: Drivers, way: Cable, calm: Curves
) -> None:
    driver = drivers.start(*START, patience_s=2)
    drivers.wait_for_epochs(8)
    way.cut()
    assert drivers.wait(driver) == 1, drivers.said(driver)
    said = drivers.said(driver)
    assert "The sweep ended early: no row could be written for" in said
    assert re.search(r"sweep space: .* rows that could not be .* are kept in /", said)
    assert "Go on with: python -m raypg.tune --resume space" in said
    way.mend()
    resumed = drivers.start(*RESUME)
    assert drivers.wait(resumed) == 0, drivers.said(resumed)
    assert "rows taken in that were kept on this machine" in drivers.said(resumed)
    drivers.check_whole(calm)
