"""A space and the layers beside it become configs, or every fault in them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from raypg.config import (
    Config,
    Fingerprint,
    Layer,
    Origin,
    changeable_leaves,
    fingerprint,
    flatten,
    try_load,
)
from raypg.errors import ConfigError, SpaceError
from raypg.faults import join_errors, quote_value
from raypg.metrics import EVERY_EPOCH, metric_mode, metrics_of
from raypg.space import PBT, Ablation, Arm, Path, Search, Space, Value, build_arms
from raypg.space.objectives import COSTS


@dataclass(frozen=True, slots=True)
class Trial:
    """One resolved config, seed included, before it is trained."""

    key: str
    """16 hex digits: equal trials have equal keys, in every sweep."""
    arm: str
    """The axes' values as one would type them; or `baseline`."""
    seed: int
    config: Config
    values: Mapping[str, Value]
    """What the axes have here, by dotted name; without those that do not count."""
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Resolver:
    """Makes the configs of one space, in one place, under the same layers."""

    path: str
    """The space file, as errors name it."""
    space: Space
    layers: Sequence[Layer]
    """Preset, file and command line; the base and the axes are the space's."""

    @property
    def fixed(self) -> dict[str, Value]:
        """What the space sets besides its base: its metric, its scheduler's epochs."""
        fixed: dict[str, Value] = {"train.metric": self.space.metric}
        if isinstance(self.space, Search) and self.space.scheduler is not None:
            fixed["train.epochs"] = self.space.scheduler.max_epochs
        return fixed

    def try_config(
        self, values: Mapping[str, Value], seed: int | None = None, arm: str = ""
    ) -> tuple[Config | None, list[ConfigError]]:
        """The config in which the axes have these values, or every fault.

        Args:
            values: by dotted name.
            seed: of the trial; None: the config's own.
            arm: the name of an arm that has one; its values lie on the base, below the
                command line.
        """
        layers = [*self.layers, self._layer("base", self.space.base, Origin.BASE)]
        layers.append(Layer(self.path, self.fixed, origin=Origin.AXIS))
        if seed is not None:
            layers.append(self._layer("seeds", {"seed": seed}, Origin.AXIS))
        if arm:
            own = self._layer(f'arms["{arm}"]', values, Origin.BASE)
        else:
            own = self._layer("axes", values, Origin.AXIS)
        return try_load([*layers, own])

    def arm_config(self, arm: Arm, seed: int) -> Config:
        """The config of an arm of an ablation.

        Raises:
            SpaceError: the space makes no config of it.
            ConfigError: another layer makes none.
        """
        config, faults = self.try_config(arm.values, seed, self.name_of(arm))
        if config is None:
            raise self.error(faults)
        return config

    def name_of(self, arm: Arm) -> str:
        """What the space itself calls an arm; empty where axes make it."""
        return arm.label if isinstance(self.space, Ablation) and self.space.arms else ""

    def config(self, values: Mapping[str, Value], seed: int | None = None) -> Config:
        """The config in which the axes have these values.

        Raises:
            SpaceError: the space makes no config of them.
            ConfigError: another layer makes none.
        """
        config, faults = self.try_config(values, seed)
        if config is None:
            raise self.error(faults)
        return config

    def error(self, faults: Sequence[ConfigError]) -> SpaceError | ConfigError:
        """One error for all, a `SpaceError` where the first is the space's."""
        joined = join_errors(faults)
        if joined.args[0].startswith(f"{self.path}: "):
            return SpaceError(*joined.args)
        return joined

    def _layer(self, part: str, values: Mapping[str, object], origin: Origin) -> Layer:
        return Layer(f"{self.path}: {part}", values, origin=origin)


def build_trial(
    config: Config,
    arm: str,
    values: Mapping[str, Value],
    *,
    device: str,
    num_workers: int,
) -> Trial:
    """A trial with its fingerprint."""
    found = fingerprint(config, device=device, num_workers=num_workers)
    return Trial(found.key, arm, config.seed, config, values, found)


def check_space(resolver: Resolver) -> list[Config]:
    """Check a space against the config tree.

    Every value of every axis is tried: all arms of an ablation; of a search the options
    and whole numbers one by one, and the ends of all ranges together.

    Returns:
        The configs that were tried.

    Raises:
        SpaceError: the space holds a wrong name or value.
        ConfigError: another layer does, or it sets what the space varies.
    """
    faults = list(_clashes(resolver))
    if faults:
        raise resolver.error(faults)
    configs = []
    for name, values in _values_to_try(resolver):
        config, found = resolver.try_config(values, arm=name)
        faults += found
        if config is not None:
            configs.append(config)
    faults += _mode_faults(resolver, configs[:1])
    faults += _objective_faults(resolver, configs[:1])
    if faults:
        raise resolver.error(faults)
    return configs


def _mode_faults(
    resolver: Resolver, configs: Sequence[Config]
) -> Iterator[ConfigError]:
    """A metric of the user's own knows itself which end of it is the good one."""
    for train in (config.train for config in configs):
        mode = metric_mode(train.metrics, train.metric)
        if mode != resolver.space.mode:
            where = f"{resolver.path}: mode"
            rule = f'must be "{mode}" for {train.metric}'
            found, fix = quote_value(resolver.space.mode), "Change one of the two."
            yield ConfigError(where, rule, found, fix)


def _objective_faults(
    resolver: Resolver, configs: Sequence[Config]
) -> Iterator[ConfigError]:
    """Of several metrics, those of validation must be measured, and know their mode."""
    space, where = resolver.space, f"{resolver.path}: metrics"
    objectives = space.objectives[1:] if isinstance(space, Search) else ()
    for train in (config.train for config in configs):
        measured = metrics_of(train.metrics, train.metric)
        for one in objectives:
            if one.name in COSTS or one.name in EVERY_EPOCH:
                continue
            if one.name not in measured:
                rule = "must be measured each epoch"
                fix = f"Put {one.name.removeprefix('val.')} into train.metrics."
                yield ConfigError(where, rule, f'"{one.name}", which is not', fix)
            elif measured[one.name].mode != one.mode:
                rule = f'must be "{measured[one.name].mode}" for {one.name}'
                fix = "Change its mode."
                yield ConfigError(where, rule, quote_value(one.mode), fix)


def resolve_arms(resolver: Resolver) -> tuple[list[Arm], Arm | None]:
    """The arms of an ablation, in order, and the baseline among them, if any.

    Raises:
        SpaceError: an axis of leave_one_out has the value that the baseline has.
    """
    assert isinstance(resolver.space, Ablation)
    base, _ = resolver.try_config({})
    leaves = flatten(base) if base is not None else {}
    start = {axis: leaves[axis] for axis in resolver.space.axes if axis in leaves}
    words = _other_words(resolver, resolver.space, base)
    try:
        return build_arms(resolver.space, {**start, **words})
    except SpaceError as cause:
        where, *rest = cause.args
        raise SpaceError(f"{resolver.path}: {where}", *rest) from cause


def _other_words(
    resolver: Resolver, space: Ablation, base: Config | None
) -> dict[str, Value]:
    """Names on axes that stand for what the base has: an alias, another path."""
    return {
        axis: value
        for axis, values in space.axes.items()
        for value in values
        if axis.endswith(".name") and base is not None
        if resolver.try_config({axis: value})[0] == base
    }


def _values_to_try(resolver: Resolver) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """Values, each with the name of its arm where it has one."""
    if isinstance(resolver.space, Ablation):
        arms, _ = resolve_arms(resolver)
        yield from ((resolver.name_of(arm), arm.values) for arm in arms)
    elif isinstance(resolver.space, Path):
        yield "", resolver.space.values(())
        yield "", resolver.space.values(range(len(resolver.space.changes)))
    else:
        yield from (("", values) for values in resolver.space.probes())
        yield from (("", values) for values in resolver.space.corners())


def _clashes(resolver: Resolver) -> Iterator[ConfigError]:
    """Keys that a layer gives although the space sets them."""
    space, path = resolver.space, resolver.path
    owners = {axis: f'axes["{axis}"]' for axis in space.axes}
    if not isinstance(space, Search):
        owners["seed"] = "seeds"
    for layer in resolver.layers:
        if layer.origin != Origin.COMMAND_LINE:
            continue
        for key in sorted(owners.keys() & layer.values.keys()):
            rule = f"must not be an axis, and {path} varies it in {owners[key]}"
            fix = "Leave it out, or edit the space."
            found = quote_value(layer.values[key])
            yield ConfigError(layer.where(key), rule, found, fix)
    if isinstance(space, Ablation):
        # What the command line says of these, it says of all.
        owners |= {
            key: f'arms["{name}"]["{key}"]'
            for name, values in space.arms.items()
            for key in values
        }
    for key in sorted(resolver.fixed.keys() & owners.keys()):
        where, rule = f"{path}: {owners[key]}", "must be left to the space's metric"
        found, fix = quote_value(resolver.fixed[key]), "Remove it."
        yield ConfigError(where, rule, found, fix)
    yield from _fixed_clashes(resolver)
    if isinstance(space, Search) and isinstance(space.scheduler, PBT):
        known = changeable_leaves()
        for axis in space.axes:
            if axis not in known:
                where = f'{path}: axes["{axis}"]'
                rule = "must be a leaf that can change in the middle of a training"
                fix = "Put it into the base, or search it without PBT."
                found = "one that is fixed from the first epoch on"
                yield ConfigError(where, rule, found, fix)


def _fixed_clashes(resolver: Resolver) -> Iterator[ConfigError]:
    base = Layer(f"{resolver.path}: base", resolver.space.base, origin=Origin.BASE)
    for layer in [*resolver.layers, base]:
        for key, value in resolver.fixed.items():
            given = layer.values.get(key, value)
            # A preset is below the space, which has the last word.
            if layer.origin != Origin.PRESET and str(given) != str(value):
                part = "metric" if key == "train.metric" else "scheduler"
                rule = f"must be {value}, as the {part} of {resolver.path} says"
                fix = "Leave it out, or edit the space."
                yield ConfigError(layer.where(key), rule, quote_value(given), fix)
