"""Trials whose weights are averaged into one network (Wortsman et al. 2022).

A soup costs one network's forward pass, where an ensemble costs one for each trial.
Weights are those of each trial's best epoch. Batch norms are given the statistics of
the averaged network: those of its parts are of other features.

Shapes: M trials · N images · K classes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from raypg.config import Config
from raypg.errors import ResultsError
from raypg.results import Results
from raypg.results.calibration import Labels, Probs
from raypg.results.ensemble import SOUP, Answer, Ensemble
from raypg.results.gains import gain_over_one, score_of
from raypg.results.greedy import rank
from raypg.results.memo import FlatRow
from raypg.sources.trials import find_source
from raypg.sources.weights import read_weights
from raypg.training.evaluation import evaluate
from raypg.training.isolation import isolate
from raypg.training.parts import Parts, build_parts
from raypg.training.world import World
from raypg.trial import shared_dataset

KEY = "--soup"

Weights = Mapping[str, Tensor]


def cook_soups(
    results: Results,
    rows: Sequence[FlatRow],
    metric: str,
    world: World,
    *,
    with_test: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Ensemble]:
    """The average of all trials' weights, and that of a greedy choice.

    Greedy, the trials come from the best to the worst, and each stays that makes the
    average on validation no worse (recipe 1 there).

    Args:
        results: of the store that has the trials' checkpoints.
        rows: of `trials`, at least two.
        metric: `val.accuracy` or `val.loss`.
        world: where networks run.
        with_test: whether to test the soups, too.
        tell: told how it goes on, line by line.

    Raises:
        ResultsError: the trials are not of one network and one data set.
        ConfigError: one has no checkpoint any more.
    """
    store = results.store
    sources = [find_source(store, row["trial"], KEY) for row in rows]
    config = _shared_config([source.config for source in sources], rows)
    found = {one.trial: read_weights(store, one) for one in sources}
    kitchen = _Kitchen(config, world)
    tell(f"{len(found)} networks are evaluated one by one")
    singles = {name: kitchen.taste([weights]) for name, weights in found.items()}
    labels_N = kitchen.labels("val")
    order = sorted(found, key=lambda name: _rank(singles[name], labels_N, metric))
    chosen, best = [order[0]], singles[order[0]]
    for name in order[1:]:
        tell(f"{name} is tried in the greedy soup")
        tasted = kitchen.taste([found[own] for own in (*chosen, name)])
        if _rank(tasted, labels_N, metric) <= _rank(best, labels_N, metric):
            chosen, best = [*chosen, name], tasted
    recipes = {"best trial": order[:1], "uniform soup": order, "greedy soup": chosen}
    splits = ("val", "test") if with_test else ("val",)
    pots = {way: [found[name] for name in own] for way, own in recipes.items()}
    return [_judge(kitchen, split, metric, pots, recipes) for split in splits]


class _Kitchen:
    """One network into which weights are put, on the data of its trials."""

    def __init__(self, config: Config, world: World) -> None:
        isolate(world, deterministic=config.train.deterministic)
        self._data = shared_dataset(config.data)
        self._parts: Parts = build_parts(config, self._data, world)

    def labels(self, split: str) -> Labels:
        """Of all its images."""
        labels_N: Labels = np.asarray(getattr(self._data, split).labels_N)
        return labels_N

    def taste(self, ingredients: Sequence[Weights], split: str = "val") -> Probs:
        """What the network of averaged weights says of a split."""
        parts = self._parts
        parts.module.load_state_dict(average(ingredients))
        if len(ingredients) > 1:
            renew_statistics(
                parts.module, (images for images, _ in parts.batches.epoch(1))
            )
        batches = parts.test_batches() if split == "test" else parts.val_batches
        told = evaluate(parts.stepper, parts.module, batches, split)
        probs_NK: Probs = told.probabilities_NK.numpy().astype(np.float32)
        return probs_NK


def average(ingredients: Sequence[Weights]) -> dict[str, Tensor]:
    """Each weight's mean; what is no floating point, counters, is the first one's."""
    return {
        key: torch.stack([one[key].float() for one in ingredients])
        .mean(0)
        .to(value.dtype)
        if value.is_floating_point() and len(ingredients) > 1
        else value
        for key, value in ingredients[0].items()
    }


def renew_statistics(module: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give batch norms the mean statistics of these batches; nothing is learnt.

    Args:
        module: the network.
        batches: images as it is trained on.
    """
    norms = [one for one in module.modules() if isinstance(one, _BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch then keeps the plain mean over batches
        norm.train()
    with torch.no_grad():
        for images_BCHW in batches:
            module(images_BCHW)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.eval()


def _judge(
    kitchen: _Kitchen,
    split: str,
    metric: str,
    ingredients: Mapping[str, Sequence[Weights]],
    recipes: Mapping[str, Sequence[str]],
) -> Ensemble:
    labels_N = kitchen.labels(split)
    probs = {way: kitchen.taste(own, split) for way, own in ingredients.items()}
    right = {way: own.argmax(1) == labels_N for way, own in probs.items()}
    answers = []
    for way, own in probs.items():
        weights, score = dict.fromkeys(recipes[way], 1), score_of(own, labels_N)
        gain = None
        if way != "best trial":
            gain = gain_over_one(right[way], right["best trial"])
        answers.append(Answer(way, weights, score, over_best=gain))
    num_trials = len(recipes["uniform soup"])
    return Ensemble(split, metric, num_trials, len(labels_N), answers, [], kind=SOUP)


def _shared_config(configs: Sequence[Config], rows: Sequence[FlatRow]) -> Config:
    """The first trial's config, whose network and data all have."""
    first = configs[0]
    for config, row in zip(configs, rows, strict=True):
        if config.model != first.model or config.data.name != first.data.name:
            where, rule = KEY, "needs trials of one network and one data set"
            names = f"{rows[0]['trial']} and {row['trial']}"
            found = f"{names}, with another model.* or data.name"
            raise ResultsError(where, rule, found, "Leave --soup out, or name others.")
    return first


def _rank(probs_NK: Probs, labels_N: Labels, metric: str) -> tuple[float, ...]:
    return tuple(rank(probs_NK[None], labels_N, metric)[0].tolist())
