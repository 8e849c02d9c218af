import json
from pathlib import Path

import pytest

from raypg.cluster.connect import runtime_env
from raypg.cluster.job import check_outlives_job, merge_job
from raypg.cluster.options import Options
from raypg.cluster.sweep import resume_sweep
from raypg.errors import StoreError
from raypg.store import Store


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a driver that Ray runs as a job with modules of its own."""
    brought = {"runtime_env": {"py_modules": ["gcs://theirs.zip"]}}
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(brought))
    monkeypatch.setenv("RAY_OVERRIDE_JOB_RUNTIME_ENV", "1")


def test_a_jobs_modules_go_after_raypg(job: None) -> None:
    (ours, theirs) = merge_job(runtime_env())["py_modules"]
    assert Path(ours).name == "raypg"
    assert theirs == "gcs://theirs.zip"


def test_a_driver_that_is_no_job_sends_what_it_has() -> None:
    assert merge_job(runtime_env()) == runtime_env()


def test_a_store_is_refused_in_a_jobs_folder_alone(job: None, tmp_path: Path) -> None:
    unpacked = tmp_path / "session" / "runtime_resources" / "working_dir_files"
    with pytest.raises(StoreError, match=r"must outlive the job; .*RAYPG_STORE"):
        check_outlives_job(Store(str(unpacked / "runs")))
    with pytest.raises(StoreError, match="must outlive the job"):
        resume_sweep("sent_along", Options(store=str(unpacked / "runs")))
    check_outlives_job(Store(str(tmp_path)))
    check_outlives_job(Store("s3://bucket/runtime_resources"))
