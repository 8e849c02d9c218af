"""What a joined cluster lacks is found on one of its nodes, before a sweep starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from raypg.cluster.connect import Need
from raypg.cluster.tryout import prepare_node, strategy_for
from raypg.errors import StoreError
from raypg.store import Store
from tests.conftest import RunSpace

NEED = Need(workers_per_trial=1, cpus_per_worker=1.0, gpus_per_worker=0.0)


def node(name: str, *, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"NodeID": name * 56, "Alive": alive, "Resources": resources}


def test_a_folder_that_the_nodes_do_not_share_is_refused(
    run_space: RunSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def elsewhere(self: Store) -> Iterator[str]:
        yield str(tmp_path / "of another machine")

    monkeypatch.setattr(Store, "marked", elsewhere)
    with pytest.raises(StoreError, match="a folder that every node mounts; found on "):
        run_space('SPACE = Ablation(axes={"optimizer.lr": [0.1]})')
    assert Store(str(tmp_path / "runs")).sweeps() == []


def test_a_mark_is_seen_where_the_folder_is_the_same(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "not" / "yet"))
    with store.marked() as mark:
        prepare_node([], None, store, mark)
    with pytest.raises(StoreError, match="every node mounts"):
        prepare_node([], None, store, mark)
    assert list(tmp_path.iterdir()) == []


def test_another_node_than_the_drivers_is_tried_where_one_has_room() -> None:
    own, other = node("a", CPU=8), node("c", CPU=2)
    rest = [own, node("b"), node("d", alive=False, CPU=8)]
    chosen: Any = strategy_for(NEED, own["NodeID"], [*rest, other])
    assert (chosen.node_id, chosen.soft) == (other["NodeID"], True)
    assert strategy_for(NEED, own["NodeID"], rest) == "DEFAULT"
