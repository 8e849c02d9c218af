"""The config of one trial: an immutable tree whose leaves have dotted names."""

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar, Union

from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class TrainConfig:
    """The `train.*` names. Defaults suit digits; `--preset paper` suits CIFAR-10."""

    epochs: int = Field(default=3, ge=1)
    """Enough for 98 % on digits; more leave no difference between its models."""
    batch_size: int = Field(default=64, ge=1)
    """Over all workers, which split it."""
    micro_batch: int = Field(default=0, ge=0)
    """The most examples that go through the network at once, of a worker; 0: its whole
    share of a batch. Gradients are summed over the pieces of a step, so that it learns
    from the same batch in less memory; batch statistics are those of each piece."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of the forward pass (autocast); weights and losses stay fp32."""
    channels_last: bool = False
    clip_norm: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Limit of the whole gradient's 2-norm; 0: none."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Of the training loss only."""
    mixup: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Alpha of the weights with which each image is mixed with another, labels too
    (Zhang et al. 2018); 0: none. 0.2 is usual, and 1 for long trainings."""
    cutmix: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Alpha of the area that stays of each image when another's box is put into it,
    labels too (Yun et al. 2019, who take 1); 0: none. With mixup, a coin decides for
    each batch."""
    class_weights: Literal["none", "balanced", "effective"] = "none"
    """Of the training loss: the rarer a class, the more each of its images counts.
    `balanced` as in scikit-learn, `effective` as in Cui et al. 2019."""
    effective_beta: float = Field(default=0.999, ge=0, lt=1, allow_inf_nan=False)
    """Of effective: from 0 (no weights) towards 1 (balanced)."""
    tta: Literal["none", "flip", "crops", "flip_crops"] = "none"
    """Views of each image whose probabilities are averaged in every evaluation: with
    its mirror image; with four crops at the corners, by `data.crop_padding`; both."""
    metrics: str = ""
    """What validation is judged by beside accuracy and loss, each a column `val.NAME`:
    names of `METRICS` and functions of the user's own, with commas between them."""
    metric: str = "val.accuracy"
    """What the best epoch is chosen by: its weights are tested. Set by the space."""
    early_stopping: int = Field(default=0, ge=0)
    """Epochs without a better metric after which a trial is completed; 0: never."""
    deterministic: bool = True
    """Prefer kernels whose results are the same from run to run."""
    init: str = ""
    """Weights to start from: `trial:` and the id of a completed trial of the store, of
    which it takes the best epoch's; "" draws them."""
    new_head: bool = False
    """Draw the last layer even where `init` has the same classes."""
    freeze: str = ""
    """What stays as it is: the first so many stages of the network (`2`), stages by
    name (`stem,body.0`), or `backbone`, which is all but the head; "" is nothing."""
    head_lr_factor: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """What the learning rate is multiplied by in the head, the last layer."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """What it is multiplied by from each stage to the one before (Howard & Ruder 2018:
    1/2.6), beginning with the last one below the head."""
    checkpoint_activations: bool = Field(default=False)
    """Compute activations again in backward instead of keeping them: less memory, a
    third more time, the same numbers."""
    compile: Literal["off", "default", "reduce-overhead", "max-autotune"] = Field(
        default="off"
    )
    """Whether, and in which mode, `torch.compile` compiles the network; true is
    `default`. Takes seconds to minutes a trial, which `compile_s` tells."""
    sync_batchnorm: bool = Field(default=False)
    """Take batch statistics over the shares of all workers, so that several learn what
    one learns; a further exchange a norm and step."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay, a step, of an average of the weights that is evaluated, tested and kept in
    their place; 0: none. 0.999 averages the last 1,000 steps."""
    swa_start: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training after which the weights at the ends of epochs are
    averaged, evaluated, tested and kept (SWA); 0: never."""
    swa_lr: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """The rate of those epochs; 0: the schedule's."""

    @field_validator("compile", mode="before")
    @classmethod
    def _read_compile(cls, given: object) -> object:
        # Of Python and YAML a bool, of a command line its text.
        words = {"true": "default", "false": "off"}
        return words.get(str(given).lower(), given)

    @field_validator("swa_start")
    @classmethod
    def _check_swa_start(cls, start: float, info: ValidationInfo) -> float:
        if start and info.data.get("ema"):
            raise ValueError("must be 0 where train.ema is on: there is one average")
        epochs = info.data.get("epochs", 0)
        if start and epochs and (epochs - 1) / epochs < start:
            raise ValueError(f"must leave a whole epoch of {epochs} to the average")
        return start

    @field_validator("swa_lr")
    @classmethod
    def _check_swa_lr(cls, lr: float, info: ValidationInfo) -> float:
        if lr and info.data.get("swa_start") == 0:
            raise ValueError("must be 0 where train.swa_start is 0")
        return lr

    teacher: str = ""
    """The whole id of a completed trial of the store, from whose answers it learns, too
    (Hinton et al. 2015); "" is none. They are to the images as they are, whatever
    `data.*` makes of them for the student."""
    distill_temperature: float = Field(default=4.0, gt=0, allow_inf_nan=False)
    """Both answers are divided by it, before the softmax."""
    distill_weight: float = Field(default=0.9, ge=0, le=1)
    """Of the teacher's answers in the loss; what is left is the labels'."""

    @field_validator("teacher")
    @classmethod
    def _check_teacher(cls, teacher: str) -> str:
        if teacher and not re.fullmatch("[0-9a-f]{16}", teacher):
            raise ValueError("must be the 16 letters of a trial's id")
        return teacher

    @field_validator("init")
    @classmethod
    def _check_init(cls, init: str) -> str:
        if init and not re.fullmatch("trial:[0-9a-f]{16}", init):
            raise ValueError("must be trial: and the 16 letters of a trial's id")
        return init


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
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if dataclasses.is_dataclass(value):
            yield from _leaves(value, f"{prefix}{field.name}.")
        else:
            is_tuple = isinstance(value, tuple)
            yield prefix + field.name, list(value) if is_tuple else value


def _choice_names(kind: type[Any]) -> list[str]:
    names = typing.get_args(leaf_hints(kind)["name"])
    if names:
        return [str(name) for name in names]
    # Any name of a library: it is told by what stands before the slash.
    library, slash, _ = default_of(kind, "name").partition("/")
    return [f"{library}{slash}"]
