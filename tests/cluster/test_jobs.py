"""Sweeps as Ray jobs: submitted to a cluster's job server, as from another machine."""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster
from ray.job_submission import JobSubmissionClient

import raypg
from raypg.results import open_results
from tests.cluster.processes import plain_environment, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow

RAY = str(Path(sys.executable).with_name("ray"))
SPACE = """from raypg import *
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 8, "train.epochs": 2},
    axes={"optimizer.lr": [0.05, 0.1]})
"""


@pytest.fixture(scope="module")
def server(cluster: None) -> Iterator[str]:
    """The address of the job server of a cluster that has nothing of this process."""
    head = {
        "num_cpus": 2,
        "object_store_memory": 80 * 2**20,
        "include_dashboard": True,
        "dashboard_port": free_port(),
        "dashboard_agent_listen_port": 0,
    }
    with pytest.MonkeyPatch.context() as patch:
        # Nodes run `python` as they find it.
        patch.setenv("PATH", f"{Path(RAY).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("RAY_JOB_STOP_WAIT_TIME_S", "60")
        patch.delenv("RAYPG_STORE", raising=False)
        nodes = Cluster(initialize_head=True, head_node_args=head)
    assert nodes.head_node is not None
    yield f"http://{nodes.head_node.webui_url}"
    nodes.shutdown()


@dataclass(frozen=True)
class Job:
    """What came of a job, as its submitter and the server say it."""

    code: int
    said: str
    status: str
    driver_code: int | None


@dataclass(frozen=True)
class Submitter:
    """Submits what lies in a folder."""

    server: str
    folder: Path

    def __call__(self, *command: str, options: tuple[str, ...] = ()) -> Job:
        """Run `python -m raypg.tune` there, and wait for its end."""
        name = f"job-{uuid.uuid4().hex}"
        to = ["--address", self.server, "--submission-id", name]
        what = ["--working-dir", str(self.folder), *options]
        tune = ["--", "python", "-m", "raypg.tune", *command]
        done = subprocess.run(
            [RAY, "job", "submit", *to, *what, *tune],
            cwd=self.folder.parent,
            env=plain_environment(RAY_AUTH_MODE="token"),
            capture_output=True,
            text=True,
        )
        said = done.stdout + done.stderr
        if "--no-wait" in options:
            return Job(done.returncode, said, name, None)
        info = JobSubmissionClient(self.server).get_job_info(name)
        return Job(done.returncode, said, str(info.status), info.driver_exit_code)


@pytest.fixture
def submit(server: str, tmp_path: Path) -> Submitter:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "space.py").write_text(SPACE)
    return Submitter(server, folder)


def statuses(store: Path, sweep: str = "space") -> list[str]:
    results = open_results(str(store))
    if not results.store.exists() or sweep not in results.store.sweeps():
        return []
    return [row["status"] for row in results.trials(sweep)]


def test_a_jobs_rows_are_in_the_store_and_its_code_is_the_sweeps(
    submit: Submitter, tmp_path: Path
) -> None:
    job = submit("space.py", "--store", str(tmp_path / "store"))
    assert (job.status, job.driver_code, job.code) == ("SUCCEEDED", 0, 0), job.said
    assert statuses(tmp_path / "store") == ["completed"] * 2
    assert len(open_results(str(tmp_path / "store")).epochs("space")) == 4
    assert "Traceback" not in job.said


def test_a_job_may_name_what_raypg_sends_itself(
    submit: Submitter, tmp_path: Path
) -> None:
    """Ray would refuse a variable, or modules, that job and driver both name."""
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "arms.py").write_text("RATES = [0.05, 0.1]\n")
    (submit.folder / "space.py").write_text(
        "from apart.arms import RATES\n" + SPACE.replace("[0.05, 0.1]", "RATES")
    )
    store = str(tmp_path / "store")
    variables = {"AWS_REGION": "us-east-1", "RAY_DEDUP_LOGS": "0", "RAYPG_STORE": store}
    brought = {"env_vars": variables, "py_modules": [str(tmp_path / "apart")]}
    job = submit("space.py", options=("--runtime-env-json", json.dumps(brought)))
    assert (job.status, job.driver_code) == ("SUCCEEDED", 0), job.said
    assert statuses(tmp_path / "store") == ["completed"] * 2


def test_a_bad_space_file_fails_the_job_with_code_2(
    submit: Submitter, tmp_path: Path
) -> None:
    (submit.folder / "space.py").write_text(
        SPACE.replace("model.hidden", "model.hiden")
    )
    job = submit("space.py", "--store", str(tmp_path / "store"))
    assert (job.status, job.driver_code, job.code) == ("FAILED", 2, 1), job.said
    assert re.search(r"space\.py: .*model\.hiden.*Did you mean", job.said)
    assert not (tmp_path / "store").exists()


def test_a_store_that_goes_with_the_job_is_refused(submit: Submitter) -> None:
    job = submit("space.py")
    assert (job.status, job.driver_code) == ("FAILED", 2), job.said
    assert re.search(r"--store \S+/runs: must outlive the job; .*RAYPG_STORE", job.said)


def test_a_model_of_ones_own_reaches_the_workers(
    submit: Submitter, tmp_path: Path
) -> None:
    """A checkout with a further model is submitted; nodes have another raypg."""
    package = submit.folder / "raypg"
    source = Path(raypg.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    _add_model(package / "models")
    (submit.folder / "space.py").write_text(SPACE.replace('"mlp"', '"own_net"'))
    job = submit("space.py", "--store", str(tmp_path / "store"))
    assert (job.status, job.driver_code) == ("SUCCEEDED", 0), job.said
    (name,) = {
        row["config.model.name"]
        for row in open_results(str(tmp_path / "store")).trials("space")
    }
    assert name == "own_net"


def _add_model(models: Path) -> None:
    """The MLP once more, under a name and in a file of its own."""
    (models / "own_net.py").write_text(_rename((models / "mlp.py").read_text()))
    text = (models / "__init__.py").read_text()
    for line in (
        "from raypg.models.mlp import MlpConfig, build_mlp\n",
        '    "mlp": build_mlp,\n',
        "        | MlpConfig\n",
    ):
        assert line in text
        text = text.replace(line, line + _rename(line))
    (models / "__init__.py").write_text(text)


def _rename(text: str) -> str:
    return text.replace("mlp", "own_net").replace("Mlp", "OwnNet")


def test_a_job_that_is_stopped_leaves_a_sweep_to_resume(
    submit: Submitter, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    long = ("space.py", "train.epochs=400", "--store", str(store))
    started = submit(*long, options=("--no-wait",))
    wait_until(lambda: "running" in statuses(store), limit_s=120)
    client = JobSubmissionClient(submit.server)
    client.stop_job(started.status)
    wait_until(lambda: client.get_job_status(started.status).is_terminal())
    assert client.get_job_status(started.status) == "STOPPED"
    assert set(statuses(store)) <= {"completed", "interrupted"}
    resumed = submit("--resume", "space", "--store", str(store))
    assert (resumed.status, resumed.driver_code) == ("SUCCEEDED", 0), resumed.said
    assert statuses(store) == ["completed"] * 2
