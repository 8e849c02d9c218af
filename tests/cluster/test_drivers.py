"""Drivers that die in a cluster which lives on, or sleep while another takes over."""

import signal
from pathlib import Path

import pytest

from raypg.results import open_results
from raypg.store import Store
from tests.buckets import new_bucket
from tests.cluster.own_cluster import own_cluster
from tests.cluster.processes import trial_processes, wait_until
from tests.cluster.test_nodes import check_whole, starting

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RESUME = ("--resume", "space")


def num_rows(store: Store) -> int:
    """How many epochs a store holds of the sweep `space`."""
    has_any = store.exists() and "space" in store.sweeps()
    return len(open_results(store).epochs("space")) if has_any else 0


@pytest.mark.parametrize("num_workers", ["1", "2"])
def test_a_driver_killed_in_a_joined_cluster_leaves_it_free_for_its_successor(
    tmp_path: Path, num_workers: str
) -> None:
    store, num_epochs = Store(str(tmp_path / "runs")), 6
    with own_cluster() as own, starting(tmp_path, own.address) as start:
        address = ("--address", own.address)
        more = ("--workers-per-trial", num_workers, f"train.epochs={num_epochs}")
        driver = start(*address, *more, token=False)
        wait_until(lambda: num_rows(store) >= 3, limit_s=120)
        assert trial_processes()
        driver.kill()
        driver.communicate()
        wait_until(lambda: not trial_processes())
        # With two workers a trial needs both CPUs there are: none is held any more.
        successor = start(*address, token=False, what=RESUME)
        _, errors = successor.communicate(timeout=240)
    check_whole(tmp_path, errors, successor.returncode, num_epochs)


def test_a_driver_that_wakes_after_its_lease_writes_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, num_epochs = Store(f"{new_bucket('s3', monkeypatch)}/runs"), 15
    place = ("--store", store.uri)
    with starting(tmp_path, "") as start:
        sleeper = start(*place, f"train.epochs={num_epochs}", token=False)
        wait_until(lambda: num_rows(store) >= 5, limit_s=120)
        sleeper.send_signal(signal.SIGSTOP)
        before = segments(store)
        successor = start(*place, token=False, what=RESUME)
        known = num_rows(store)
        wait_until(lambda: num_rows(store) >= known + 5, limit_s=180)
        sleeper.send_signal(signal.SIGCONT)
        _, said = sleeper.communicate(timeout=120)
        after = segments(store)
        _, errors = successor.communicate(timeout=240)
    assert sleeper.returncode == 1, said
    assert "The sweep ended early: " in said
    assert "Traceback" not in said
    own = {name.rpartition("-")[0] for name in before}
    kept = {
        name: size for name, size in after.items() if name.rpartition("-")[0] in own
    }
    assert kept.items() <= before.items()
    check_whole(tmp_path, errors, successor.returncode, num_epochs, store)


def segments(store: Store) -> dict[str, int]:
    """Bytes of each live segment of the sweep's tables; who wrote it is in its name."""
    sizes = store.sizes("space/tables")
    return {name: size for name, size in sizes.items() if name.endswith(".arrows")}
