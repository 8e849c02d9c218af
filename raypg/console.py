"""The edge of every command line: arguments, errors in one line, exit codes."""

import os
import sys
from collections.abc import Collection, Sequence

import typer
from typer.exceptions import TyperException

from raypg.errors import ConfigError, RaypgError, StoreError
from raypg.secrets import redact_words

WRONG = 2
INTERRUPTED = 130


def split_arguments(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The file that is named, if one is, and the overrides.

    Raises:
        ConfigError: two files are named.
    """
    files = [text for text in arguments if "=" not in text]
    if len(files) > 1:
        rule, fix = "must name one file", "Write overrides as KEY=VALUE."
        raise ConfigError("command line", rule, " and ".join(files), fix)
    return (files[0] if files else ""), [text for text in arguments if "=" in text]


def told_command() -> tuple[str, ...]:
    """What was typed, as it may be kept; from now on in `sys.argv` as well.

    W&B reads it there, and sends it.
    """
    sys.argv[1:] = redact_words(sys.argv[1:])
    return tuple(sys.argv[1:])


def given_text(text: str | None) -> str | None:
    """An option's text, which an unset shell variable must not leave empty.

    Raises:
        typer.BadParameter: it is empty.
    """
    if text is not None and not text.strip():
        raise typer.BadParameter("must not be empty")
    return text


def give_value(arguments: Sequence[str], option: str, value: str) -> list[str]:
    """The arguments with a value for an option that may stand without one.

    Typer gives every option either a value or none; the word behind this one is its
    value unless it starts another option.
    """
    follows = [*arguments, "-"][1:]
    return [
        f"{option}={value}" if one == option and after.startswith("-") else one
        for one, after in zip(arguments, follows, strict=True)
    ]


def is_given(context: typer.Context, name: str) -> bool:
    """Whether a parameter stands on the command line: no default, no variable."""
    return getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"


def check_alone(
    context: typer.Context, option: str, beside: Collection[str], why: str
) -> None:
    """Refuse what a command line says besides an option that cannot heed it.

    Args:
        context: of the command.
        option: the parameter that stands alone.
        beside: parameters that may stand beside it.
        why: what to tell the user.

    Raises:
        ConfigError: there is more; lists all of it.
    """
    given = [
        f"--{name.replace('_', '-')}"
        for name in context.params
        if name not in ("arguments", option, *beside) and is_given(context, name)
    ]
    if "arguments" not in beside:
        given += context.params["arguments"] or []
    if given:
        where, value = f"--{option.replace('_', '-')}", context.params[option]
        where += "" if value is True else f" {value}"
        raise ConfigError(where, "must stand alone", " ".join(given), why)


def new_app(help: str | None = None, epilog: str | None = None) -> typer.Typer:
    """A command line as all of ours are: plain text, and errors left to `run_app`."""
    return typer.Typer(
        help=help,
        epilog=epilog,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run_app(app: typer.Typer) -> None:
    """Run a command line; a mistake of the user is one line and exit code 2."""
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`head`) has seen enough. Python flushes once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except TyperException as error:
        message = " ".join(error.format_message().split()).rstrip(".")
        print(f"command line: {message}. See --help.", file=sys.stderr)
        code = WRONG
    except RaypgError as error:
        print(error, file=sys.stderr)
        code = WRONG
    except OSError as error:
        print(_unreadable(error), file=sys.stderr)
        code = WRONG
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code:
        sys.exit(code)


def _unreadable(error: OSError) -> StoreError:
    """What the system refused, where nothing nearer to it has said more."""
    where = str(error.filename or "the store")
    cause = " ".join(str(error.strerror or error).split())
    found = f"{type(error).__name__}: {cause}"
    fix = "See whether it is there, whose it is, and whether its disk has room."
    return StoreError(where, "must let itself be read and written", found, fix)
