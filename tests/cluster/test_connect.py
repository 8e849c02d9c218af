import os
import subprocess
import sys
import tempfile
from pathlib import Path

CODE = """
from raypg.cluster.connect import connect, disconnect
print(connect(num_cpus=1))
disconnect()
"""


def test_a_cluster_of_its_own_is_started_whatever_ray_start_has_left_here() -> None:
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # sockets' paths: short
        (Path(folder) / "ray").mkdir()
        (Path(folder) / "ray" / "ray_current_cluster").write_text("127.0.0.1:9")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY")}
        found = subprocess.run(
            [sys.executable, "-c", CODE],
            env=environment | {"RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            check=False,
        )
    assert found.stdout == "True\n", found.stderr
