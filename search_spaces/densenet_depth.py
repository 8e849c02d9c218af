"""Does depth pay, and by more than seed noise? 12 trials: 4 depths, 3 seeds."""

from raypg import Ablation

SPACE = Ablation(
    base={"model.name": "densenet"},
    axes={"model.depth": [10, 22, 40, 58]},
    seeds=3,
)
