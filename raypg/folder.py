"""A store in a folder: local, or mounted on every node."""

import errno
import fcntl
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from raypg.locks import has_locks, take_lock


class FolderFile:
    """A local file that grows by whole pieces."""

    def __init__(self, path: Path) -> None:
        self.size_bytes = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._descriptor = os.open(path, flags, 0o644)

    def append(self, piece: bytes) -> None:
        """Add a piece; after an OSError the next one takes the place of the torn one.

        A disk that fills up takes half a piece, and readers stop at the torn end: no
        piece may come behind it.
        """
        if os.fstat(self._descriptor).st_size != self.size_bytes:
            os.ftruncate(self._descriptor, self.size_bytes)
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self.size_bytes += len(piece)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


class FolderLock:
    """A lock of a process; the kernel frees it when the process dies."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def note(self, holder: str) -> None:
        """Say who holds it, to those who are refused."""
        with suppress(OSError):  # a full disk: it is held all the same
            self._file.truncate(0)
            self._file.write(holder)
            self._file.flush()

    def is_held(self) -> bool:
        """Until it is closed: nobody can take it away."""
        return True

    def close(self) -> None:
        """Give it back."""
        self._file.close()


class FolderBackend:
    """A folder: writes are a temporary file and a rename."""

    def __init__(self, path: str) -> None:
        self._root = Path(path).expanduser().absolute()
        self.uri = self.root = str(self._root)

    @cached_property
    def filesystem(self) -> Any:  # noqa: ANN401 pyarrow has no types
        """As pyarrow sees it."""
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem()

    def read(self, path: str) -> bytes:
        """A file's content."""
        return (self._root / path).read_bytes()

    def open(self, path: str) -> Any:  # noqa: ANN401 pyarrow has no types
        """A memory map, which outlives the deletion of the file."""
        import pyarrow

        return pyarrow.memory_map(str(self._root / path))

    def write_whole(self, path: str, content: bytes, *, durable: bool) -> None:
        """Write beside the target, then rename onto it."""
        target = self._root / path
        # Starts with a dot, as readers of Parquet folders skip such files.
        beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
        try:
            with _open_new(beside) as file:
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            beside.replace(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise

    def append_to(self, path: str) -> FolderFile:
        """A file that grows."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return FolderFile(target)

    def files(self, folder: str) -> list[str]:
        """Names of the files, but for temporary ones."""
        return [e.name for e in self._scan(folder) if e.is_file()]

    def folders(self, folder: str) -> list[str]:
        """Names of the folders."""
        return [e.name for e in self._scan(folder) if e.is_dir()]

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every file below a folder; what is deleted meanwhile may lack."""
        top = self._root / folder
        found: dict[str, int] = {}
        for place, _, names in os.walk(top):
            for path in (Path(place, name) for name in names):
                with suppress(FileNotFoundError):
                    found[path.relative_to(top).as_posix()] = path.lstat().st_size
        return found

    def exist(self, paths: Sequence[str]) -> list[bool]:
        """Which of the files exist."""
        return [(self._root / path).is_file() for path in paths]

    def has_folder(self, path: str) -> bool:
        """Whether there is such a folder."""
        return (self._root / path).is_dir()

    def claim_folder(self, path: str) -> bool:
        """Make the folder; False when it exists."""
        self._root.mkdir(parents=True, exist_ok=True)
        try:
            (self._root / path).mkdir()
        except FileExistsError:
            return False
        return True

    def delete(self, path: str) -> None:
        """Remove a file."""
        (self._root / path).unlink(missing_ok=True)

    def delete_folder(self, path: str) -> None:
        """Remove a folder and what it holds."""
        shutil.rmtree(self._root / path, ignore_errors=True)

    def has_locks(self, path: str) -> bool:
        """Whether a file there can be locked; where there is none yet, it is made."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("a") as file:
            return has_locks(file)

    def modified(self, path: str) -> datetime | None:
        """When a file was written, by the file system's clock; None without one."""
        try:
            seconds = (self._root / path).stat().st_mtime
        except FileNotFoundError:
            return None
        return datetime.fromtimestamp(seconds, UTC)

    def lock(self, path: str) -> FolderLock | None:
        """The lock; None when another process has it."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("a")  # whose text is its holder's, to be read by others
        with ExitStack() as stack:
            stack.callback(file.close)
            # A reader that asks `is_locked` holds it for an instant.
            for _ in range(20):
                if take_lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    stack.pop_all()
                    return FolderLock(file)
                time.sleep(0.02)
        return None

    def is_locked(self, path: str) -> bool:
        """Whether some process holds the lock."""
        try:
            with (self._root / path).open() as file:
                return not take_lock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False

    def check_place(self) -> None:
        """See whether something else is where the folder is to be."""
        if self._root.exists() and not self._root.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))

    def check_writable(self) -> None:
        """Write a file at the deepest folder that exists, and remove it."""
        with self._probe() as file:
            file.write(b"x" * 4096)

    @contextmanager
    def marked(self) -> Iterator[str]:
        """The path of such a file, for as long as the body lasts."""
        with self._probe() as file:
            yield file.name

    def _probe(self) -> Any:  # noqa: ANN401 a private type of tempfile's
        place = self._root
        while not place.exists():
            place = place.parent
        return tempfile.NamedTemporaryFile(dir=place, prefix=".raypg-")

    def _scan(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._root / folder) as entries:
                return [entry for entry in entries if not entry.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []


def _open_new(path: Path) -> IO[bytes]:
    try:
        return path.open("xb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb", buffering=0)
