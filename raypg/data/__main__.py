"""`python -m raypg.data`: which data sets there are, what is in one, have it ready."""

from raypg.commands import data_sets, data_show
from raypg.console import new_app, run_app

EPILOG = """
Examples:

  python -m raypg.data ls

  python -m raypg.data show digits data.crop_padding=1 --out batch.png

  python -m raypg.data show folder data.root=photos data.image_size=64

  python -m raypg.data fetch cifar10
"""

app = new_app(help="Ask what data sets hold, and have them ready.", epilog=EPILOG)
app.command("ls")(data_sets.list_data)
app.command("show")(data_show.show_data)
app.command()(data_sets.fetch)


def main() -> None:
    """Run the command line."""
    run_app(app)


if __name__ == "__main__":
    main()
