"""The command line over the tables: which commands there are."""

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from raypg.console import new_app, run_app

EPILOG = """
Examples:

  python -m raypg.results ls

  python -m raypg.results show densenet_depth

  python -m raypg.results show densenet_depth --format latex --out depth.tex

  python -m raypg.results watch densenet_depth

  python -m raypg.results sql "select config.model.depth, avg(val.accuracy)
  from trials group by all"

Tables: epochs, trials, unique_trials (each trial once, whatever sweeps hold it),
predictions, test_results, test_predictions.
"""

COMMANDS = {
    "ls": "sweeps.list_sweeps",
    "show": "tables.show",
    "best": "tables.best",
    "front": "fronts.front",
    "published": "tables.published",
    "sql": "tables.sql",
    "watch": "watch.watch",
    "compare": "answers.compare",
    "effects": "answers.effects",
    "diff": "examples.diff",
    "ensemble": "ensembles.ensemble",
    "figure": "figures.figure",
    "report": "figures.report",
    "serve": "figures.serve",
    "reproduce": "studies.reproduce",
    "check": "studies.check",
    "explain": "studies.explain",
    "export": "exchange.export_sweep",
    "import": "exchange.import_sweep",
    "card": "exchange.card",
    "rm": "sweeps.remove",
}
"""Where the function of each is, in `raypg.commands`."""


def main() -> None:
    """Run the command line."""
    run_app(_build_app(sys.argv[1:2]))


def _build_app(words: Sequence[str]) -> typer.Typer:
    """With the one command that is called; with all of them for help or a mistake.

    To import all takes longer than `ls` does.
    """
    app = new_app(help="Ask the tables that sweeps leave.", epilog=EPILOG)
    # Without a callback a lone command would be the whole command line.
    app.callback()(_no_options)
    for name in [word for word in words if word in COMMANDS] or COMMANDS:
        module, function = COMMANDS[name].split(".")
        imported = import_module(f"raypg.commands.{module}")
        app.command(name)(getattr(imported, function))
    return app


def _no_options() -> None:
    pass


if __name__ == "__main__":
    main()
