"""Rules that augmentation and mixing must keep for the images of a data set."""

from collections.abc import Iterator
from typing import NamedTuple

from raypg.config.tree import Config, TrainConfig, default_of
from raypg.data.dataset import DatasetSpec


class Broken(NamedTuple):
    """A rule that a leaf breaks."""

    key: str
    rule: str
    found: str
    fix: str


def broken_rules(config: Config, spec: DatasetSpec) -> Iterator[Broken]:
    """What is wrong with the augmentation of these images, one rule after another."""
    yield from _broken_by_images(config, spec)
    yield from _broken_by_labels(config, spec)


def _broken_by_images(config: Config, spec: DatasetSpec) -> Iterator[Broken]:
    data, (_, height, width) = config.data, spec.image_shape
    padding, side = data.crop_padding, max(height, width)
    images = f"an image of {data.name}"
    if padding >= side:
        rule = f"must be less than the {side} pixels of {images}"
        fix = "4 is usual for images of 32 pixels."
        yield Broken("data.crop_padding", rule, str(padding), fix)
    if data.cutout >= (side := min(height, width)):
        rule = f"must be less than the {side} pixels of {images}"
        fix = "Half of them is usual."
        yield Broken("data.cutout", rule, str(data.cutout), fix)


def _broken_by_labels(config: Config, spec: DatasetSpec) -> Iterator[Broken]:
    train = config.train
    for leaf, alpha in (("mixup", train.mixup), ("cutmix", train.cutmix)):
        if not alpha:
            continue
        if spec.num_classes < 2:
            rule, found = "must have two classes to mix", f"{spec.num_classes}"
            yield Broken(f"train.{leaf}", rule, found, "Set it to 0.")
        if train.batch_size < 2:
            rule = "must have two images in a batch to mix"
            found, fix = f"train.batch_size={train.batch_size}", "Raise that."
            yield Broken(f"train.{leaf}", rule, found, fix)
    beta, default = train.effective_beta, default_of(TrainConfig, "effective_beta")
    if train.class_weights != "effective" and beta != default:
        rule = "must be the default unless it is used"
        fix = "It is used by train.class_weights=effective."
        yield Broken("train.effective_beta", rule, str(beta), fix)
