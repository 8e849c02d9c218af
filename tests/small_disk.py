"""A file system of few megabytes, to be filled up."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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


@contextmanager
def mounted_disk(folder: Path, size_bytes: int = SIZE_BYTES) -> Iterator[SmallDisk]:
    """Mount one at a folder for a while; only root may.

    Raises:
        OSError: it cannot be mounted here.
    """
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        raise OSError(mounted.stderr.strip())
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mounted for one test, which is skipped where that cannot be."""
    folder = tmp_path / "small"
    folder.mkdir()
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(mounted_disk(folder))
        except OSError as cause:
            pytest.skip(f"a small disk cannot be made: {cause}")
        yield disk
