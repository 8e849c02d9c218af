"""Which learning rate does a ResNet-20 want, and does a rate beside it cost much?

15 trials: 5 rates, 3 seeds. On digits ten seconds of training on two cores.
"""

from raypg import Ablation

SPACE = Ablation(
    base={"model.name": "resnet", "model.depth": 20},
    axes={"optimizer.lr": [0.003, 0.01, 0.03, 0.1, 0.3]},
    seeds=3,
)
