"""Settings that have a name, and the layers of a command line above them."""

from collections.abc import Mapping, Sequence

from raypg.config.layers import Layer, Origin, parse_overrides, read_yaml
from raypg.errors import ConfigError, suggest_name
from raypg.faults import quote_value

PRESETS: dict[str, Mapping[str, object]] = {
    # Huang et al. 2017, section 4.2: CIFAR-10 with the standard augmentation.
    "paper": {
        "data.name": "cifar10",
        "data.crop_padding": 4,
        "data.flip": True,
        "model.name": "densenet",
        "model.depth": 40,
        "model.growth_rate": 12,
        "optimizer.name": "sgd",
        "optimizer.lr": 0.1,
        "optimizer.momentum": 0.9,
        "optimizer.nesterov": True,
        "optimizer.weight_decay": 1e-4,
        "optimizer.decay_norms": True,
        "schedule.name": "multistep",
        "schedule.milestones": [0.5, 0.75],
        "schedule.gamma": 0.1,
        "train.epochs": 300,
        "train.batch_size": 64,
    },
    # Whether it runs at all, in seconds a trial.
    "smoke": {"data.name": "digits", "data.fraction": 0.2, "train.epochs": 2},
}


def preset_layer(name: str) -> Layer:
    """The layer of a preset.

    Its `model.*`, `optimizer.*` and `schedule.*` belong to the choice it names: where a
    later layer takes another model, the preset says nothing of it.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in PRESETS:
        fix = suggest_name(name, PRESETS)
        raise ConfigError("--preset", "must be known", quote_value(name), fix)
    return Layer(f"preset {name}", PRESETS[name], origin=Origin.PRESET)


def build_layers(
    preset: str, config_files: Sequence[str], overrides: Sequence[str]
) -> list[Layer]:
    """The layers that a command line names, in order of precedence.

    Raises:
        ConfigError: no such preset or file, or an override that is no `KEY=VALUE`.
    """
    layers = [preset_layer(preset)] if preset else []
    layers += [read_yaml(path) for path in config_files]
    return [*layers, parse_overrides(overrides)] if overrides else layers
