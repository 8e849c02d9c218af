"""How long a sweep that is to end waits for what its trials save."""

from types import SimpleNamespace
from typing import Any

import pytest

from raypg.cluster import farewell
from raypg.cluster.ending import Ending
from raypg.cluster.farewell import Farewell


def running(name: str, asked: list[str]) -> Any:  # noqa: ANN401 a trial of Tune's
    save = SimpleNamespace(remote=lambda: asked.append(name))
    state = SimpleNamespace(ray_actor=SimpleNamespace(save_soon=save))
    return SimpleNamespace(trial_id=name, checkpoint=None, temporary_state=state)


def saved(path: str) -> SimpleNamespace:
    return SimpleNamespace(path=path)


def test_a_sweep_ends_once_its_trials_have_saved_or_left() -> None:
    ending, asked = Ending(), list[str]()
    one, two = running("one", asked), running("two", asked)
    last = Farewell(ending)
    seen = []

    def look(*trials: Any) -> None:  # noqa: ANN401
        last.look(trials)
        seen.append((last.has_begun, last.is_over))

    look(one, two)
    ending.interrupt("SIGINT")
    look(one, two)
    one.checkpoint = saved("checkpoint_000001")
    look(one, two)
    look(one)
    assert seen == [(False, False), (True, False), (True, False), (True, True)]
    assert asked == ["one", "two"]


def test_nobody_is_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(farewell.time, "monotonic", lambda: now[0])
    ending = Ending()
    last = Farewell(ending)
    ending.interrupt("SIGTERM")
    last.look([running("slow", [])])
    assert not last.is_over
    now[0] = farewell.SHORT_S
    assert last.is_over


def test_a_sweep_that_cannot_go_on_waits_for_nobody() -> None:
    ending = Ending()
    ending.give_up("no row could be written")
    assert Farewell(ending).is_over
