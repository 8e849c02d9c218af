"""Arms with names and keys of their own, and the errors that others published of them.

Checks alone, of what an `Ablation` is given as `arms`, `published` and `baseline`.
"""

from collections.abc import Iterator, Mapping, Sequence

from raypg.errors import SpaceError, suggest_name
from raypg.faults import quote_value
from raypg.space.distributions import Value, is_same

_ARMS = 'Write arms={"ResNet-20": {"model.name": "resnet", "model.depth": 20}}.'
_PUBLISHED = 'Write published={"He et al. 2016": {"ResNet-20": 8.75}}.'


def named_faults(arms: object, base: object, baseline: object) -> Iterator[SpaceError]:
    """What is wrong with named arms before their keys are looked up."""
    if not isinstance(arms, Mapping):
        yield SpaceError("arms", "must be a dict", type(arms).__name__, _ARMS)
        return
    known: dict[str, Mapping[str, Value]] = {}
    for name, values in arms.items():
        if found := list(_arm_faults(name, values)):
            yield from found
        else:
            shared = base if isinstance(base, Mapping) else {}
            known[name] = {**shared, **values}
    yield from _twin_faults(known)
    if baseline is None:
        return
    if not isinstance(baseline, str) or baseline not in arms:
        fix = suggest_name(str(baseline), [str(name) for name in arms])
        rule = "must name an arm, or be left out"
        yield SpaceError("baseline", rule, quote_value(baseline), fix)


def published_faults(published: object, arms: object) -> Iterator[SpaceError]:
    """What is wrong with published errors."""
    if not isinstance(published, Mapping):
        found = type(published).__name__
        yield SpaceError("published", "must be a dict", found, _PUBLISHED)
        return
    names = [str(name) for name in arms] if isinstance(arms, Mapping) else []
    if published and not names:
        rule = "must stand beside named arms"
        yield SpaceError("published", rule, "no arms", _ARMS)
        return
    for source, errors in published.items():
        where = f'published["{source}"]'
        if not _is_name(source):
            rule, found = "must have names of sources as keys", quote_value(source)
            yield SpaceError("published", rule, found, _PUBLISHED)
        elif not isinstance(errors, Mapping):
            rule, found = "must be a dict of arms", type(errors).__name__
            yield SpaceError(where, rule, found, _PUBLISHED)
        else:
            yield from _error_faults(where, errors, names)


def _arm_faults(name: object, values: object) -> Iterator[SpaceError]:
    where = f'arms["{name}"]'
    if not _is_name(name):
        rule = "must have names of one line as keys"
        yield SpaceError("arms", rule, quote_value(name), _ARMS)
    elif not isinstance(values, Mapping):
        rule, found = "must be a dict of config keys", type(values).__name__
        yield SpaceError(where, rule, found, _ARMS)
    else:
        for key in values:
            if not isinstance(key, str):
                rule = "must have text as keys"
                yield SpaceError(where, rule, quote_value(key), _ARMS)
        if "seed" in values:
            found, fix = quote_value(values["seed"]), "Write seeds=3."
            yield SpaceError(f'{where}["seed"]', "must be left to seeds", found, fix)


def _twin_faults(arms: Mapping[str, Mapping[str, Value]]) -> Iterator[SpaceError]:
    """Arms that say the same as one above them."""
    above: list[str] = []
    for name, values in arms.items():
        for other in above:
            if _is_equal(values, arms[other]):
                rule = "must differ from all other arms"
                found, fix = f'the settings of "{other}"', "Remove one of them."
                yield SpaceError(f'arms["{name}"]', rule, found, fix)
                break
        above.append(name)


def _error_faults(
    where: str, errors: Mapping[object, object], names: Sequence[str]
) -> Iterator[SpaceError]:
    for name, error in errors.items():
        place = f'{where}["{name}"]'
        if name not in names:
            fix = suggest_name(str(name), names)
            yield SpaceError(place, "must be an arm", quote_value(error), fix)
        is_number = isinstance(error, int | float) and not isinstance(error, bool)
        if not is_number or not 0 <= error <= 100:  # type: ignore[operator]
            rule = "must be a test error in percent, from 0 to 100"
            yield SpaceError(place, rule, quote_value(error), "Change it.")


def _is_name(value: object) -> bool:
    """Whether it can stand in a cell of a table."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _is_equal(a: Mapping[str, Value], b: Mapping[str, Value]) -> bool:
    return a.keys() == b.keys() and all(is_same(a[key], b[key]) for key in a)
