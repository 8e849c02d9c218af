from pathlib import Path

import pytest

from raypg.results import open_results
from tests.conftest import RunSpace
from tests.data.raw_files import write_folder

SIZES = """SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 1, "train.batch_size": 16,
          "data.name": "folder", "data.skip_broken": True},
    axes={"data.image_size": [8, 12]},
    seeds=1,
)"""


def test_a_sweep_trains_on_a_folder_whose_keys_are_axes(
    run_space: RunSpace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))
    write_folder(tmp_path / "pictures", "a", "b", num=30, size=16)
    cut = tmp_path / "pictures" / "a" / "000.png"
    cut.write_bytes(b"broken")
    monkeypatch.chdir(tmp_path)
    finished = run_space(SIZES, "data.root=pictures")
    rows = open_results(finished.store).trials(finished.sweep)
    assert {row["status"] for row in rows} == {"completed"}
    assert sorted(row["config.data.image_size"] for row in rows) == [8, 12]
    assert len({row["fingerprint.data"] for row in rows}) == 1
    # The cluster is joined: a node of it has looked at the images.
    note = f"folder: 1 broken images are left out, the first {cut} (cannot identify "
    assert capsys.readouterr().err.count(note) == 1
