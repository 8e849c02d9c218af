"""Other names of models, and what they stand for.

The names are the old playground's. Its networks and ours differ where the paper and the
playground do: its DenseNet3 starts with 24 channels, and rounds depths silently.
"""

from collections.abc import Mapping

ALIASES: Mapping[str, Mapping[str, object]] = {
    "SimpleModel": {"name": "lenet"},
    "AVModel": {"name": "paired_cnn"},
    "SimpleMNIST": {"name": "mnist_cnn"},
    "DenseNet3": {"name": "densenet"},
    "ResNet18": {"name": "resnet", "depth": 18},
    "SimpleDLA": {"name": "simple_dla"},
    "ShuffleNet": {"name": "shufflenet_v1", "groups": 1, "width": 0.5},
}
"""Fields of `model.*`; those beside the name belong to the alias."""
