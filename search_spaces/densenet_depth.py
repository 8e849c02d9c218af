"""Does depth pay, and by more than seed noise? 12 trials: 4 depths, 3 seeds.

On digits half a minute of training on two cores: 3 epochs of a narrow network, as after
5 epochs every depth has 98 to 99 %. The paper's setting on CIFAR-10 is
`--preset paper model.growth_rate=12`, 300 epochs a trial.
"""

from raypg import Ablation

SPACE = Ablation(
    base={"model.name": "densenet", "model.growth_rate": 4},
    axes={"model.depth": [7, 22, 40, 58]},
    seeds=3,
)
