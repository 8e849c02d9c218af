"""How small may a network be, and still be good?

24 trials of 9,000 parameters at most, a Pareto front of accuracy and size; no
trial is the best of them. On digits 10 s on two cores.
"""

from raypg import Search, integer, log_uniform

SPACE = Search(
    base={"model.name": "mlp", "train.epochs": 5},
    axes={
        "model.hidden": integer(2, 64, log=True),
        "optimizer.lr": log_uniform(1e-3, 1.0),
    },
    trials=24,
    sampler="nsga2",
    metrics=("val.accuracy", "num_parameters"),
)
