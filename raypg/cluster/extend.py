"""A sweep that goes on with more than it started with: seeds, trials or epochs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from raypg.cluster.changes import EPOCHS, Present
from raypg.cluster.saved_space import read_own_space
from raypg.config import Layer, Origin, parse_overrides
from raypg.errors import StoreError
from raypg.experiment import SpaceFile, is_edited, load_space, restore_space
from raypg.optim.schedules import stretches
from raypg.space import Ablation, Search, Space, Value, varies_by_trial
from raypg.store import Store

_RULE = "must go on with its own space, with more seeds, trials or epochs"


def add_overrides(layers: Sequence[Layer], overrides: Sequence[str]) -> list[Layer]:
    """A sweep's layers with further `KEY=VALUE`, which replace those of its own.

    Raises:
        ConfigError: one has another form.
    """
    if not overrides:
        return list(layers)
    more = parse_overrides(overrides)
    own = [one for one in layers if one.origin == Origin.COMMAND_LINE]
    values = {key: value for one in own for key, value in one.values.items()}
    rest = [one for one in layers if one not in own]
    return [*rest, replace(more, values={**values, **more.values})]


def read_space(
    store: Store,
    name: str,
    about: Mapping[str, Any],
    path: str,
    overrides: Sequence[str],
    tell: Callable[[str], None],
    *,
    runs_saved: bool,
) -> tuple[Space, SpaceFile, list[Layer]]:
    """A sweep's space as it was so far, and file and layers as they are to be.

    Nothing of the store is run, unless it is what the user has here.

    Args:
        store: where the sweep lives.
        name: of the sweep.
        about: its description.
        path: of a file with its space made larger; empty keeps it.
        overrides: of its config, as `KEY=VALUE`.
        tell: told where the file that it was started with says something else by now.
        runs_saved: whether the text in the store is run where that is all there is.

    Raises:
        StoreError: the file holds another space, or all there is would have to be run.
        RaypgError: it cannot be read, or an override is wrong.
    """
    layers = [Layer.from_json(one) for one in about["layers"]]
    file, source = about["space_file"], about["space_source"]
    own = read_own_space(store, name, about, layers, path, runs_saved=runs_saved)
    layers = add_overrides(layers, overrides)
    if path:
        arms = about["options"].get("arms", ())
        grown = load_space(path, layers, arms)
        check_extends(name, own, grown)
        return own, grown, layers
    if is_edited(file, source):
        tell(
            f"{file} has changed since; {name} goes on with its space as it was. "
            f"For more seeds, trials or epochs: --resume {name} {file}"
        )
    return own, restore_space(own, file, about["question"], source, layers), layers


def check_extends(name: str, own: Space, grown: SpaceFile) -> None:
    """Refuse a space that is not the sweep's own one made larger.

    Args:
        name: the sweep's.
        own: its space.
        grown: the space file that it is to go on with.

    Raises:
        StoreError: something else differs, or a seed is gone; names what.
    """
    space = grown.space
    differs = ["kind"] if type(space) is not type(own) else _differences(own, space)
    if differs:
        found = f"{grown.path} with other {', '.join(differs)}"
        fix = "Start a new sweep: whatever still holds is taken from the store."
        raise StoreError(f"--resume {name}", _RULE, found, fix)


def check_epochs(
    name: str, about: Mapping[str, Any], grown: Mapping[str, Any], own: Space, to: Space
) -> None:
    """Refuse fewer epochs, and more of them that another layer would hide.

    Args:
        name: the sweep's.
        about: its description so far.
        grown: its description from now on.
        own: its space so far.
        to: its space from now on.

    Raises:
        StoreError: the epochs of its trials would shrink, or not change as asked.
    """
    if EPOCHS in own.axes:
        return
    if varies_by_trial(own, EPOCHS):
        if about["layers"] != grown["layers"]:
            fix = "Start a new sweep: whatever still holds is taken from the store."
            found = f"arms with {EPOCHS} of their own"
            raise StoreError(f"--resume {name}", _RULE, found, fix)
        return
    before, after = about["config"][EPOCHS], grown["config"][EPOCHS]
    if after < before:
        fix = "Start a new sweep: whatever still holds is taken from the store."
        found = f"{EPOCHS}={after}, and {before} so far"
        raise StoreError(f"--resume {name}", _RULE, found, fix)
    asked = to.base.get(EPOCHS, after)
    if asked != own.base.get(EPOCHS, asked) and after != asked:
        rule = f"must be told its {EPOCHS} where it was told them before"
        found = f"{asked} in the space, and {after} on its command line, which counts"
        raise StoreError(f"--resume {name}", rule, found, f"Add {EPOCHS}={asked}.")


def check_rate(name: str, presents: Sequence[Present]) -> None:
    """Refuse more epochs where they would have changed the first ones.

    Args:
        name: of the sweep.
        presents: its trials that are to go on.

    Raises:
        StoreError: the learning rate of some stretches over the whole training.
    """
    grown = [one for one in presents if EPOCHS in one.changed]
    stretched = {
        one.config.schedule.name for one in grown if stretches(one.config.schedule)
    }
    if stretched:
        rule = "must have a constant learning rate to be given more epochs"
        names = " and ".join(sorted(stretched))
        found = f"schedule.name={names}, which stretches over all of them"
        fix = f"Start a new sweep with {EPOCHS}={grown[0].config.train.epochs}."
        raise StoreError(f"--resume {name}", rule, found, fix)


def _differences(own: Space, grown: Space) -> list[str]:
    """The fields in which one is not the other made larger."""
    names = [one.name for one in fields(own)]
    differs = [name for name in names if getattr(own, name) != getattr(grown, name)]
    has_grown = {"base": _without_epochs(own.base) == _without_epochs(grown.base)}
    if isinstance(own, Ablation) and isinstance(grown, Ablation):
        has_grown["seeds"] = set(own.seed_list()) <= set(grown.seed_list())
    if isinstance(own, Search) and isinstance(grown, Search):
        has_grown["trials"] = own.trials <= grown.trials
    return [name for name in differs if not has_grown.get(name, False)]


def _without_epochs(base: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in base.items() if name != EPOCHS}
