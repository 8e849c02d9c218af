"""What does DenseNet reach when it is tuned, and what matters to it? 32 trials.

Optuna's TPE draws, ASHA stops two of three at 3 and at 9 epochs: some 250 epochs in all
instead of 864.
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
    scheduler=ASHA(max_epochs=27, grace_epochs=3, reduction_factor=3),
)
