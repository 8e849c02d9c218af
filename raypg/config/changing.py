"""Which leaves may change in the middle of a training, without another network."""

from raypg.config.tree import leaf_types

_SECTIONS = ("optimizer", "schedule", "augment")
"""Whatever real number one of these has is read anew at each step."""
_NAMES = (
    "data.crop_padding",
    "data.flip",
    "data.random_erasing",
    "model.conv_dropout",
    "model.dropout",
    "model.stochastic_depth",
    "train.clip_norm",
    "train.label_smoothing",
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
