"""The old playground's decorator: a function that returns depths is an ablation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raypg.errors import SpaceError, suggest_name
from raypg.faults import join_errors
from raypg.space.ablation import Ablation

_KEYS = ("depths", "other_params")
_EXAMPLE = "Return {'depths': [20, 40], 'other_params': {'growth_rate': 12}}."


@dataclass(frozen=True, slots=True)
class AblationStudy:
    """A function under `@ablation_study`, not called yet."""

    function: Callable[[], object]

    def build_ablation(self) -> Ablation:
        """Call the function and read what it returns.

        `depths` are the axis `model.depth`; `other_params` are the base, where a name
        without a dot is the model's. `model.round_depth` is on, as the playground
        rounded impossible depths down.

        Raises:
            SpaceError: it returns something else.
        """
        name = f"{self.function.__name__}()"
        returned = _dict_of(self.function(), name, "a dict")
        faults = [
            SpaceError(name, "must return known keys", f'"{key}"', fix)
            for key in returned
            if key not in _KEYS
            for fix in [suggest_name(str(key), _KEYS)]
        ]
        if "depths" not in returned:
            found = ", ".join(map(str, returned)) or "an empty dict"
            faults.append(SpaceError(name, "must return depths", found, _EXAMPLE))
        if faults:
            raise join_errors(faults)
        others = _dict_of(returned.get("other_params", {}), name, "other_params a dict")
        base = {k if "." in k else f"model.{k}": v for k, v in others.items()}
        return Ablation(
            base={"model.name": "densenet", "model.round_depth": True, **base},
            axes={"model.depth": returned["depths"]},
        )


def ablation_study(function: Callable[[], object]) -> AblationStudy:
    """Make an ablation of a function that returns depths, as the playground had it."""
    return AblationStudy(function)


def _dict_of(value: object, name: str, wanted: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        found = type(value).__name__
        raise SpaceError(name, f"must return {wanted}", found, _EXAMPLE)
    return {str(key): item for key, item in value.items()}
