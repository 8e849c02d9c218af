"""Raw files into bytes: plain, gzipped or inside a tar, and whether they are known."""

import hashlib
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from raypg.data.source import Published, RawFile, Source
from raypg.errors import DataError

FIX = "Fetch it again with `make data`, or set data.root=FOLDER where it lies whole."


def read_files(source: Source, paths: Mapping[str, Path]) -> dict[str, RawFile]:
    """The unpacked bytes of every file of a data set.

    A gzip stream that ends too soon gives what it has: only the decoder knows how
    much there should be.

    Raises:
        DataError: a file cannot be read, or is damaged.
    """
    first = next(iter(paths.values()))
    try:
        if first.name == source.archive:
            return _read_archive(first, source)
        return {
            name: _read_file(path, source.files[name]) for name, path in paths.items()
        }
    except OSError as error:
        where = str(error.filename or first)
        raise DataError(where, "must be readable", str(error), FIX) from error


def foreign_digest(source: Source, files: Mapping[str, RawFile]) -> str:
    """Eight digits of the content, or "" when it is what the publisher gives."""
    found = {name: hashlib.md5(raw.content).hexdigest() for name, raw in files.items()}
    if all(published.md5 == found[name] for name, published in source.files.items()):
        return ""
    joined = " ".join(found[name] for name in sorted(found))
    return hashlib.md5(joined.encode()).hexdigest()[:8]


def _read_file(path: Path, published: Published) -> RawFile:
    content = path.read_bytes()
    if path.suffix != ".gz":
        return RawFile(str(path), content, published)
    try:
        unpacked = zlib.decompressobj(wbits=31).decompress(content)
    except zlib.error as error:
        rule = f"must be a gzip file of {published.size_bytes:,} bytes unpacked"
        found = f"{len(content):,} bytes ({error})"
        raise DataError(str(path), rule, found, FIX) from error
    return RawFile(str(path), unpacked, published)


def _read_archive(path: Path, source: Source) -> dict[str, RawFile]:
    """One pass over a tar.gz, whose members cannot be reached at random."""
    files = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = Path(member.name).name
                stream = archive.extractfile(member)
                if stream is not None and name in source.files:
                    where = f"{path}:{member.name}"
                    files[name] = RawFile(where, stream.read(), source.files[name])
    except (tarfile.TarError, EOFError, zlib.error) as error:
        found = f"{path.stat().st_size:,} bytes ({error})"
        rule = f"must be a whole tar.gz, {source.archive_bytes:,} bytes as published"
        raise DataError(str(path), rule, found, FIX) from error
    for name, published in source.files.items():
        if name not in files:
            rule = f"must hold {name}, {published.size_bytes:,} bytes unpacked"
            raise DataError(str(path), rule, ", ".join(files) or "nothing of it", FIX)
    return files
