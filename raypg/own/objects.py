"""The object that a name stands for, imported once a process.

A file's own folder is searched for what it imports, as Python does for a script; a
module is looked for in the working folder first. On a worker both come from a folder
with all the files that the sweep was started with, its *home*.
"""

import importlib
import importlib.util
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from raypg.errors import suggest_name
from raypg.own.fault import OwnFault, OwnFaults, fault_of
from raypg.own.names import is_file, split_name

_RULE = "must name a file that imports without an error"
_PACKAGE = Path(__file__).parents[1]
_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = Path(sysconfig.get_path("stdlib"))

_home: Path | None = None
_paths: list[str] = []
_forbidden: set[Path] = set()
_caches: list[Callable[[], None]] = []


def home() -> Path | None:
    """Where this process looks for files of the user's; None for where they are."""
    return _home


def set_home(folder: Path | None) -> None:
    """Take files and modules of the user's from this folder alone from now on."""
    global _home
    if folder != _home:
        forget()
        _home = folder


def forbid(folder: Path) -> None:
    """Never import a file below a folder: a store, whose names others may have written.

    A home is none of these.
    """
    _forbidden.add(folder.resolve())


def forget() -> None:
    """Import anew whatever is asked for next, as its files are by then."""
    for module in [name for name, one in sys.modules.items() if _is_own(one)]:
        del sys.modules[module]
    for path in _paths:
        if path in sys.path:
            sys.path.remove(path)
    _paths.clear()
    importlib.invalidate_caches()
    for clear in _caches:
        clear()


def remembers(clear: Callable[[], None]) -> None:
    """Have `forget` empty one more cache.

    Args:
        clear: empties it.
    """
    _caches.append(clear)


@cache
def load_object(name: str) -> Callable[..., Any]:
    """What a name stands for: a class or a function of the user's.

    Raises:
        OwnFaults: there is no such file, it fails to import, or lacks such a member.
    """
    place, member = split_name(name)
    if not place or not member.isidentifier():
        fix = "Write it like my_net.py:MyNet, or my_pkg.nets:MyNet."
        raise OwnFaults([OwnFault("must be FILE.py:NAME", f'"{name}"', fix)])
    _check_allowed(place)
    with _importing(search_path(name)):
        try:
            module = _run(place) if is_file(place) else importlib.import_module(place)
        except OwnFaults:
            raise
        except ModuleNotFoundError as cause:
            if not is_file(place) and f"{place}.".startswith(f"{cause.name}."):
                rule = "must name a module that is found from here"
                fix = f"Run from the folder that holds {cause.name}, or install it."
                fault = OwnFault(rule, f"no module {cause.name}", fix)
                raise OwnFaults([fault]) from cause
            raise OwnFaults([fault_of(cause, _RULE)]) from cause
        except (Exception, SystemExit) as cause:
            raise OwnFaults([fault_of(cause, _RULE)]) from cause
    found: object = getattr(module, member, None)
    if not callable(found):
        own = [n for n, value in vars(module).items() if _is_defined_in(value, module)]
        rule = f"must name a class or a function that {place} defines"
        fix = suggest_name(member, own) if own else "It defines none."
        raise OwnFaults([OwnFault(rule, f'"{member}"', fix)])
    return found


remembers(load_object.cache_clear)


def locate(place: str) -> Path:
    """A file of the user's in the home, or where its name says."""
    return Path(place) if _home is None else _home / Path(place).name


def search_path(name: str) -> list[Path]:
    """Where what a component imports may be the user's own, the likeliest first."""
    if _home is not None:
        return [_home]
    place, _ = split_name(name)
    first = [Path(place).absolute().parent] if is_file(place) else []
    known = [Path(path or ".").absolute() for path in sys.path]
    folders = [path for path in known if path.is_dir() and not is_installed(path)]
    return list(dict.fromkeys([*first, Path.cwd(), *folders]))


def is_installed(path: Path) -> bool:
    """Whether a file is of Python or of an installed package, no edit of the user's."""
    return any(part in _INSTALLED for part in path.parts) or (
        path.is_relative_to(_STANDARD)
    )


@contextmanager
def _importing(folders: list[Path]) -> Iterator[None]:
    """Find the user's modules, now and when a function imports one later.

    No bytecode is written beside them: it would stand for an edit in the same second.
    """
    for folder in reversed([str(folder) for folder in folders[:2]]):
        if folder not in sys.path:
            sys.path.insert(0, folder)
            _paths.append(folder)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes


def _check_allowed(place: str) -> None:
    """Refuse a file of a store before it is imported."""
    files = [locate(place)]
    if not is_file(place):
        inner = Path(*place.split("."))
        names = (inner.with_suffix(".py"), inner / "__init__.py")
        files = [folder / name for folder in search_path(place) for name in names]
    for file in files if _home is None else ():
        real = file.resolve()
        if real.is_file() and any(real.is_relative_to(one) for one in _forbidden):
            rule = "must name a file outside of the store, of which nothing is run"
            fix = "Copy it to where you work, if you trust it."
            raise OwnFaults([OwnFault(rule, str(file), fix)])


def _run(place: str) -> types.ModuleType:
    """The module that a file makes, under a name that no other module has."""
    path = locate(place)
    try:
        source = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as cause:
        found = getattr(cause, "strerror", None) or str(cause)
        fix = f"{place} is looked for in {Path.cwd()}."
        fault = OwnFault("must name a readable file", found.lower(), fix)
        raise OwnFaults([fault]) from cause
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    code = compile(source, str(path), "exec", dont_inherit=True)
    exec(code, module.__dict__)
    return module


def _is_defined_in(value: object, module: types.ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", "") == module.__name__


def _is_own(module: types.ModuleType) -> bool:
    """Whether a loaded module is a file that was found through one of our paths."""
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    path = Path(file).absolute()
    if module.__name__.startswith("own_"):
        return True
    is_below = any(path.is_relative_to(folder) for folder in _paths)
    return is_below and not (is_installed(path) or path.is_relative_to(_PACKAGE))
