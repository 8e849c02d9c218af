"""Every way to fail has one cause, and every cause a policy."""

import traceback
from pathlib import Path
from typing import Any

import pytest
import torch
from ray import exceptions as ray_exceptions
from ray.exceptions import RayTaskError

from raypg.causes import (
    EVERY_CAUSE,
    POLICIES,
    TYPES,
    cause_of,
    cause_of_text,
    check_cause,
    is_asked_for,
    row_cause,
)
from raypg.data.lock import hold_lock
from raypg.errors import CheckpointError, ClusterError, ConfigError, DataError
from raypg.training.evaluation import check_finite

NODE_DIED = (
    "The actor died unexpectedly before finishing this task.\n"
    "\tclass_name: LocalTrainable\n"
    "The actor died because its node has died. Node Id: 12ab"
)


def raised(act: Any, *arguments: Any) -> Exception:  # noqa: ANN401
    """What a call raises."""
    try:
        act(*arguments)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def through_ray(error: Exception) -> Exception:
    """As a driver gets it from an actor."""
    wrapped = RayTaskError("step", "Traceback …", error)
    found: Exception = wrapped.as_instanceof_cause()
    return found


ERRORS = [
    (MemoryError("of this host"), "out_of_memory"),
    (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory"),
    (ray_exceptions.OutOfMemoryError("the node is full"), "out_of_memory"),
    (raised(torch.empty, 2**60), "out_of_memory"),
    (raised(check_finite, {"train.loss": float("nan")}), "nan"),
    (raised(check_finite, {"val.loss": float("inf")}), "nan"),
    (FloatingPointError("overflow"), "nan"),
    (DataError("a", "must be whole", "half", "Fetch it."), "data"),
    (ray_exceptions.NodeDiedError("node 12ab"), "node_lost"),
    (ray_exceptions.LocalRayletDiedError(), "node_lost"),
    (ray_exceptions.RayActorError(error_msg=NODE_DIED), "node_lost"),
    (ray_exceptions.ActorDiedError(), "worker_lost"),
    (ray_exceptions.WorkerCrashedError(), "worker_lost"),
    (ray_exceptions.RaySystemError("no answer"), "worker_lost"),
    (ClusterError("worker", "must be", "other code", "Restart."), "code"),
    (CheckpointError("a", "must be whole", "half", "Delete it."), "code"),
    (ConfigError("lr", "must be finite", "nan", "Change it."), "code"),
    (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "code"),
    (OSError("weights.pt"), "code"),
    (KeyError("nan"), "code"),
]


@pytest.mark.parametrize(("error", "cause"), ERRORS, ids=lambda one: repr(one)[:40])
def test_an_exception_has_a_cause(error: Exception, cause: str) -> None:
    assert cause_of(error) == cause
    if not isinstance(error, ray_exceptions.RayError):
        assert cause_of(through_ray(error)) == cause


@pytest.mark.parametrize(("error", "cause"), ERRORS, ids=lambda one: repr(one)[:40])
def test_its_traceback_has_the_same_cause(error: Exception, cause: str) -> None:
    text = "".join(traceback.format_exception(error))
    assert cause_of_text(text) == cause


def test_a_file_that_a_data_set_cannot_read_is_data(tmp_path: Path) -> None:
    def lock() -> None:
        with hold_lock(tmp_path / "nothing" / "here"):
            pass

    assert cause_of(raised(lock)) == "data"
    assert cause_of(raised((tmp_path / "nothing").read_text)) == "code"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (f"Failure # 2 (occurred at noon)\n{NODE_DIED}\n", "node_lost"),
        ("3 worker(s) were killed due to the node running low on memory.", "out_of_"),
        ("ray.exceptions.ActorDiedError: The actor died unexpectedly before", "worker"),
        ("raypg.errors.DataError: a: must be whole; found half. Fetch it.", "data"),
        ("its workers died twice after epoch 2", "worker_lost"),
        ("its process died 3 times after epoch 0", "worker_lost"),
        ("", "worker_lost"),
    ],
)
def test_what_is_kept_of_a_process_has_a_cause(text: str, cause: str) -> None:
    assert cause_of_text(text, otherwise="worker_lost").startswith(cause)


def test_a_row_without_a_cause_is_judged_by_its_texts() -> None:
    old = {"status": "failed", "status_reason": None, "error": None}
    assert row_cause(old) == "code"
    reason = "its process died twice after epoch 3"
    assert row_cause(old | {"status_reason": reason}) == "worker_lost"
    finite = "train.loss: must be finite; found nan. Try a smaller optimizer.lr"
    assert row_cause(old | {"status_reason": finite}) == "nan"
    error = f"Traceback …\nraypg.errors.TrialError: {finite}\n"
    assert row_cause(old | {"error": error}) == "nan"
    assert row_cause(old | {"error": error, "cause": "data"}) == "data"


def test_trials_are_asked_for_by_cause_or_all_at_once() -> None:
    failed, ended = {"status": "failed", "cause": "nan"}, {"status": "completed"}
    assert is_asked_for(failed, "nan")
    assert is_asked_for(failed, EVERY_CAUSE)
    assert not is_asked_for(failed, "code")
    assert not is_asked_for(failed, "")
    assert not is_asked_for(ended, EVERY_CAUSE)


def test_every_cause_has_a_policy_and_infrastructure_alone_is_retried() -> None:
    assert set(TYPES.values()) <= POLICIES.keys()
    assert all(policy.why and policy.fix for policy in POLICIES.values())
    retried = {cause for cause, policy in POLICIES.items() if policy.is_retried}
    assert retried == {"hang", "node_lost", "worker_lost"}


def test_an_unknown_cause_is_an_error_that_names_the_nearest() -> None:
    for cause in (EVERY_CAUSE, *POLICIES):
        check_cause(cause)
    with pytest.raises(ConfigError, match='"cdoe". Did you mean "code"'):
        check_cause("cdoe")
