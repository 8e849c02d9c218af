"""A sweep with a budget ends by itself, well, and can be gone on with."""

import pytest

from raypg.results import open_results
from tests.conftest import RunSpace, resume

SPACE = """
SPACE = Search(
    base={"model.name": "mlp", "model.hidden": 8, "data.fraction": 0.2},
    axes={"optimizer.lr": log_uniform(1e-3, 1.0)},
    trials=6, sampler="random",
)
"""


@pytest.mark.slow
def test_a_spent_budget_ends_a_sweep_with_its_best_and_resume_goes_on(
    run_space: RunSpace,
) -> None:
    run_space(SPACE, name="calm", is_fresh=True)
    ended = run_space(SPACE, name="short", is_fresh=True, budget="7epochs")
    assert ended.exit_code == 0
    assert ended.ending.reason == "--budget 7epochs is spent"
    results = open_results(ended.store)
    rows = results.trials("short")
    # The third one may be over before it hears of the end.
    assert {row["status"] for row in rows} <= {"completed", "interrupted"}
    assert sum(row["status"] == "completed" for row in rows) in (2, 3)
    assert 7 <= len(results.epochs("short")) <= 9
    assert results.best("short", "val.accuracy", "max") is not None
    again = resume(ended)
    assert (again.exit_code, again.ending.reason) == (0, "")
    names = ("trial", "epoch", "val.loss", "train.loss")
    found = [
        [[r[n] for n in names] for r in results.epochs(s)] for s in ("calm", "short")
    ]
    assert found[0] == found[1]
