"""Where sweeps live: a folder or a bucket, in which every write is whole or absent.

    <store>/<sweep>/sweep.json       what the sweep is
    <store>/<sweep>/tables/<table>/  its rows, see `raypg.results`
    <store>/<sweep>/checkpoints/     Ray Tune's own layout

Credentials, region and endpoint of a bucket come from the environment (`AWS_…`,
`GOOGLE_APPLICATION_CREDENTIALS`).
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from raypg.bucket import BucketBackend, BucketFile, explain
from raypg.errors import ResultsError, StoreError, suggest_name
from raypg.folder import FolderBackend, FolderFile, FolderLock
from raypg.lease import REQUEST_S, Lease, Owner, held_by, is_live, take_lease
from raypg.own.objects import forbid
from raypg.secrets import redact_tree

DEFAULT_STORE = "./runs"
DESCRIPTION = "sweep.json"
_SAVED = ("kind", "layers", "options", "config", "space_source")
"""What of a description whoever goes on with the sweep needs."""
_LOCK = ".lock"
_LEASE = ".lease"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOST_CHARACTERS = 100
_BUCKET = re.compile(r"(s3|gs)://[^/]")
_SLASHED = re.compile(r"(s3|gs):/?(?!/)")
"""A bucket with a slash too few, which would be a folder here."""


def check_sweep_name(name: str) -> None:
    """Refuse a name that is no plain folder name.

    Raises:
        StoreError: The name could leave the store, or be mistaken for an option.
    """
    if not _NAME.fullmatch(name):
        rule = "must start with a letter or a digit and go on with those, '.', '_', '-'"
        raise StoreError("--name", rule, f'"{name}"', "Choose another name.")
    if len(name) > _MOST_CHARACTERS:
        rule, found = f"must have at most {_MOST_CHARACTERS} characters", len(name)
        raise StoreError("--name", rule, f"{found}", "Choose another name.")


def _check_bucket(uri: str) -> None:
    """Refuse keys and options in a URI: it is printed, and kept with every sweep."""
    if "@" in uri.split("/")[2] or "?" in uri:
        rule = "must be s3://bucket/prefix or gs://bucket/prefix alone"
        found = 'more (not shown: it may be a key) before "@" or after "?"'
        fix = "Keys, region and endpoint belong in the environment (AWS_…, GOOGLE_…)."
        raise StoreError("--store", rule, found, fix)


def plain_name(stem: str) -> str:
    """The name of a sweep after a file, whatever that is called."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", stem)[: _MOST_CHARACTERS - 10]
    return name if _NAME.fullmatch(name) else f"sweep{name.lstrip('.')}"


def check_saved(name: str, about: Mapping[str, Any]) -> None:
    """Refuse to go on with what is not a sweep as `write_description` keeps it.

    Raises:
        StoreError: Something is missing; says what.
    """
    lacking = [key for key in _SAVED if key not in about]
    if lacking:
        rule, fix = "must be a sweep that raypg wrote", "Start a new one."
        found = f"a {DESCRIPTION} without {', '.join(lacking)}"
        raise StoreError(f"--resume {name}", rule, found, fix)


def ignore(line: str) -> None:
    """Nobody listens."""


class Store:
    """One store, named by a path or an `s3://` or `gs://` URI; it pickles as its name.

    Paths are relative to the store and use `/`. A relative folder is made absolute
    at once: Ray Tune changes the working directory of its processes.
    """

    def __init__(self, uri: str) -> None:
        self._backend: FolderBackend | BucketBackend
        if _BUCKET.match(uri):
            _check_bucket(uri)
            self._backend = BucketBackend(uri)
        elif slashed := _SLASHED.match(uri):
            kind, rule = slashed[1], "must be a folder, s3://bucket/… or gs://bucket/…"
            fix = f"Write {kind}://, or ./{kind}: for a folder of that name."
            raise StoreError("--store", rule, f'"{slashed[0]}…"', fix)
        elif "://" in uri and not uri.startswith("file://"):
            rule = "must be a folder, s3://bucket/… or gs://bucket/…"
            found = f'"{uri.partition("://")[0]}://…"'  # what follows may hold a key
            raise StoreError("--store", rule, found, "Choose one.")
        else:
            self._backend = FolderBackend(uri.removeprefix("file://"))
            # A row or a description of it may name a file that someone has put there.
            forbid(Path(self._backend.root))

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return Store, (self.uri,)

    def __repr__(self) -> str:
        return f"Store({self.uri!r})"

    @property
    def uri(self) -> str:
        """The absolute folder, or the URI."""
        return self._backend.uri

    @property
    def option(self) -> str:
        """`--store` with it, for a command that a person may copy into a shell."""
        return f"--store {shlex.quote(self.uri)}"

    @property
    def is_local(self) -> bool:
        """Whether the store is a folder of this machine (or mounted on it)."""
        return isinstance(self._backend, FolderBackend)

    @property
    def root(self) -> str:
        """The store's path inside `filesystem`."""
        return self._backend.root

    @property
    def filesystem(self) -> Any:  # noqa: ANN401 pyarrow has no types
        """The `pyarrow.fs` file system, for Ray Tune's checkpoints."""
        return self._backend.filesystem

    def path(self, *parts: str) -> str:
        """The path of something in the store, inside `filesystem`."""
        return str(PurePosixPath(self.root, *parts))

    def read(self, path: str) -> bytes:
        """A file's whole content; FileNotFoundError where there is none."""
        return self._backend.read(path)

    def open(self, path: str) -> Any:  # noqa: ANN401 pyarrow has no types
        """A file for reading here and there; it stays readable once deleted (local)."""
        return self._backend.open(path)

    def write_whole(self, path: str, content: bytes, *, durable: bool = False) -> None:
        """Replace a file so that every reader sees all of it or none of it.

        Args:
            path: relative to the store; missing folders are made.
            content: the new content.
            durable: survive a power cut too, not only the death of the process.
        """
        self._backend.write_whole(path, content, durable=durable)

    def append_to(self, path: str) -> FolderFile | BucketFile:
        """A file that grows; what is appended survives the death of the process."""
        return self._backend.append_to(path)

    def files(self, folder: str) -> list[str]:
        """The sorted names of the files in a folder; none where there is no folder."""
        return sorted(self._backend.files(folder))

    def folders(self, folder: str = "") -> list[str]:
        """The sorted names of the folders in a folder."""
        return sorted(self._backend.folders(folder))

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every file below a folder, by its path from there."""
        return self._backend.sizes(folder)

    def delete(self, path: str) -> None:
        """Remove a file; that it is gone already is fine."""
        self._backend.delete(path)

    def delete_folder(self, folder: str) -> None:
        """Remove a folder with all that it holds; that it is gone already is fine."""
        self._backend.delete_folder(folder)

    def sweeps(self) -> list[str]:
        """The sorted names of all sweeps that have a description."""
        names = self.folders()
        found = self._backend.exist([f"{name}/{DESCRIPTION}" for name in names])
        return [name for name, there in zip(names, found, strict=True) if there]

    def exists(self) -> bool:
        """Whether anything is there."""
        return self._backend.has_folder("")

    def has_file(self, path: str) -> bool:
        """Whether a file is there, relative to the store."""
        return self._backend.exist([path])[0]

    def has_sweep(self, name: str) -> bool:
        """Whether the name is taken."""
        check_sweep_name(name)
        return self._backend.has_folder(name)

    def create_sweep(self, name: str) -> None:
        """Claim a name; of several processes that try at once, at most one succeeds.

        Raises:
            StoreError: The name is taken, or illegal, or the store is not writable.
        """
        check_sweep_name(name)
        if not self._claim(name):
            resume = f"python -m raypg.tune --resume {name} {self.option}"
            fix = f"Choose another name, or go on with it: {resume}"
            raise StoreError(f"--name {name}", "must be new", f"it in {self.uri}", fix)

    def create_next_sweep(self, stem: str) -> str:
        """Claim the first free name of `stem`, `stem-2`, `stem-3`, …; return it."""
        stem = plain_name(stem)
        taken = set(self.folders())
        number = 1
        while True:
            name = stem if number == 1 else f"{stem}-{number}"
            if name not in taken and self._claim(name):
                return name
            number += 1

    def delete_sweep(self, name: str) -> None:
        """Remove a sweep with all that it holds, as when nothing was started."""
        check_sweep_name(name)
        self._backend.delete_folder(name)

    def lock_sweep(
        self,
        name: str,
        *,
        tell: Callable[[str], None] = ignore,
        on_loss: Callable[[str], None] = ignore,
    ) -> FolderLock | Lease:
        """Hold a sweep for writing until the lock is closed or the process dies.

        In a bucket, and in a folder whose file system has no locks, that is a lease,
        which another process may take over from one that gives no sign of life.

        Args:
            name: the sweep's.
            tell: told once, in a line, where there is something to wait for.
            on_loss: told once, in a line, that another process took it over; from a
                thread.

        Raises:
            StoreError: Another process writes this sweep.
        """
        where = f"sweep {name}"
        if isinstance(self._backend, BucketBackend):
            # A client of its own, which waits for no store that does not answer.
            place = BucketBackend(self.uri, request_s=REQUEST_S, num_tries=2)
            path = f"{name}/{_LEASE}"
            return take_lease(place, path, where=where, tell=tell, on_loss=on_loss)
        if not self._backend.has_locks(f"{name}/{_LOCK}"):
            path = f"{name}/{_LEASE}"
            return take_lease(
                self._backend, path, where=where, tell=tell, on_loss=on_loss
            )
        lock = self._backend.lock(f"{name}/{_LOCK}")
        if lock is None:
            holder = ""
            with suppress(OSError):
                holder = self.read(f"{name}/{_LOCK}").decode(errors="replace")
            raise held_by(where, holder or "another process")
        lock.note(str(Owner()))
        return lock

    def is_being_written(self, name: str) -> bool | None:
        """Whether a process writes this sweep now; None where nobody can tell.

        Of a lease that is told from its age: for people to see.
        """
        if isinstance(self._backend, BucketBackend):
            return is_live(self._backend, f"{name}/{_LEASE}")
        if self._backend.is_locked(f"{name}/{_LOCK}"):
            return True
        # Left by one whose file system has no locks.
        return is_live(self._backend, f"{name}/{_LEASE}")

    def read_description(self, name: str) -> dict[str, Any]:
        """What `write_description` kept.

        Raises:
            ResultsError: There is no such sweep.
        """
        try:
            check_sweep_name(name)  # `../other` is no sweep of this store
            description: dict[str, Any] = json.loads(self.read(f"{name}/{DESCRIPTION}"))
            if not isinstance(description, dict):
                raise ValueError(type(description).__name__)
        except ValueError as cause:
            found, fix = str(cause), "Its tables may be whole: ask them by SQL."
            where, rule = f"{self.uri}/{name}/{DESCRIPTION}", "must be a sweep's JSON"
            raise ResultsError(where, rule, found, fix) from cause
        except (FileNotFoundError, NotADirectoryError, StoreError):
            known = self.sweeps()
            fix = suggest_name(name, known) if known else "It holds no sweep yet."
            rule = f"must be a sweep in {self.uri}"
            raise ResultsError(name, rule, "none of that name", fix) from None
        return description

    def write_description(self, name: str, description: Mapping[str, Any]) -> None:
        """Keep what the sweep is; only then is it listed among the sweeps.

        Of a command line or an address that holds a password, it keeps the rest.
        """
        text = json.dumps(redact_tree(description), indent=1, default=str)
        self.write_whole(f"{name}/{DESCRIPTION}", text.encode(), durable=True)

    def check_place(self) -> None:
        """Refuse what cannot be looked at, without a write.

        Raises:
            StoreError: It is no folder; or no bucket, or it does not answer or let in.
        """
        try:
            self._backend.check_place()
        except OSError as cause:
            self._refuse(cause, "must be reachable")

    def check_writable(self) -> None:
        """Try a write and undo it, so that a bad store is found before a sweep starts.

        Raises:
            StoreError: It cannot be written; nothing is left behind.
        """
        try:
            self._backend.check_writable()
        except OSError as cause:
            self._refuse(cause)

    @contextmanager
    def marked(self) -> Iterator[str]:
        """The path of a file that shows a folder to be this one; empty for a bucket.

        It lies in the store, or in the deepest folder above it that exists, for as long
        as the body lasts.
        """
        if isinstance(self._backend, BucketBackend):
            yield ""
        else:
            with self._backend.marked() as path:
                yield path

    def _claim(self, name: str) -> bool:
        try:
            return self._backend.claim_folder(name)
        except OSError as cause:
            self._refuse(cause)

    def _refuse(self, cause: OSError, rule: str = "must be writable") -> NoReturn:
        found, fix = explain(cause, self.uri)
        if not found:
            found = (cause.strerror or " ".join(str(cause).split()))[:300].lower()
            fix = "Check the path and its permissions, or choose another --store."
        raise StoreError(f"--store {self.uri}", rule, found, fix) from cause
