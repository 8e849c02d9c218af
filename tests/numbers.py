"""All numbers of a sweep that follow from the configs of its trials."""

from raypg.results import Results
from raypg.results.schema import flat_rows
from tests.fakes import digest

TABLES = {
    "epochs": "epoch, lr, train.loss, train.accuracy, val.loss, val.accuracy",
    "predictions": "example, label, probabilities",
    "test_predictions": "example, label, probabilities",
    "test_results": "epoch, test.loss, test.accuracy",
}


def everything(results: Results, *sweeps: str) -> str:
    """A digest of them, trial by trial; of all sweeps unless some are named."""
    rows = [
        flat_rows(
            results.sql(
                f"select arm, seed, {names} from {table}"
                " join (select sweep, trial, arm, seed from trials)"
                " using (sweep, trial) order by all",
                sweeps=sweeps,
            )
        )
        for table, names in TABLES.items()
    ]
    assert all(rows), "a table is empty"
    return digest(rows)
