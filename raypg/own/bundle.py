"""The files of components, packed so that another machine or another year has them."""

import hashlib
import io
import os
import shutil
import tempfile
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from raypg.own.fault import OwnFault, OwnFaults
from raypg.own.objects import set_home
from raypg.own.sources import sources_of


@dataclass(frozen=True)
class Bundle:
    """A zip of the user's files, by relative path; the same files give the same one.

    Attributes:
        name: of the file, with a digest of its content.
        content: its bytes.
    """

    name: str
    content: bytes


def pack(names: Iterable[str]) -> Bundle | None:
    """All files of these components; None where there are none.

    Args:
        names: of components, as configs hold them.

    Raises:
        OwnFaults: two different files have one name, by which Python would import them.
    """
    texts, places = dict[str, str](), dict[str, Path]()
    for name in sorted(set(names)):
        sources = sources_of(name)
        for relative, text in sources.files.items():
            place = sources.places[relative]
            if texts.setdefault(relative, text) != text:
                rule = "must have files of different names, as Python tells them by it"
                found = f"{places[relative]} and {place}"
                raise OwnFaults([OwnFault(rule, found, "Rename one of them.")])
            places.setdefault(relative, place)
    if not texts:
        return None
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for relative, text in sorted(texts.items()):
            archive.writestr(zipfile.ZipInfo(relative), text)
    return Bundle(_name(texts), buffer.getvalue())


def _name(texts: Mapping[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()
    return f"own-{digest[:32]}.zip"


def read_texts(content: bytes) -> dict[str, str]:
    """Text by relative path of the files in a bundle's content; nothing is run."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def is_intact(bundle: Bundle) -> bool:
    """Whether a bundle holds what its name says, which whoever packed it has told."""
    try:
        return _name(read_texts(bundle.content)) == bundle.name
    except (zipfile.BadZipFile, UnicodeDecodeError):
        return False


def unpack(bundle: Bundle) -> Path:
    """A folder of this machine with a bundle's files, whoever has unpacked them."""
    own = Path(tempfile.gettempdir()) / f"raypg-{os.getuid()}"
    own.mkdir(mode=0o700, exist_ok=True)
    if own.stat().st_uid != os.getuid():  # someone else's, who could change the code
        own = Path(tempfile.mkdtemp(prefix="raypg-"))
    folder = own / bundle.name.removesuffix(".zip")
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as archive:
        if all((folder / name).is_file() for name in archive.namelist()):
            return folder
        making = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}")
        archive.extractall(making)
    try:
        making.rename(folder)
    except OSError:  # another process was first, or a cleaner has taken some files
        shutil.copytree(making, folder, dirs_exist_ok=True)
        shutil.rmtree(making)
    return folder


def use(bundle: Bundle | None) -> None:
    """Take components from a bundle from now on; None: from where their names say."""
    set_home(unpack(bundle) if bundle else None)
