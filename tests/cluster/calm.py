"""What trials come to that nobody disturbs: trained one by one, without a cluster."""

from collections.abc import Iterable, Mapping
from tempfile import TemporaryDirectory

from raypg.config import parse_overrides
from raypg.results import open_results
from raypg.solo.session import Options, start_trial
from raypg.store import Store

Curves = dict[str, list[tuple[int, float]]]


def curves(store: Store, *sweeps: str) -> Curves:
    """Every row of `epochs`, by trial: losses in the order of the epochs."""
    rows = open_results(store).sql(
        "select trial, epoch, val.loss as loss from epochs order by all",
        sweeps=list(sweeps),
    )
    found: Curves = {}
    for row in rows.to_pylist():
        found.setdefault(row["trial"], []).append((row["epoch"], row["loss"]))
    return found


def calm_curves(
    base: Mapping[str, object], trials: Iterable[Mapping[str, object]]
) -> Curves:
    """Of trials with the leaves of `base` and their own."""
    with TemporaryDirectory(prefix="raypg-calm-") as folder:
        options = Options(store=folder, device="cpu", num_threads=1)
        for own in trials:
            leaves = {**base, **own}
            typed = [f"{name}={value}" for name, value in leaves.items()]
            start_trial([parse_overrides(typed)], options)
        return curves(Store(folder))
