"""A lease in a bucket: one process holds it, and a dead one's is taken over."""

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from raypg import lease
from raypg.bucket import BucketBackend
from raypg.errors import StoreError
from raypg.lease import Lease, is_live, take_lease
from tests.buckets import each_kind, new_bucket
from tests.s3 import Cable, cable, create_bucket

PATH = "depth/.lease"


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cable]:
    """To the bucket; and signs that come quickly."""
    monkeypatch.setattr(lease, "BEAT_S", 0.1)
    monkeypatch.setattr(lease, "LOOK_S", 0.05)
    monkeypatch.setattr(lease, "SETTLE_S", 0.1)
    with cable(monkeypatch) as way:
        yield way


@pytest.fixture
def place(way: Cable) -> BucketBackend:
    return BucketBackend(create_bucket(), request_s=2, num_tries=1)


def take(place: BucketBackend, told: list[str] | None = None) -> Lease:
    """Take the one lease there is; what is said of it and its loss is `told`."""
    told = [] if told is None else told
    return take_lease(
        place, PATH, where="sweep depth", tell=told.append, on_loss=told.append
    )


def new(place: BucketBackend, told: list[str] | None = None) -> Lease:
    """A lease that nobody looks after, as one of a process that died."""
    return Lease(place, PATH, "sweep depth", ([] if told is None else told).append)


def counter(place: BucketBackend) -> int:
    value: int = json.loads(place.read(PATH))["counter"]
    return value


def test_a_held_lease_refuses_others_and_names_its_holder(place: BucketBackend) -> None:
    first = take(place)
    for _ in range(2):
        holder = re.escape(f"found {first.owner}, that writes it now.")
        with pytest.raises(StoreError, match=holder):
            take(place)
    assert first.is_held()
    first.close()


def test_a_lease_that_was_given_back_is_free_at_once(place: BucketBackend) -> None:
    told: list[str] = []
    for _ in range(2):
        take(place, told).close()
    assert told == []


def test_a_lease_that_is_given_back_while_one_waits_is_taken(
    place: BucketBackend,
) -> None:
    first = new(place)
    first.beat()
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(take, place)
        first.close()
        second.result().close()


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"id": 1}'])
def test_a_dead_lease_is_taken_over_whatever_is_in_it(
    place: BucketBackend, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(lease, "WINDOW_S", 0.2)
    new(place).beat()
    if content:
        place.write_whole(PATH, content, durable=True)
    told: list[str] = []
    second = take(place, told)
    assert second.is_held()
    assert len(told) == 1
    assert "may be dead; waiting up to" in told[0]
    second.close()


@each_kind
def test_a_lease_in_any_kind_of_bucket_is_held_refused_and_taken_over(
    kind: str, way: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = BucketBackend(new_bucket(kind, monkeypatch), request_s=2, num_tries=1)
    first = take(place)
    assert first.is_held()
    with pytest.raises(StoreError, match="must be written by one process"):
        take(place)
    first.close()
    monkeypatch.setattr(lease, "WINDOW_S", 0.2)
    new(place).beat()
    second = take(place)
    assert second.is_held()
    second.close()


def test_of_many_that_take_a_lease_at_once_one_holds_it(place: BucketBackend) -> None:
    leases = [new(place) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(one.take) for one in leases]
    with ExitStack() as stack:
        for one in leases:
            stack.callback(one.close)
        refused = [bool(future.exception()) for future in futures]
        held = [
            not is_refused and one.is_held()
            for one, is_refused in zip(leases, refused, strict=True)
        ]
        assert sum(held) == 1


def test_a_holder_that_was_overtaken_knows_it_and_leaves_the_other_alone(
    place: BucketBackend,
) -> None:
    told: list[str] = []
    first, other = take(place, told), new(place)
    other.beat()
    assert not first.is_held()
    assert not first.is_held()
    first.close()
    assert told == [
        f"sweep depth: must be written by one process; found {other.owner}, that took "
        "it over while this one gave no sign. This one ends."
    ]
    assert other.is_held()


def test_a_holder_puts_a_lease_again_that_was_deleted(place: BucketBackend) -> None:
    first = take(place)
    place.delete(PATH)
    _wait_for(lambda: place.modified(PATH))
    assert first.is_held()
    first.close()
    assert place.modified(PATH) is None


def test_who_slept_through_a_window_takes_no_lease_that_was_given_back(
    place: BucketBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    first = new(place, told)
    first.beat()
    assert first.is_held()
    monkeypatch.setattr(lease, "WINDOW_S", 0.0)
    other = new(place)
    other.beat()
    other.close()
    assert not first.is_held()
    assert len(told) == 1


@pytest.mark.parametrize("hangs", [False, True], ids=["refused", "hanging"])
def test_a_store_out_of_reach_costs_its_holder_no_lease(
    place: BucketBackend, way: Cable, hangs: bool
) -> None:
    told: list[str] = []
    first = take(place, told)
    before = counter(place)
    way.cut(hangs=hangs)
    with pytest.raises(OSError, match="AWS Error"):
        first.is_held()
    way.mend()
    _wait_for(lambda: counter(place) > before + 1)
    assert first.is_held()
    assert told == []
    first.close()


def test_one_who_cannot_reach_the_store_takes_no_lease_over(
    place: BucketBackend, way: Cable
) -> None:
    dead = new(place)
    dead.beat()
    with ThreadPoolExecutor(1) as pool:
        told: list[str] = []
        waiting = pool.submit(take, place, told)
        _wait_for(lambda: told)
        way.cut()
        with pytest.raises(OSError, match="AWS Error"):
            waiting.result()
    way.mend()
    assert dead.is_held()


class Aged(BucketBackend):
    """A bucket whose one object was put a while ago."""

    def __init__(self, age_s: float | None) -> None:
        super().__init__("s3://none")
        self._age_s = age_s

    def modified(self, path: str) -> datetime | None:
        if self._age_s is None:
            return None
        return datetime.now(UTC) - timedelta(seconds=self._age_s)


@pytest.mark.parametrize(
    ("age_s", "is_held"),
    [(None, False), (1, True), (-1, True), (300, None), (-300, None), (7200, False)],
)
def test_a_lease_is_shown_by_the_age_of_its_last_sign(
    age_s: float | None, is_held: bool | None
) -> None:
    assert is_live(Aged(age_s), PATH) is is_held


def _wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
