"""Which leaves may change in the middle of a training, without another network."""

from raypg.config.tree import leaf_types

_SECTIONS = ("optimizer", "schedule")
"""Whatever real number one of these has is read anew at each step."""
_NAMES = (
    "data.crop_padding",
    "data.cutout",
    "data.flip",
    "data.ra_magnitude",
    "data.ra_num_ops",
    "data.random_erasing",
    "model.conv_dropout",
    "model.dropout",
    "model.stochastic_depth",
    "train.clip_norm",
    "train.cutmix",
    "train.distill_temperature",
    "train.distill_weight",
    "train.label_smoothing",
    "train.mixup",
)


def changeable_leaves() -> list[str]:
    """Their dotted names, of all models and optimizers.

    Not among them is what a checkpoint has the shape of (the network, the optimizer's
    groups), what counts its steps (epochs, batches, examples), and what makes it
    another trial (the data set, the seed).
    """
    return [
        name
        for name, kind in leaf_types().items()
        if name in _NAMES or (kind is float and name.partition(".")[0] in _SECTIONS)
    ]
