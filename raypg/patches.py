"""What the code has beside its commit, kept as a patch with the sweep that it trains.

    git checkout COMMIT && git apply code.diff

makes it again. A file that is too large, or that holds what looks like a key, is left
out, and named on the patch's first lines.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from raypg.git import code_folder, is_tracked, read_git, say_git, untracked_modules
from raypg.provenance import provenance
from raypg.secrets import holds_secret
from raypg.store import Store

CHANGES = "code.diff"
"""In a sweep's folder; where a sweep goes on with other changes, `code-2.diff` and so
on. Column `git.diff` of a trial names its own."""
MOST_BYTES = 1_000_000
"""Of a patch. The largest files are left out of one that would take more."""

_DIFF = (
    *("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false"),
    *("-c", "diff.relative=false", "diff", "--binary", "--no-color"),
    *("--no-ext-diff", "--no-textconv"),
)
"""A patch that `git apply` takes, whatever a person has configured."""

_FILE = re.compile(rb"(?m)^(?=diff --git )")
"""Where a file's part of a patch begins: its lines have another first character."""

_PACKED = b"\nGIT binary patch\n"
"""In the part of a file that is no text."""

_MARK = "# not kept: "
"""Begins a line before the first file, which `git apply` passes over."""


@dataclass(frozen=True)
class Patch:
    """Changes beside a commit.

    Attributes:
        content: as git takes it; empty for none.
        left_out: the files whose changes are not in it, with the reason of each.
    """

    content: bytes
    left_out: Sequence[str]


def keep_changes(
    store: Store, sweep: str, files: Sequence[str], tell: Callable[[str], None]
) -> str:
    """Keep what the code has beside its commit.

    Args:
        store: where the sweep lives.
        sweep: its name.
        files: paths of its space, and of components of the user's own.
        tell: told of each file that is left out, as one line.

    Returns:
        The name of the patch in the sweep's folder; empty where there is none.
    """
    patch = build_patch(files)
    for line in patch.left_out:
        tell(f"not kept of the code beside its commit: {line}")
    if not patch.content:
        return ""
    name, number = CHANGES, 1
    while store.has_file(f"{sweep}/{name}"):
        if store.read(f"{sweep}/{name}") == patch.content:
            return name
        number += 1
        name = CHANGES.replace(".", f"-{number}.")
    store.write_whole(f"{sweep}/{name}", patch.content)
    return name


def code_columns(patch: str) -> dict[str, str | bool | None]:
    """With what trials are trained here and now, as columns of `trials`.

    Args:
        patch: its name, as `keep_changes` gives it. Where there are changes and none
            are kept, the column is an empty text; it is null where there are none.
    """
    about = provenance()
    return {**about, "git.diff": patch or ("" if about["git.dirty"] else None)}


def build_patch(files: Sequence[str]) -> Patch:
    """What the code that trains, and files of the user's, have beside the commit.

    Of what git tracks, all changes; of what it does not track, the package's modules
    and the user's files, where these lie in the repository.

    Args:
        files: paths of the user's.
    """
    folder, about = code_folder(), provenance()
    if about["git.commit"] is None:
        return Patch(b"", ())
    parts, left_out = list[bytes](), list[str]()
    if about["git.dirty"]:
        changed = read_git(folder, *_DIFF, "HEAD")
        if changed is None:
            left_out.append("what git tracks (it did not tell the changes in time)")
        parts += _FILE.split(changed or b"")
    parts = [part for part in (*parts, *_new_files(folder, files)) if part]
    kept, room = set[int](), MOST_BYTES
    for index in sorted(range(len(parts)), key=lambda index: len(parts[index])):
        if why := _why_not(parts[index], room):
            left_out.append(f"{_name(parts[index])} ({why})")
        else:
            kept.add(index)
            room -= len(parts[index])
    if not kept:
        return Patch(b"", left_out)
    marks = "".join(f"{_MARK}{line}\n" for line in left_out)
    content = b"".join(parts[index] for index in sorted(kept))
    return Patch(marks.encode() + content, left_out)


def read_left_out(patch: bytes) -> list[str]:
    """The files whose changes a patch says that it lacks."""
    head, *_ = _FILE.split(patch, maxsplit=1)
    lines = head.decode(errors="replace").splitlines()
    return [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]


def _new_files(folder: Path, own: Sequence[str]) -> Iterator[bytes]:
    """Files that git does not track, as it would show them in their first commit."""
    top = say_git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        return
    root = Path(top).resolve()
    files = [*untracked_modules()]
    for name in own:
        path = Path(name).parent.resolve() / Path(name).name
        if path.is_relative_to(root) and not is_tracked(root, path):
            files.append(path)
    for file in dict.fromkeys(files):
        pair = ("--no-index", "--", "/dev/null", file.relative_to(root).as_posix())
        yield read_git(root, *_DIFF, *pair, good=(0, 1)) or b""


def _why_not(part: bytes, room: int) -> str:
    """Why a file's part of a patch is left out; empty where it is kept."""
    # Packed, a key is not to be seen, and what looks like one is there by chance.
    if _PACKED not in part and holds_secret(part):
        return "it holds what looks like a key"
    if len(part) > room:
        most = f"{MOST_BYTES / 1e6:.0f} MB"
        return f"{len(part) / 1e6:.1f} MB, and all that is kept has {most} at most"
    return ""


def _name(part: bytes) -> str:
    first, _, _ = part.partition(b"\n")
    return first.rpartition(b" b/")[2].decode(errors="replace").rstrip('"')
