"""Which course of learning rate and decay does a population find? 8 trials.

Population based training: every 2 epochs the worst two go on from the weights of
the best two, with their rates and decay changed. 12 epochs each, 96 in all.
`epochs` has what each epoch was trained with, and whom its trial had just copied.
"""

from raypg import PBT, Search, log_uniform, uniform

SPACE = Search(
    base={"model.name": "cnn", "schedule.name": "constant"},
    axes={
        "optimizer.lr": log_uniform(1e-3, 0.5),
        "optimizer.weight_decay": log_uniform(1e-6, 1e-2),
        "model.dropout": uniform(0.0, 0.5),
    },
    trials=8,
    scheduler=PBT(max_epochs=12, perturb_every=2),
)
