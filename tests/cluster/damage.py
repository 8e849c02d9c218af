"""What a disk does to the files of a sweep: a byte turned over, bytes never written."""

from pathlib import Path


def flip_a_byte(sweep: Path) -> None:
    """In the middle of the last checkpoint: its length is as it was."""
    file = _newest(sweep, "checkpoints/*/checkpoint_*/state.pt")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def tear_epochs(sweep: Path) -> None:
    """The last row's bytes never reached the disk."""
    file = _newest(sweep, "tables/epochs/*.arrows")
    file.write_bytes(file.read_bytes()[:-100])


def _newest(folder: Path, pattern: str) -> Path:
    return max(folder.glob(pattern), key=lambda path: (path.stat().st_mtime_ns, path))
