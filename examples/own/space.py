"""Does a model of one's own gain from width? 4 trials: 2 widths, 2 seeds.

Run it from the folder that its paths start from: the repository's, here.
"""

from raypg import Ablation

SPACE = Ablation(
    base={
        "model.name": "examples/own/my_net.py:MyNet",
        "model.num_blocks": 1,
        "optimizer.name": "examples/own/signed.py:Signed",
        "train.metrics": "macro_f1,examples/own/margin.py:margin",
        "train.epochs": 2,
    },
    axes={"model.width": [8, 16]},
    seeds=2,
)
