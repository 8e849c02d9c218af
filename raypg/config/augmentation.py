"""Rules that augmentation and mixing must keep for the images of a data set."""

from collections.abc import Container, Iterator
from typing import NamedTuple

from raypg.config.tree import Config, flatten
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
    yield from _broken_in_training(config, spec)


def _broken_by_images(config: Config, spec: DatasetSpec) -> Iterator[Broken]:
    data, (channels, height, width) = config.data, spec.image_shape
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
    if data.auto_augment != "none" and channels not in (1, 3):
        rule, found = (
            "must have images of 1 or 3 channels",
            f"{channels} of {data.name}",
        )
        yield Broken("data.auto_augment", rule, found, "Leave it at none.")


def _broken_in_training(config: Config, spec: DatasetSpec) -> Iterator[Broken]:
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
    if "crops" in train.tta and not config.data.crop_padding:
        rule, fix = "must have a padding to crop from", "Set data.crop_padding."
        yield Broken("train.tta", rule, "data.crop_padding=0", fix)


_USED_BY = {
    "data.ra_num_ops": ("data.auto_augment", "randaugment"),
    "data.ra_magnitude": ("data.auto_augment", "randaugment"),
    "train.effective_beta": ("train.class_weights", "effective"),
}
"""Keys that nothing reads unless another has this value."""


def idle_values(config: Config, given: Container[str]) -> Iterator[Broken]:
    """Values that nothing reads, where nobody said of the other key what it should be.

    An arm that turns randaugment off keeps the magnitude that the others have.
    """
    for key, (other, wanted) in _USED_BY.items():
        if key not in given or other in given:
            continue
        leaves, defaults = flatten(config), flatten(Config())
        if leaves[other] != wanted and leaves[key] != defaults[key]:
            rule, fix = "must be the default unless it is used", "It is used by "
            yield Broken(key, rule, str(leaves[key]), f"{fix}{other}={wanted}.")
