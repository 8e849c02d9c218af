"""Keys and tokens, of the environment or typed, are in nothing that a sweep leaves."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pyarrow.fs import FileSelector

from raypg.results import open_results
from raypg.results.columns import CORE
from raypg.store import Store
from tests.buckets import new_bucket
from tests.cluster.processes import plain_environment

pytestmark = pytest.mark.slow

PLANTED = {
    "AWS_ACCESS_KEY_ID": "PLANTEDKEYID",
    "AWS_SECRET_ACCESS_KEY": "planted/secret/key",
    "AWS_SESSION_TOKEN": "planted+session+token",
    "WANDB_API_KEY": "planted0" * 5,
    "RAY_AUTH_TOKEN": "planted-token-of-a-cluster-0123456789",
}
PASSWORD = "hunter2-of-the-command-line"
SPACE = """from raypg import Ablation
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 2}, axes={"optimizer.lr": [0.05, 1e30]},
)
"""


def written(store: Store, *folders: Path) -> Iterator[tuple[str, str]]:
    """Every file of the store and below the folders, and the store's tables as text."""
    for each in store.filesystem.get_file_info(
        FileSelector(store.path(), recursive=True)
    ):
        if each.is_file:
            with store.filesystem.open_input_stream(each.path) as file:
                yield each.path, file.read().decode("latin-1")
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield str(path), path.read_bytes().decode("latin-1")
    for table in CORE:  # whose files are compressed
        yield table, str(open_results(store).sql(f"from {table}").to_pylist())


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_secret_is_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_workers: int
) -> None:
    store = Store(new_bucket("s3", monkeypatch))
    (tmp_path / "space.py").write_text(SPACE)
    # Paths that are typed as a URL with a password, and with a key of the environment.
    odd = [f"https:/me:{PASSWORD}@host/a.yaml", f"{PLANTED['RAY_AUTH_TOKEN']}.yaml"]
    for path in odd:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("train: {batch_size: 32}")
    odd[0] = odd[0].replace(":/", "://")
    command = [sys.executable, "-m", "raypg.tune", "space.py", "--wandb"]
    command += [word for path in odd for word in ("--config", path)]
    command += ["--workers-per-trial", str(num_workers)]
    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        done = subprocess.run(
            [*command, "--store", store.uri],
            env=plain_environment(**PLANTED, WANDB_MODE="offline", RAY_TMPDIR=folder),
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1, done.stderr  # one trial of the two fails
        found = dict(written(store, tmp_path, Path(folder)))
    found["what it said"] = done.stdout + done.stderr
    places = {kind: [p for p in found if kind in p] for kind in ("wandb/", "/logs/")}
    assert all(places.values())
    assert any(store.uri in text for text in found.values())
    (about,) = [text for path, text in found.items() if path.endswith("sweep.json")]
    assert "https://me:***@host/a.yaml" in about
    leaks = [
        (name, path)
        for name, secret in {**PLANTED, "command": PASSWORD}.items()
        for path, text in found.items()
        if secret in text or quote(secret, safe="") in text
    ]
    assert leaks == []
