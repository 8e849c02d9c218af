"""What must hold of components of the user's own, beside the types of their keys."""

from collections.abc import Iterator, Mapping

from raypg.config.layers import Layer
from raypg.config.reading import Given
from raypg.config.tree import Config
from raypg.errors import ConfigError, suggest_name
from raypg.faults import quote_value
from raypg.metrics import METRICS, columns_of, find_metric_fault, split_metrics
from raypg.own import OwnOptimizerConfig, is_own
from raypg.own_optim import find_optimizer_fault


def own_faults(
    config: Config, num_classes: int, given: Mapping[str, Given]
) -> Iterator[ConfigError]:
    """An optimizer that cannot step, metrics that judge nothing.

    Args:
        config: whose leaves are legal one by one.
        num_classes: of its data.
        given: the leaves that layers gave.
    """
    if isinstance(config.optimizer, OwnOptimizerConfig):
        if fault := find_optimizer_fault(config.optimizer):
            yield ConfigError(_where("optimizer.name", given), *fault)
    names = split_metrics(config.train.metrics)
    for name in names:
        where = _where("train.metrics", given)
        if is_own(name):
            if fault := find_metric_fault(name, num_classes):
                yield ConfigError(where, *fault)
        elif name not in METRICS:
            rule, fix = "must be known metrics", suggest_name(name, METRICS)
            if name.endswith(".py"):
                fix = f"Say what of it: {name}:NAME."
            yield ConfigError(where, rule, quote_value(name), fix)
    columns, metric = columns_of(config.train.metrics), config.train.metric
    if metric not in columns:
        fix = suggest_name(metric, columns)
        where = _where("train.metric", given)
        yield ConfigError(where, "must be a known one", quote_value(metric), fix)


def _where(key: str, given: Mapping[str, Given]) -> str:
    layer = given[key].layer if key in given else Layer("defaults", {})
    return layer.where(key)
