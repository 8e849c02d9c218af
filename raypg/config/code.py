"""Which files train a trial, and a hash of each that no comment changes."""

import ast
import hashlib
import importlib.metadata
import io
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from raypg.own import is_own
from raypg.own.sources import Sources, imported_modules

_PACKAGE = Path(__file__).parents[1]
_START = "raypg.training.loop"
_REGISTRIES = {"raypg.models": ("MODELS", "LIBRARIES"), "raypg.data": ("DATASETS",)}
"""Where to go on with the one entry that the config names."""
_NO_NUMBERS = (
    # How values are read and faults are said; the values are in the config.
    "raypg.config",
    # How files of the user's are found; their content counts.
    "raypg.own",
    "raypg.errors",
    "raypg.faults",
    "raypg.strict",
    "raypg.tracebacks",
    # What asks for one of them has them by `metrics_code`.
    "raypg.metrics",
    # Where files lie and how they are fetched; their content is in the data's version.
    "raypg.data.cache",
    "raypg.data.download",
    "raypg.data.lock",
    "raypg.data.places",
)
"""Modules (by prefix) whose edits change no number and make no trial stale."""
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)


@cache
def training_code(model: str, data: str) -> Mapping[str, str]:
    """The hash of every file that trains one model on one data set.

    Found by following imports from the training function. Other models and data sets
    are left out, so that an edit of one leaves the trials of the others fresh.

    Args:
        model: a key of `MODELS`, or a library's network.
        data: a key of `DATASETS`.

    Returns:
        Paths relative to the repository, sorted, and 16 hex digits each; a library's
        name and version, where the network is its own.
    """
    library, slash, _ = model.partition("/")
    found = {library: _version(library)} if slash and not is_own(model) else {}
    names = {"raypg.models": library, "raypg.data": data}
    return dict(sorted(_follow([_START], names, found).items()))


@cache
def own_code(sources: Sources) -> Mapping[str, str]:
    """The hash of every file that makes a component of the user's.

    Args:
        sources: of the component.

    Returns:
        As `training_code` does: the user's files, those of ours that they import, and
        the version of each package.
    """
    found = {path: hash_source(text) for path, text in sources.files.items()}
    versions = {name: _version(name) for name in sources.libraries}
    found |= {name: version for name, version in versions.items() if version}
    ours = _follow([*sources.ours], dict.fromkeys(_REGISTRIES, ""), {})
    return dict(sorted({**found, **ours}.items()))


@cache
def metrics_code() -> Mapping[str, str]:
    """The hash of the file of our metrics, for trials that are judged by one."""
    path = _PACKAGE / "metrics.py"
    name = path.relative_to(_PACKAGE.parent).as_posix()
    return {name: hash_source(path.read_text("utf-8"))}


def _follow(
    start: list[str], names: Mapping[str, str], found: dict[str, str]
) -> dict[str, str]:
    """Add the hash of every file of ours that these modules import.

    Args:
        start: modules to begin with.
        names: by module with registries, the entry that is gone on with.
        found: what there is so far.
    """
    waiting = [*start]
    while waiting:
        module = waiting.pop()
        path = _module_file(module)
        if path is None or module.startswith(_NO_NUMBERS):
            continue
        name = path.relative_to(_PACKAGE.parent).as_posix()
        if name in found:
            continue
        source = path.read_text("utf-8")
        tree = ast.parse(source)
        others: set[str] = set()
        if module in _REGISTRIES:
            entries = entries_of(module, tree)
            source = without_entries(source, tree, entries)
            every = {home for homes in entries.values() for home in homes}
            others = every - entries.get(names[module], set())
        found[name] = hash_source(source)
        waiting += [m for m in imported_modules(tree) if m not in others]
    return found


def _version(library: str) -> str:
    """Of an installed library; "" where it is none, as a store's row may name one."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""


def hash_source(source: str) -> str:
    """16 hex digits that comments, docstrings and layout do not change.

    Made of tokens, not of `ast.dump`, which differs from one Python to the next.
    """
    digest = hashlib.sha256("\n".join(_statements(source)).encode())
    return digest.hexdigest()[:16]


def entries_of(module: str, tree: ast.Module) -> dict[str, set[str]]:
    """The modules behind each key of a module's registries."""
    return {
        key: homes
        for registry in _REGISTRIES[module]
        for key, homes in _registry_entries(tree, registry).items()
    }


def _registry_entries(tree: ast.Module, registry: str) -> dict[str, set[str]]:
    """The same of one registry, a dict that is written out."""
    homes = _import_homes(tree)
    for node in tree.body:
        if isinstance(node, ast.AnnAssign | ast.Assign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            is_it = isinstance(target, ast.Name) and target.id == registry
            if is_it and isinstance(node.value, ast.Dict):
                pairs = zip(node.value.keys, node.value.values, strict=True)
                return {
                    str(key.value): {homes[n] for n in _names(value) if n in homes}
                    for key, value in pairs
                    if isinstance(key, ast.Constant)
                }
    return {}


def without_entries(
    source: str, tree: ast.Module, entries: Mapping[str, set[str]]
) -> str:
    """A registry's source without what a further entry changes: it alters no trial."""
    modules = {home for homes in entries.values() for home in homes}
    homes = _import_homes(tree)
    theirs = {name for name, home in homes.items() if home in modules} | {"__all__"}
    lines = source.split("\n")
    for node in tree.body:
        is_import = isinstance(node, ast.ImportFrom) and node.module in modules
        is_value = isinstance(node, ast.AnnAssign | ast.Assign)
        if is_import or (is_value and theirs & _names(node)):
            assert node.end_lineno is not None
            count = node.end_lineno - node.lineno + 1
            lines[node.lineno - 1 : node.end_lineno] = [""] * count
    return "\n".join(lines)


def _import_homes(tree: ast.Module) -> dict[str, str]:
    """Names imported at the top of a file, and the modules that they come from."""
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _module_file(module: str) -> Path | None:
    head, *rest = module.split(".")
    if head != _PACKAGE.name or not rest:
        return None
    place = _PACKAGE.joinpath(*rest)
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _statements(source: str) -> Iterator[str]:
    """Each logical line as its tokens; one that is only text says nothing."""
    words: list[str] = []
    only_text = True
    for token, text in _tokens(source):
        if token == tokenize.NEWLINE:
            if not only_text:
                yield " ".join(words)
            words, only_text = [], True
        elif token in (tokenize.INDENT, tokenize.DEDENT):
            yield "{" if token == tokenize.INDENT else "}"
        else:
            words.append(text)
            only_text = only_text and token == tokenize.STRING
    yield " ".join(words)


def _tokens(source: str) -> Iterator[tuple[int, str]]:
    """Kinds and texts; an f-string is one token, as it was before Python 3.12."""
    start = getattr(tokenize, "FSTRING_START", -1)
    end = getattr(tokenize, "FSTRING_END", -1)
    lines = io.StringIO(source).readlines()
    depth, begin = 0, (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == start:
            begin = begin if depth else token.start
            depth += 1
        elif token.type == end:
            depth -= 1
            if not depth:
                yield tokenize.STRING, _cut(lines, begin, token.end)
        elif not depth and token.type not in _LAYOUT:
            yield token.type, token.string


def _cut(lines: list[str], begin: tuple[int, int], end: tuple[int, int]) -> str:
    if begin[0] == end[0]:
        return lines[begin[0] - 1][begin[1] : end[1]]
    middle = lines[begin[0] : end[0] - 1]
    return "".join(
        [lines[begin[0] - 1][begin[1] :], *middle, lines[end[0] - 1][: end[1]]]
    )
