"""A store in a bucket, by the methods that `raypg.folder` has."""

import errno
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import Any

FIRST_LOOK_S = 5.0
"""How long Google's client may ask for a bucket that nobody has seen to answer. Without
credentials it asks again until then; a bucket that is there answers at once."""

DENIED = "access denied"

_ANSWERS = {
    ("OAuth2 access token", "UNAUTHENTICATED"): (
        "no credentials",
        "Set {keys}, or run gcloud auth application-default login, here and on every "
        "node.",
    ),
    (
        "ACCESS_DENIED",
        "INVALID_ACCESS_KEY",
        "SIGNATURE_DOES_NOT_MATCH",
        "PERMISSION_DENIED",
    ): (
        DENIED,
        "Check the credentials in the environment, here and on every node ({keys}), "
        "and what they allow.",
    ),
    ("NO_SUCH_BUCKET", "no such bucket", "Bucket does not exist"): (
        "no such bucket",
        "Make the bucket, or name another --store.",
    ),
    ("NETWORK_CONNECTION", "REQUEST_TIMEOUT", "CURL error", "DEADLINE_EXCEEDED"): (
        "no answer",
        "Check the network, and the endpoint ({endpoint}).",
    ),
}
"""What a client says, in our words, and what to do about it."""

_VARIABLES = {
    "s3": {
        "keys": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
        "endpoint": "AWS_ENDPOINT_URL",
    },
    "gs": {
        "keys": "GOOGLE_APPLICATION_CREDENTIALS",
        "endpoint": "STORAGE_EMULATOR_HOST, where it is set",
    },
}
"""Where a client finds what, by the scheme of the store."""


def explain(error: OSError, uri: str) -> tuple[str, str]:
    """What a store at `uri` answered, and what to do; empty where it is not known."""
    said, names = str(error), _VARIABLES.get(uri.partition("://")[0], {})
    for signs, (found, fix) in _ANSWERS.items() if names else ():
        if any(sign in said for sign in signs):
            return found, fix.format_map(names)
    return "", ""


class BucketFile:
    """An object that grows: kept in memory, put whole at every piece."""

    def __init__(self, backend: "BucketBackend", path: str) -> None:
        self.size_bytes = 0
        self._backend = backend
        self._path = path
        self._content = bytearray()

    def append(self, piece: bytes) -> None:
        """Add a piece; after an OSError the object holds what it held before."""
        self._content += piece
        try:
            self._backend.write_whole(self._path, bytes(self._content), durable=True)
        except OSError:
            del self._content[self.size_bytes :]
            raise
        self.size_bytes += len(piece)

    def close(self) -> None:
        """Let go of the memory."""
        self._content = bytearray()


class BucketBackend:
    """A bucket through `pyarrow.fs`: a put is whole or absent by itself.

    Args:
        uri: of the bucket, with a prefix in it.
        request_s: longest wait for one answer.
        num_tries: of a request that gets none, before it is an OSError.
    """

    def __init__(self, uri: str, *, request_s: float = 30, num_tries: int = 3) -> None:
        self.uri = uri.rstrip("/")
        self.root = self.uri.split("://", 1)[1]
        self._request_s = request_s
        self._num_tries = num_tries
        self._is_google = self.uri.startswith("gs://")
        self._made: set[str] = set()
        self._making = Lock()

    @cached_property
    def filesystem(self) -> Any:  # noqa: ANN401 pyarrow has no types
        """The client; made at first use, as it may ask the network for the region."""
        from pyarrow import fs

        if self._is_google:
            return _google(self._request_s * self._num_tries)
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get(
            "AWS_ENDPOINT_URL"
        )
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if region is None and endpoint is None:
            region = fs.resolve_s3_region(self.root.split("/")[0])
        return fs.S3FileSystem(
            endpoint_override=endpoint,
            region=region or "us-east-1",
            connect_timeout=5,
            request_timeout=self._request_s,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=self._num_tries),
            # Small objects are then one request, not the three of a multipart upload.
            allow_delayed_open=True,
        )

    def read(self, path: str) -> bytes:
        """An object's content."""
        with (
            self._named(path),
            self.filesystem.open_input_stream(self._at(path)) as stream,
        ):
            content: bytes = stream.read()
        return content

    def open(self, path: str) -> Any:  # noqa: ANN401 pyarrow has no types
        """An object that is read by ranges."""
        with self._named(path):
            return self.filesystem.open_input_file(self._at(path))

    def write_whole(self, path: str, content: bytes, *, durable: bool) -> None:
        """Put the object; a bucket is durable anyway."""
        if self._is_google:
            self._make_folder(path.rpartition("/")[0])
        with self.filesystem.open_output_stream(self._at(path)) as stream:
            stream.write(content)

    def append_to(self, path: str) -> BucketFile:
        """An object that grows."""
        return BucketFile(self, path)

    def files(self, folder: str) -> list[str]:
        """Names of the objects right below a prefix."""
        return [info.base_name for info in self._list(folder) if info.is_file]

    def folders(self, folder: str) -> list[str]:
        """Names of the prefixes right below a prefix."""
        return [info.base_name for info in self._list(folder) if not info.is_file]

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every object below a prefix."""
        from pyarrow.fs import FileSelector

        top = self._at(folder)
        selector = FileSelector(top, allow_not_found=True, recursive=True)
        infos = self.filesystem.get_file_info(selector)
        found = {i.path: int(i.size) for i in infos if i.is_file}
        return {path.removeprefix(f"{top}/"): size for path, size in found.items()}

    def exist(self, paths: Sequence[str]) -> list[bool]:
        """Which of the objects exist; asked side by side."""
        infos = self.filesystem.get_file_info([self._at(path) for path in paths])
        return [info.is_file for info in infos]

    def has_folder(self, path: str) -> bool:
        """Whether anything is below the prefix."""
        return bool(self._list(path))

    def claim_folder(self, path: str) -> bool:
        """Leave a mark, then look: who sees a second mark gives up.

        Of two that try at once both may give up, but never both succeed, since the
        later to look sees both marks.
        """
        if self.has_folder(path):
            return False
        mark = f"{path}/claim-{uuid.uuid4().hex}"
        self.write_whole(mark, b"", durable=True)
        if len(self._list(path)) > 1:
            self.delete(mark)
            return False
        return True

    def delete(self, path: str) -> None:
        """Remove an object."""
        try:
            self.filesystem.delete_file(self._at(path))
        except FileNotFoundError:
            return

    def delete_folder(self, path: str) -> None:
        """Remove everything below a prefix."""
        if not self.has_folder(path):
            return
        with self._making:
            gone = f"{self._at(path)}/"
            kept = {made for made in self._made if not f"{made}/".startswith(gone)}
            self._made = kept
        with suppress(FileNotFoundError):
            # In Google's bucket: of a folder that somebody else's tool has made.
            self.filesystem.delete_dir(self._at(path))

    def modified(self, path: str) -> datetime | None:
        """When an object was put, by the bucket's clock; None where there is none."""
        (info,) = self.filesystem.get_file_info([self._at(path)])
        moment: datetime | None = info.mtime
        return moment

    def check_place(self) -> None:
        """See whether the bucket is there, and may be looked at."""
        from pyarrow.fs import FileSelector

        name = self.root.partition("/")[0]
        looker = _google(FIRST_LOOK_S) if self._is_google else self.filesystem
        try:
            (info,) = looker.get_file_info([name])
        except OSError as error:
            if explain(error, self.uri)[0] != DENIED:
                raise
            # The keys may be for what is in the bucket, or below the prefix, alone.
            looker.get_file_info(FileSelector(self.root, allow_not_found=True))
            return
        if info.type.name == "NotFound":
            raise FileNotFoundError("no such bucket")

    def check_writable(self) -> None:
        """See whether it is there, put an object and remove it.

        An empty object may stay that stands for the prefix: deleting it would delete
        what another process has put there meanwhile.
        """
        self.check_place()
        probe = f".raypg-{uuid.uuid4().hex[:8]}"
        self.write_whole(probe, b"x", durable=True)
        self.delete(probe)

    @contextmanager
    def _named(self, path: str) -> Iterator[None]:
        """A missing object by its name, which Google's client does not say."""
        try:
            yield
        except FileNotFoundError as error:
            where = f"{self.uri}/{path}"
            raise FileNotFoundError(errno.ENOENT, "no such object", where) from error

    def _make_folder(self, path: str) -> None:
        """Put the objects that stand for a folder: pyarrow 26 lists no others there.

        Level by level: `recursive=True` looks at the bucket itself, for which the keys
        may not be, and would make one that is not there.
        """
        names = self._at(path).split("/")
        for end in range(2, len(names) + 1):  # the first is the bucket's
            folder = "/".join(names[:end])
            if folder in self._made:
                continue
            self.filesystem.create_dir(folder, recursive=False)
            with self._making:
                self._made.add(folder)

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def _list(self, folder: str) -> list[Any]:
        from pyarrow.fs import FileSelector

        selector = FileSelector(self._at(folder), allow_not_found=True)
        infos = self.filesystem.get_file_info(selector)
        return [info for info in infos if not info.base_name.startswith(".")]


def _google(patience_s: float) -> Any:  # noqa: ANN401 pyarrow has no types
    """Google's client, or the one of an emulator that the environment names.

    Args:
        patience_s: until a request that gets no answer is an OSError.
    """
    from pyarrow import fs

    patience = timedelta(seconds=patience_s)
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if not emulator:
        return fs.GcsFileSystem(retry_time_limit=patience)
    scheme, _, place = emulator.rpartition("://")
    return fs.GcsFileSystem(
        anonymous=True,
        scheme=scheme or "http",
        endpoint_override=place.rstrip("/"),
        retry_time_limit=patience,
    )
