"""`cluster.yaml` is what Ray's launcher takes, and what it makes of it."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.aws.config import _client, bootstrap_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.util import prepare_config, validate_config

import raypg
from raypg.cluster.own_cluster import own_options
from tests.buckets import point_at_server

ROOT = Path(raypg.__file__).parents[1]
TEXT = (ROOT / "cluster.yaml").read_text("utf-8")


def launch(text: str) -> dict[str, Any]:
    """What `ray up` does with a file before it asks a cloud for anything."""
    config: dict[str, Any] = prepare_config(yaml.safe_load(text))
    validate_config(config)
    return config


def test_ray_takes_the_file() -> None:
    config = launch(TEXT)
    assert config["head_node_type"] == "head"
    gpu = config["available_node_types"]["gpu"]
    assert 1 <= gpu["min_workers"] < gpu["max_workers"] == config["max_workers"]
    assert gpu["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    head = config["available_node_types"]["head"]
    assert "InstanceMarketOptions" not in head["node_config"]


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("max_workers: 8\nup", "max_worker: 8\nup", "'max_worker' was unexpected"),
        ("head_node_type: head", "head_node_type: heat", "must be one of"),
        ("CPU: 8, GPU: 1", "CPU: 8, GPU: one", "'one' is not of type 'integer'"),
        ("min_workers: 1", "min_workers: 9", "sum of `min_workers`"),
        ("ssh_user: u", "ssh_usr: u", "'ssh_usr' was unexpected"),
        ("container_name: raypg", "container_name: ''", "container & image"),
    ],
)
def test_a_broken_copy_is_refused(right: str, wrong: str, reason: str) -> None:
    assert right in TEXT
    with pytest.raises(Exception, match=reason):
        launch(TEXT.replace(right, wrong))


def test_nodes_install_this_raypg_with_its_pins() -> None:
    config = launch(TEXT)
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    (version,) = re.findall(r"^ray==(.+)$", pins, re.MULTILINE)
    assert config["docker"]["image"].startswith(f"rayproject/ray:{version}-py3")
    mounts = config["file_mounts"]
    (folder,) = [there for there, here in mounts.items() if here == "."]
    (install,) = config["setup_commands"]
    assert install.endswith(f"--constraint {folder}/constraints.txt {folder}")
    ours = {name for name in config["rsync_exclude"] if (ROOT / name).exists()}
    assert ".git" in ours


def test_a_dashboard_listens_to_its_own_machine_alone() -> None:
    (head,) = [
        one for one in launch(TEXT)["head_start_ray_commands"] if "--head" in one
    ]
    assert "--dashboard-host=127.0.0.1" in head
    assert own_options(None)["include_dashboard"] is False


def test_nodes_know_the_store_and_ask_for_a_token() -> None:
    config = launch(TEXT)
    options = " ".join(config["docker"]["run_options"])
    assert re.search(r"--env RAYPG_STORE=s3://\S+/raypg\b", options)
    assert "--env RAY_AUTH_MODE=token" in options
    assert config["file_mounts"]["/home/ray/.ray/auth_token"] == "~/.ray/auth_token"
    # No credential stands in the file: machines have those of their profile.
    assert not re.search(r"(?i)secret|access_key|AKIA|token=[^ \n]{8}", TEXT)


def test_spot_machines_listen_for_their_notice() -> None:
    *_, start, end, listen = launch(TEXT)["worker_start_ray_commands"]
    assert start.startswith("ray start --address=$RAY_HEAD_IP:6379")
    module = "raypg.cluster.spot_notice"
    # A second `ray up` ends the first one's; the pattern is not to end its own shell.
    pattern = re.fullmatch(r"pkill -f '(.+)' \|\| true", end)
    assert pattern
    assert re.search(pattern[1], listen)
    assert not re.search(pattern[1], end)
    assert f"python -m {module} $RAY_HEAD_IP:6379 " in listen
    assert listen.endswith("&")
    importlib.import_module(module)


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloud that answers as AWS would; a new key goes to a home of its own."""
    point_at_server("s3", monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "lifecycle"), [("head", None), ("gpu", "spot")])
def test_a_cloud_starts_the_machines(
    aws: None, kind: str, lifecycle: str | None
) -> None:
    config = launch(TEXT)
    profile = config["available_node_types"][kind]["node_config"]["IamInstanceProfile"]
    _client("iam", config).create_instance_profile(InstanceProfileName=profile["Name"])
    config = bootstrap_aws(config)
    node = config["available_node_types"][kind]["node_config"]
    provider = AWSNodeProvider(config["provider"], config["cluster_name"])
    created = provider.create_node(node, {"ray-node-name": kind}, 1)
    (machine,) = created.values()
    assert machine.instance_type == node["InstanceType"]
    assert machine.instance_lifecycle == lifecycle
