"""Ask a store from Python: SQL, Arrow, pandas, and learning curves with their bands.

    python examples/ask.py [STORE]

STORE is a folder or an s3:// or gs:// URI, `runs` unless it is given; `make sweep`
fills that one. Nothing is written to it, and its sweeps may still be running.
"""

import sys

from scipy.special import stdtrit

import raypg
from raypg.results import Results


def print_counts(store: Results) -> None:
    """One statement over the whole store is one pyarrow.Table."""
    table = store.sql("""
        select sweep, status, count(*) as trials, sum(num_epochs) as epochs
        from trials group by all order by all
    """)
    print("Trials by sweep and status:")
    for row in table.to_pylist():
        print("  {sweep}: {trials} {status}, {epochs} epochs".format(**row))


def print_trials(store: Results, sweep: str, metric: str) -> None:
    """All trials of a sweep: a column for each key of the config, under its name."""
    trials = store.sql("from trials order by number", sweeps=[sweep])
    frame = trials.to_pandas()  # with polars: polars.from_arrow(trials)
    axes = store.sweep_description(sweep).get("axes", [])
    columns = [*(f"config.{axis}" for axis in axes), "seed", "status", metric]
    print(f"\n{sweep}: {frame.shape[0]} trials, {frame.shape[1]} columns, of these:")
    print(frame[columns].to_string(index=False))


def print_curves(store: Results, sweep: str, metric: str) -> None:
    """A learning curve an arm, with the band of its 95 % interval over seeds.

    All rows that it is made of are `store.sql("from epochs", sweeps=[sweep])`.
    """
    # The epochs' own value: `trials` has a column of that name, too.
    value = f"epochs.{metric}"
    query = f"""
        select arm, epoch, count(*) as seeds,
            avg({value}) as mean, stddev_samp({value}) as spread
        from epochs join trials using (sweep, trial)
        where status in ('completed', 'cached') group by all order by all
    """
    curves = store.sql(query, sweeps=[sweep]).to_pandas()
    error = curves["spread"] / curves["seeds"] ** 0.5
    reach = stdtrit(curves["seeds"] - 1, 0.975) * error  # Student's t: few seeds
    curves["low"], curves["high"] = curves["mean"] - reach, curves["mean"] + reach
    shown = ["arm", "epoch", "seeds", "mean", "low", "high"]
    print(f"\n{metric} by epoch, mean and 95 % band over seeds:")
    print(curves[shown].to_string(index=False))


def main() -> None:
    """Ask about all sweeps, then about the newest one."""
    store = raypg.open_store(sys.argv[1] if len(sys.argv) > 1 else "runs")
    sweeps = store.sweeps()
    if not sweeps:
        sys.exit("The store holds no sweep yet. Try: make sweep")
    print_counts(store)
    newest = sweeps[-1]
    print_trials(store, newest.sweep, newest.metric)
    print_curves(store, newest.sweep, newest.metric.removeprefix("best."))


if __name__ == "__main__":
    try:
        main()
    except raypg.RaypgError as problem:  # no such store, or a query that is wrong
        sys.exit(str(problem))
