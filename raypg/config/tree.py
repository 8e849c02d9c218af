"""The config of one trial: an immutable tree whose leaves have dotted names."""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar, Union

from pydantic import Field
from pydantic.dataclasses import dataclass

from raypg.config.train import TrainConfig
from raypg.data import AnyDataConfig, OwnDataConfig
from raypg.data.config import PublishedConfig
from raypg.models import DenseNetConfig, ModelConfig
from raypg.optim import MultistepConfig, OptimizerConfig, ScheduleConfig, SgdConfig
from raypg.own import OwnConfig, OwnFault, OwnFaults, config_class, is_own
from raypg.strict import STRICT

_hints: dict[type[object], Mapping[str, Any]] = {}
_T = TypeVar("_T")

OWN_KINDS = (OwnConfig, OwnDataConfig)
"""What the configs of all components of the user's own extend."""

Leaf: TypeAlias = bool | int | float | str | list[float]
"""What a leaf holds once flattened."""


def _all_defaults(kind: Callable[..., _T]) -> _T:
    # mypy takes a `Field(0.1)` without `default=` for a required argument.
    return kind()


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class Config:
    """One trial, whole: the same config, code and data give the same numbers."""

    data: AnyDataConfig = _all_defaults(PublishedConfig)
    model: ModelConfig = _all_defaults(DenseNetConfig)
    optimizer: OptimizerConfig = _all_defaults(SgdConfig)
    schedule: ScheduleConfig = _all_defaults(MultistepConfig)
    train: TrainConfig = _all_defaults(TrainConfig)
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of the weights, the order of examples, augmentation and dropout."""


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """A branch of the tree: one dataclass, or one for each value of its `name`."""

    name: str
    choices: Mapping[str, type[Any]]
    default: str
    """The choice where no `name` is given; "" where there is but one."""
    own: type[Any] | None = None
    """What the configs of components of the user's own extend, where `name` may be
    one."""

    @property
    def is_union(self) -> bool:
        """Whether `name` picks the dataclass."""
        return "" not in self.choices

    @property
    def shared(self) -> frozenset[str]:
        """The leaves that mean the same whatever is chosen: those of a common base."""
        first, *others = self.choices.values()
        bases = first.__mro__[1:-1]
        common = [base for base in bases if all(issubclass(o, base) for o in others)]
        return frozenset(leaf for base in common for leaf in leaf_hints(base))

    def kind_of(self, name: str) -> type[Any] | None:
        """The dataclass of a choice; of `torchvision/resnet18` that of its library.

        Raises:
            OwnFaults: the choice is the user's own, and something is wrong with it.
        """
        if self.own is not None and is_own(name):
            return _own_kind(self.name, name, self.own)
        head, slash, _ = name.partition("/")
        return self.choices.get(head + slash)


@cache
def sections() -> Mapping[str, Section]:
    """The branches of `Config`; its own leaves (`seed`) are not among them."""
    hints = typing.get_type_hints(Config)
    found = {}
    for field in dataclasses.fields(Config):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            kinds: dict[str, type[Any]] = {"": hint}  # type: ignore[dict-item]
            found[field.name] = Section(field.name, kinds, "")
        elif typing.get_origin(hint) in (Union, types.UnionType):
            every = typing.get_args(hint)
            choices = {
                name: kind
                for kind in every
                if not issubclass(kind, OWN_KINDS)
                for name in _choice_names(kind)
            }
            default = getattr(Config(), field.name).name
            own = next((kind for kind in every if issubclass(kind, OWN_KINDS)), None)
            found[field.name] = Section(field.name, choices, default, own)
    return found


def _own_kind(section: str, name: str, base: type) -> type[Any]:
    """The dataclass of the user's own component, whose keys have the types of ours."""
    kind, known = config_class(section, name, base), leaf_types()
    faults = []
    for leaf, hint in leaf_hints(kind).items():
        ours = known.get(f"{section}.{leaf}")
        both = {ours, leaf_type(hint)}
        # A column of whole numbers becomes one of numbers by itself.
        if ours is not None and len(both) > 1 and not both <= {int, float}:
            rule = f"must have the type that {section}.{leaf} has, as it is one column"
            found = f'"{leaf}: {leaf_type(hint).__name__}"'
            fix = f"Write {leaf}: {ours.__name__}, or call it otherwise."
            faults.append(OwnFault(rule, found, fix))
    if faults:
        raise OwnFaults(faults)
    return kind


def root_leaves() -> list[str]:
    """The leaves that belong to no section: `seed`."""
    names = [field.name for field in dataclasses.fields(Config)]
    return [name for name in names if name not in sections()]


def leaf_hints(kind: type[object]) -> Mapping[str, Any]:
    """What each field of a component's config may hold, limits left aside."""
    if kind not in _hints:
        _hints[kind] = typing.get_type_hints(kind)
    return _hints[kind]


def default_of(kind: type[Any], leaf: str) -> Any:  # noqa: ANN401
    """What a field of a component's config holds where nothing is given."""
    return kind.__pydantic_fields__[leaf].default


def leaf_type(hint: object) -> type:
    """The plain type of a leaf: bool, int, float, str, or list where it is a tuple."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return type(typing.get_args(hint)[0])
    if origin is tuple:
        return list
    assert isinstance(hint, type)
    return hint


def flatten(config: Config) -> dict[str, Leaf]:
    """Every leaf by its dotted name, in tree order; a tuple becomes a list."""
    return dict(_leaves(config, ""))


@cache
def leaf_types() -> dict[str, type]:
    """The type of every leaf of our own configs: bool, int, float, str or list.

    A name that several models share has one type, as it is one column of the tables;
    a key of the user's own that has such a name is held to it.
    """
    found: dict[str, type] = dict.fromkeys(root_leaves(), int)
    for section, branch in sections().items():
        for kind in branch.choices.values():
            for name, hint in leaf_hints(kind).items():
                plain = leaf_type(hint)
                known = found.setdefault(f"{section}.{name}", plain)
                assert known is plain, f"{section}.{name} has two types"
    return found


def _leaves(node: Any, prefix: str) -> Iterator[tuple[str, Leaf]]:  # noqa: ANN401
    # As `dataclasses.fields` has it, which costs more than all the rest here.
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        if dataclasses.is_dataclass(value):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            is_tuple = isinstance(value, tuple)
            yield prefix + name, list(value) if is_tuple else value


def _choice_names(kind: type[Any]) -> list[str]:
    names = typing.get_args(leaf_hints(kind)["name"])
    if names:
        return [str(name) for name in names]
    # Any name of a library: it is told by what stands before the slash.
    library, slash, _ = default_of(kind, "name").partition("/")
    return [f"{library}{slash}"]
