"""A driver that Ray runs as a job: what comes with it, and what goes with it."""

import json
import os
from pathlib import Path
from typing import Any

from raypg.errors import StoreError
from raypg.store import Store

_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set by Ray for the process of a submitted job alone (Ray 2.60, job_supervisor.py)."""
_FOLDERS = "runtime_resources"
"""Of a session: where Ray unpacks what jobs bring, and deletes it after them."""


def job_runtime_env() -> dict[str, Any]:
    """The `runtime_env` that a job was submitted with; empty where this is none."""
    job = json.loads(os.environ.get(_JOB) or "{}")
    return dict(job.get("runtime_env") or {})


def merge_job(own: dict[str, Any]) -> dict[str, Any]:
    """A driver's `runtime_env` within its job's, and leave for Ray to take it so.

    Ray refuses what both name. An environment variable has one value in both, as the
    job's is set in the driver; of modules the driver's go first.
    """
    job = job_runtime_env()
    if not job:
        return own
    os.environ.setdefault("RAY_OVERRIDE_JOB_RUNTIME_ENV", "1")
    modules = [*own["py_modules"], *(job.get("py_modules") or [])]
    return own | {"py_modules": modules}


def check_outlives_job(store: Store) -> None:
    """Refuse a store in the folder that a job was unpacked into.

    Raises:
        StoreError: Ray would delete the store some time after the job.
    """
    if not job_runtime_env() or not store.is_local:
        return
    if _FOLDERS in Path(store.uri).parts:
        rule = "must outlive the job"
        found = "a folder that Ray deletes with the job's working directory"
        fix = "Name a bucket or a shared folder, by --store or RAYPG_STORE."
        raise StoreError(f"--store {store.uri}", rule, found, fix)
