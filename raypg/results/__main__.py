"""The command line over the tables: which commands there are."""

from raypg.commands import (
    answers,
    ensembles,
    examples,
    exchange,
    figures,
    removal,
    studies,
    tables,
    watch,
)
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

app = new_app(help="Ask the tables that sweeps leave.", epilog=EPILOG)
app.command("ls")(tables.list_sweeps)
app.command()(tables.show)
app.command()(tables.best)
app.command()(tables.sql)
app.command()(watch.watch)
app.command()(answers.compare)
app.command()(answers.effects)
app.command()(examples.diff)
app.command()(ensembles.ensemble)
app.command()(figures.figure)
app.command()(figures.report)
app.command()(figures.serve)
app.command()(studies.reproduce)
app.command()(studies.check)
app.command()(studies.explain)
app.command("export")(exchange.export_sweep)
app.command("import")(exchange.import_sweep)
app.command()(exchange.card)
app.command("rm")(removal.remove)


def main() -> None:
    """Run the command line."""
    run_app(app)


if __name__ == "__main__":
    main()
