"""A file system of four megabytes, to be filled up."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SIZE_BYTES = 4_000_000


class SmallDisk:
    """A folder that is a file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / ".filler"

    def fill(self, *, free_bytes: int = 0) -> None:
        """Leave no more than so many bytes."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                size = file.tell()
            file.truncate(max(0, size - free_bytes))

    def free(self) -> None:
        """Give all of it back."""
        self._filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mounted for one test; only root may mount."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as cause:
        pytest.skip(f"a small disk cannot be made: {cause}")
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be made: {mounted.stderr.strip()}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
