"""A trial from its config to its results, wherever it is trained."""

from pathlib import Path

import pytest

from raypg import trial
from raypg.store import Store
from raypg.trial import Place, train_trial
from tests.fakes import FakeLink
from tests.training.tiny import ALONE, tiny_config


def test_nobody_watches_a_trial_that_writes_to_a_slow_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(FakeLink, "beat", lambda _: calls.append("beat"))
    monkeypatch.setattr(FakeLink, "rest", lambda _: calls.append("rest"))
    monkeypatch.setattr(
        trial, "write_predictions", lambda *_, table, **__: calls.append(table)
    )
    place = Place(store=Store(str(tmp_path)), sweep="s", trial="t", attempt=0)
    end = train_trial(tiny_config(), ALONE, FakeLink(), None, place)
    assert end.status == "completed"
    assert calls[-4:] == ["beat", "rest", "predictions", "test_predictions"]
