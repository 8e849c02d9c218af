"""Some of an ablation's named arms, chosen by their names."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from raypg.errors import SpaceError, suggest_name
from raypg.faults import join_errors, quote_value
from raypg.space.ablation import Ablation
from raypg.space.path import Path
from raypg.space.search import Search

_OPTION = "--arms"


def choose_arms(
    space: Ablation | Search | Path, patterns: Sequence[str]
) -> Ablation | Search | Path:
    """The space with the arms whose names match one of the patterns at least.

    Args:
        space: one with named arms; any, where there is no pattern.
        patterns: names, in which `*` is any text and `?` any character.

    Raises:
        SpaceError: the space has no named arms, a pattern matches none of them, or the
            baseline is not among those chosen.
    """
    if not patterns:
        return space
    if not isinstance(space, Ablation) or not space.arms:
        rule, fix = "must stand beside a space with named arms", "Leave it out."
        raise SpaceError(_OPTION, rule, "a space without arms", fix)
    faults = [
        SpaceError(_OPTION, "must match an arm", quote_value(pattern), fix)
        for pattern in patterns
        if not any(fnmatchcase(name, pattern) for name in space.arms)
        for fix in [suggest_name(pattern, space.arms)]
    ]
    if faults:
        raise join_errors(faults)
    arms = {
        name: values
        for name, values in space.arms.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    if space.baseline is not None and space.baseline not in arms:
        rule, fix = "must choose the baseline, too", f'Add --arms "{space.baseline}".'
        raise SpaceError(_OPTION, rule, ", ".join(patterns), fix)
    own = {
        source: {name: error for name, error in errors.items() if name in arms}
        for source, errors in space.published.items()
    }
    published = {source: errors for source, errors in own.items() if errors}
    return replace(space, arms=arms, published=published)
