"""Keys of augmentation that make no sense are errors before anything starts."""

from dataclasses import replace

import pytest

from raypg.config import Layer, flatten, load, parse_overrides
from raypg.config.augmentation import broken_rules
from raypg.data import dataset_spec
from raypg.errors import ConfigError

FAULTS = {
    "data.cutout=8": '"data.cutout": must be less than the 8 pixels of an image of'
    " digits; found 8. Half of them is usual.",
    "data.random_erasing=2": '"data.random_erasing": must be at most 1.0; found "2".'
    " The default is 0.0.",
    "data.ra_magnitude=5": '"data.ra_magnitude": must be the default unless it is used;'
    " found 5. It is used by data.auto_augment=randaugment.",
    "data.auto_augment=ra": '"data.auto_augment": must be a known one; found "ra".'
    " Known: none, randaugment, trivialaugment.",
    "train.mixup=1 train.batch_size=1": '"train.mixup": must have two images in a'
    " batch to mix; found train.batch_size=1. Raise that.",
    "train.tta=crops": '"train.tta": must have a padding to crop from; found'
    " data.crop_padding=0. Set data.crop_padding.",
    "train.class_weights=balance": '"train.class_weights": must be a known one; found'
    ' "balance". Did you mean "balanced"?',
    "train.effective_beta=0.9": '"train.effective_beta": must be the default unless it'
    " is used; found 0.9. It is used by train.class_weights=effective.",
}


@pytest.mark.parametrize("arguments", FAULTS)
def test_a_fault_is_one_line_with_its_place_and_the_way_out(arguments: str) -> None:
    with pytest.raises(ConfigError, match=".") as caught:
        load([parse_overrides(arguments.split())])
    assert str(caught.value) == f"command line: {FAULTS[arguments]}"


def test_an_arm_that_turns_an_augmentation_off_may_keep_its_settings() -> None:
    base = Layer("base", {"data.auto_augment": "randaugment", "data.ra_magnitude": 15})
    arm = Layer("arm", {"data.auto_augment": "none"})
    leaves = flatten(load([base, arm]))
    assert leaves["data.ra_magnitude"] == 15
    assert flatten(load([Layer("a row", leaves)])) == leaves


def test_operations_want_one_channel_or_three() -> None:
    config = load([parse_overrides(["data.auto_augment=trivialaugment"])])
    spec = dataset_spec(config.data)
    assert not list(broken_rules(config, spec))
    (broken,) = broken_rules(config, replace(spec, image_shape=(4, 8, 8)))
    assert broken.rule == "must have images of 1 or 3 channels"


def test_mixing_wants_two_classes() -> None:
    config = load([parse_overrides(["train.cutmix=1"])])
    spec = replace(dataset_spec(config.data), num_classes=1)
    (broken,) = broken_rules(config, spec)
    assert broken[:2] == ("train.cutmix", "must have two classes to mix")
