"""A search space file is read, run and checked, or is one clear error."""

import ast
import tokenize
import traceback
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from raypg.config import Config, Layer
from raypg.config.code import hash_source
from raypg.errors import SpaceError
from raypg.experiment.trials import Resolver, check_space
from raypg.models import DenseNetConfig, effective_depth
from raypg.space import AblationStudy, Space, choose_arms

_EXAMPLE = 'Write SPACE = Ablation(axes={"model.depth": [22, 40]}), or a Search.'
_KEEP_ONE = "Keep one; the others have files of their own."
_MOST_FRAMES = 5


@dataclass(frozen=True, slots=True)
class SpaceFile:
    """A space that was loaded and checked, and the file it stands in."""

    path: str
    """As it was given."""
    stem: str
    """What its sweeps are called."""
    docstring: str
    """The question, and what it costs; "" where the file asks none."""
    source: str
    """Saved with the sweep, to be read and compared."""
    space: Space
    notes: tuple[str, ...] = ()
    """What the user should know before it starts."""


def load_space(
    path: Path | str, layers: Sequence[Layer] = (), arms: Sequence[str] = ()
) -> SpaceFile:
    """Load a space file and check it against the config tree.

    Args:
        path: a Python file with one `SPACE`, or one function under `@ablation_study`.
        layers: preset, file and command line, under which its values must be legal.
        arms: patterns of names; of named arms only those that match one are taken.

    Raises:
        SpaceError: the file is missing or raises, or its space is wrong.
        ConfigError: a layer is wrong, or sets what the space varies.
    """
    try:
        source = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as cause:
        found = getattr(cause, "strerror", None) or str(cause)
        fix = "Name a Python file, such as search_spaces/densenet_depth.py."
        rule = "must be a readable file"
        raise SpaceError(str(path), rule, found.lower(), fix) from cause
    return parse_space(source, str(path), layers, arms)


def parse_space(
    source: str, path: str, layers: Sequence[Layer] = (), arms: Sequence[str] = ()
) -> SpaceFile:
    """Load a space from the text of its file, which is run.

    Args:
        source: the text; of somebody who may run code here.
        path: what errors call it; its stem names the sweep.
        layers: as for `load_space`.
        arms: likewise.

    Raises:
        SpaceError: it raises, or its space is wrong.
        ConfigError: a layer is wrong, or sets what the space varies.
    """
    try:
        tree = ast.parse(source, path)
        _check_assigned_once(tree, path)
        space = choose_arms(_run(source, path), arms)
    except SyntaxError as cause:
        found = f"{cause.msg}: {(cause.text or '').strip()}".removesuffix(": ")
        # A null byte has no place.
        where = f"{cause.filename}:{cause.lineno}" if cause.lineno else path
        raise SpaceError(where, "must be Python", found, "Correct it.") from cause
    except SpaceError as cause:
        where, *rest = cause.args
        where = where if where.startswith(path) else f"{path}: {where}"
        raise SpaceError(where, *rest) from cause
    except (Exception, SystemExit) as cause:
        raise _import_error(cause, source, path) from cause
    docstring = ast.get_docstring(tree) or ""
    return restore_space(space, path, docstring, source, layers)


def restore_space(
    space: Space, path: str, docstring: str, source: str, layers: Sequence[Layer]
) -> SpaceFile:
    """Check a space that is there, and put it with its text, which is not run.

    Args:
        space: as the text makes it.
        path: what errors call its file.
        docstring: its question.
        source: the text.
        layers: as for `load_space`.

    Raises:
        SpaceError: the space holds a wrong name or value.
        ConfigError: a layer is wrong, or sets what the space varies.
    """
    notes = tuple(_rounding_notes(check_space(Resolver(path, space, layers))))
    return SpaceFile(path, Path(path).stem, docstring, source, space, notes)


def is_edited(path: str, source: str) -> bool:
    """Whether a space's file says something else by now; not where it is gone.

    Args:
        path: of the file.
        source: its text as it was.
    """
    try:
        now = Path(path).read_text("utf-8-sig")
        return hash_source(now) != hash_source(source)
    except (OSError, UnicodeDecodeError):
        return False
    except (SyntaxError, tokenize.TokenError):  # in the middle of an edit
        return True


def _run(source: str, path: str) -> Space:
    """Run the file and take the one space that it defines."""
    module = types.ModuleType(Path(path).stem)
    module.__file__ = path
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    found = _spaces(vars(module))
    if not found:
        raise _no_space(source, path, vars(module))
    if len(found) > 1:
        names = " and ".join(found)
        raise SpaceError(path, "must hold one space", names, _KEEP_ONE)
    ((name, space),) = found.items()
    if isinstance(space, AblationStudy):
        space = space.build_ablation()
    if not isinstance(space, Space):
        rule, found_type = "must be an Ablation or a Search", type(space).__name__
        raise SpaceError(f"{path}: {name}", rule, found_type, _EXAMPLE)
    return space


def _spaces(names: Mapping[str, object]) -> dict[str, object]:
    """`SPACE` and the decorated functions, each once."""
    found: dict[str, object] = {}
    for name, value in names.items():
        is_space = name == "SPACE" or isinstance(value, AblationStudy)
        if is_space and not any(value is other for other in found.values()):
            found[name] = value
    return found


def _no_space(source: str, path: str, names: Mapping[str, object]) -> SpaceError:
    misnamed = [n for n, v in names.items() if isinstance(v, Space)]
    if misnamed:
        fix = f"Rename {misnamed[0]}."
        return SpaceError(path, "must name its space SPACE", misnamed[0], fix)
    found = "none" if source.strip() else "an empty file"
    return SpaceError(path, "must define SPACE", found, _EXAMPLE)


def _check_assigned_once(tree: ast.Module, path: str) -> None:
    lines = [
        str(node.lineno)
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == "SPACE"
    ]
    if len(lines) > 1:
        found = f"SPACE on lines {', '.join(lines)}"
        raise SpaceError(path, "must hold one space", found, _KEEP_ONE)


def _import_error(cause: BaseException, source: str, path: str) -> SpaceError:
    """What the user's file raised, with the user's own lines of the traceback."""
    lines = source.splitlines()
    own = [
        (frame.lineno or 1, frame.name)
        for frame in traceback.extract_tb(cause.__traceback__)
        if frame.filename == path
    ]
    places = [
        f"  line {line}, in {name}: {lines[line - 1].strip()}"
        for line, name in own[-_MOST_FRAMES:]
    ]
    where = f"{path}:{own[-1][0]}" if own else path
    summary = " ".join(f"{type(cause).__name__}: {cause}".split())
    fix = "\n".join(["Correct it:", *places])
    return SpaceError(where, "must import without an error", summary, fix)


def _rounding_notes(configs: Sequence[Config]) -> list[str]:
    """One line on the depths that `model.round_depth` changes."""
    rounded = {
        f"{model.depth}→{effective_depth(model)}": None
        for model in (config.model for config in configs)
        if isinstance(model, DenseNetConfig)
        and model.round_depth
        and effective_depth(model) != model.depth
    }
    if not rounded:
        return []
    return [f"model.round_depth=true builds other depths: {', '.join(rounded)}"]
