"""What does a tuned DenseNet reach, and what matters to it? At most 32 trials.

Optuna's TPE draws, ASHA stops the worst two of three after 1 and after 3 epochs: some
150 epochs in all instead of 288. On digits two minutes on two cores.
"""

from raypg import ASHA, Search, choice, integer, log_uniform

SPACE = Search(
    base={"model.name": "densenet"},
    axes={
        "optimizer.lr": log_uniform(1e-3, 1.0),
        "optimizer.weight_decay": log_uniform(1e-5, 1e-2),
        "model.growth_rate": integer(4, 12, step=2),
        "model.depth": choice(10, 22, 40),
    },
    trials=32,
    scheduler=ASHA(max_epochs=9, grace_epochs=1, reduction_factor=3),
)
