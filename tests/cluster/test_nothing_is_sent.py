"""Ray's usage statistics are off in every process of a cluster that raypg starts."""

import psutil
import ray
from ray._common.usage.usage_lib import usage_stats_enabled

PARTS = ("raylet", "gcs_server", "dashboard")


def test_every_process_of_the_cluster_has_them_off(cluster: None) -> None:
    node = ray._private.worker.global_worker.node
    session = str(node.get_session_dir_path())
    seen = set()
    for process in psutil.Process().children(recursive=True):
        try:
            name, environment = " ".join(process.cmdline()), process.environ()
        except psutil.Error:
            continue
        for part in PARTS:
            # Clusters of other tests may be about to end.
            if part in name and session in name:
                seen.add(part)
                assert environment["RAY_USAGE_STATS_ENABLED"] == "0", name
    assert {"raylet", "gcs_server"} <= seen


def test_ray_itself_says_that_they_are_off(cluster: None) -> None:
    assert not usage_stats_enabled()
    assert not ray.get(ray.remote(usage_stats_enabled).remote())
