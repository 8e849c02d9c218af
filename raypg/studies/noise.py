"""How far another training of the same trial may come out by chance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from raypg.results import Results
from raypg.results.arms import ENDED_WELL, is_finite
from raypg.results.examples import mcnemar_p
from raypg.results.statistics import CONFIDENCE, interval_reach
from raypg.studies.rerun import Rerun


@dataclass(frozen=True)
class Noise:
    """How far another training of the same may come out, with 95 % confidence.

    Attributes:
        reach: the largest difference that counts as noise.
        source: where that comes from; empty where nothing tells, and none counts.
    """

    reach: float
    source: str


def find_noise(
    results: Results, row: Mapping[str, Any], metric: str, again: Rerun
) -> Noise:
    """What counts as noise: the spread of the arm's seeds, or chance among images.

    Two trainings that differ in nothing but their noise are apart by √2 times the
    standard deviation of one. Where seeds show no spread, the images that one of the
    two trainings alone has right are tossed like coins (McNemar 1947).
    """
    values = [
        one[metric]
        for one in results.trials(row["sweep"])
        if one["arm"] == row["arm"]
        and (one["status"] in ENDED_WELL) == (row["status"] in ENDED_WELL)
        and is_finite(one.get(metric))
    ]
    reach = interval_reach(values) if values else None
    if reach is not None:
        spread = reach * math.sqrt(2 * len(values))
        return Noise(spread, f"the spread of {len(values)} seeds of its arm")
    if not metric.endswith("accuracy"):
        return Noise(0.0, "")
    tables = [
        read_answers(results, row["trial"], row["sweep"]),
        read_answers(again.results, again.trial),
    ]
    if not tables[0].num_rows or tables[0].num_rows != tables[1].num_rows:
        return Noise(0.0, "")
    a, b = (np.equal(t["answer"], t["label"]) for t in tables)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    is_chance = mcnemar_p(only_a, only_b) >= 1 - CONFIDENCE
    told = f"{only_a} and {only_b} images that one of both alone has right (McNemar)"
    return Noise((only_a + only_b) / len(a) if is_chance else 0.0, told)


def read_answers(results: Results, trial: str, *sweeps: str) -> Any:  # noqa: ANN401 Arrow
    """What a trial predicts of each validation example, in order; may be no rows."""
    query = f"""select example, label, probabilities, predicted, probability,
        coalesce(predicted, list_position(probabilities, list_max(probabilities)) - 1)
        as answer from predictions where trial = '{trial}' order by example"""
    return results.sql(query, sweeps=sweeps)
