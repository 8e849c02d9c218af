r"""Do the DenseNets and ResNets of the papers reach their published errors here?

39 trials, one seed each: Huang et al. 2017, table 2, and He et al. 2016, table 6. A
name has depth and growth rate; C10 and C100 are CIFAR as it is, with + mirrored and
shifted by up to 4 pixels. All are too many for one machine: choose, and see the cost.

    python -m raypg.tune search_spaces/paper_table.py --arms "DenseNet-40-12 C10*" \
        --plan

Whether it runs, on a stand-in for CIFAR-10 (a minute of training on two cores):

    python -m raypg.tune search_spaces/paper_table.py --name stand_in \
        --arms "DenseNet-40-12 C10" --arms "DenseNet-40-12 C10+" \
        --arms "ResNet-?? C10+" data.name=synthetic train.epochs=3

`python -m raypg.results published NAME --test` prints our test errors beside theirs.
Ours are of 45,000 training images, as 5,000 are validated on, and of the best epoch by
those; Huang et al. 2017 train on all 50,000 and take the last epoch.
"""

from raypg import Ablation

Keys = dict[str, bool | int | float | str]

C10: Keys = {"data.name": "cifar10"}
C100: Keys = {"data.name": "cifar100"}
PLUS: Keys = {"data.crop_padding": 4, "data.flip": True}
DROPOUT: Keys = {"model.dropout": 0.2}  # of DenseNets without augmentation

# Huang et al. 2017, sections 3 and 4.2.
DENSENET: Keys = {"model.name": "densenet", "train.epochs": 300, "train.batch_size": 64}
BC: Keys = DENSENET | {"model.bottleneck": True, "model.compression": 0.5}
DENSENET_40_12 = DENSENET | {"model.depth": 40, "model.growth_rate": 12}
DENSENET_100_12 = DENSENET | {"model.depth": 100, "model.growth_rate": 12}
DENSENET_100_24 = DENSENET | {"model.depth": 100, "model.growth_rate": 24}
BC_100_12 = BC | {"model.depth": 100, "model.growth_rate": 12}
BC_250_24 = BC | {"model.depth": 250, "model.growth_rate": 24}
BC_190_40 = BC | {"model.depth": 190, "model.growth_rate": 40}

# He et al. 2016, section 4.2: 64,000 steps of 128 are 182 epochs of 45,000 images.
RESNET: Keys = {
    "model.name": "resnet",
    "train.epochs": 182,
    "train.batch_size": 128,
    "optimizer.nesterov": False,
}
# Of 110 layers and of both pre-activation networks: the first 400 steps at a lower rate
# (0.01; here it rises evenly to 0.1).
WARM: Keys = {"schedule.warmup": 0.00625}
RESNET_20 = RESNET | {"model.depth": 20}
RESNET_32 = RESNET | {"model.depth": 32}
RESNET_44 = RESNET | {"model.depth": 44}
RESNET_56 = RESNET | {"model.depth": 56}
RESNET_110 = RESNET | WARM | {"model.depth": 110}
# He et al. 2016 b, appendix.
PRE: Keys = RESNET | WARM | {"model.preactivation": True}
PRE_164 = PRE | {"model.depth": 164}
PRE_1001 = PRE | {"model.depth": 1001}
# Huang et al. 2016, section 4: their ResNet without stochastic depth.
LONG_110: Keys = {
    "model.name": "resnet",
    "model.depth": 110,
    "train.epochs": 500,
    "train.batch_size": 128,
}

SPACE = Ablation(
    base={
        "data.crop_padding": 0,
        "data.flip": False,
        "optimizer.name": "sgd",
        "optimizer.lr": 0.1,
        "optimizer.momentum": 0.9,
        "optimizer.nesterov": True,
        "optimizer.weight_decay": 1e-4,
        "schedule.name": "multistep",
        "schedule.milestones": [0.5, 0.75],
        "schedule.gamma": 0.1,
    },
    arms={
        "DenseNet-40-12 C10+": DENSENET_40_12 | C10 | PLUS,
        "DenseNet-40-12 C10": DENSENET_40_12 | C10 | DROPOUT,
        "DenseNet-40-12 C100": DENSENET_40_12 | C100 | DROPOUT,
        "DenseNet-40-12 C100+": DENSENET_40_12 | C100 | PLUS,
        "ResNet-20 C10+": RESNET_20 | C10 | PLUS,
        "ResNet-32 C10+": RESNET_32 | C10 | PLUS,
        "ResNet-44 C10+": RESNET_44 | C10 | PLUS,
        "ResNet-56 C10+": RESNET_56 | C10 | PLUS,
        "ResNet-110 C10+": RESNET_110 | C10 | PLUS,
        "DenseNet-BC-100-12 C10": BC_100_12 | C10 | DROPOUT,
        "DenseNet-BC-100-12 C10+": BC_100_12 | C10 | PLUS,
        "DenseNet-BC-100-12 C100": BC_100_12 | C100 | DROPOUT,
        "DenseNet-BC-100-12 C100+": BC_100_12 | C100 | PLUS,
        "ResNet-164-pre C10": PRE_164 | C10,
        "ResNet-164-pre C10+": PRE_164 | C10 | PLUS,
        "ResNet-164-pre C100": PRE_164 | C100,
        "ResNet-164-pre C100+": PRE_164 | C100 | PLUS,
        "ResNet-110-long C10": LONG_110 | C10,
        "ResNet-110-long C10+": LONG_110 | C10 | PLUS,
        "ResNet-110-long C100": LONG_110 | C100,
        "ResNet-110-long C100+": LONG_110 | C100 | PLUS,
        "ResNet-1001-pre C10": PRE_1001 | C10,
        "ResNet-1001-pre C10+": PRE_1001 | C10 | PLUS,
        "ResNet-1001-pre C100": PRE_1001 | C100,
        "ResNet-1001-pre C100+": PRE_1001 | C100 | PLUS,
        "DenseNet-100-12 C10": DENSENET_100_12 | C10 | DROPOUT,
        "DenseNet-100-12 C10+": DENSENET_100_12 | C10 | PLUS,
        "DenseNet-100-12 C100": DENSENET_100_12 | C100 | DROPOUT,
        "DenseNet-100-12 C100+": DENSENET_100_12 | C100 | PLUS,
        "DenseNet-BC-250-24 C10": BC_250_24 | C10 | DROPOUT,
        "DenseNet-BC-250-24 C10+": BC_250_24 | C10 | PLUS,
        "DenseNet-BC-250-24 C100": BC_250_24 | C100 | DROPOUT,
        "DenseNet-BC-250-24 C100+": BC_250_24 | C100 | PLUS,
        "DenseNet-100-24 C10": DENSENET_100_24 | C10 | DROPOUT,
        "DenseNet-100-24 C10+": DENSENET_100_24 | C10 | PLUS,
        "DenseNet-100-24 C100": DENSENET_100_24 | C100 | DROPOUT,
        "DenseNet-100-24 C100+": DENSENET_100_24 | C100 | PLUS,
        "DenseNet-BC-190-40 C10+": BC_190_40 | C10 | PLUS,
        "DenseNet-BC-190-40 C100+": BC_190_40 | C100 | PLUS,
    },
    published={
        "He et al. 2016, table 6": {
            "ResNet-20 C10+": 8.75,
            "ResNet-32 C10+": 7.51,
            "ResNet-44 C10+": 7.17,
            "ResNet-56 C10+": 6.97,
        },
        "He et al. 2016, table 6, best of 5": {"ResNet-110 C10+": 6.43},
        "He et al. 2016, table 6, mean of 5": {"ResNet-110 C10+": 6.61},
        "Huang et al. 2017, table 2": {
            "DenseNet-40-12 C10": 7.00,
            "DenseNet-40-12 C10+": 5.24,
            "DenseNet-40-12 C100": 27.55,
            "DenseNet-40-12 C100+": 24.42,
            "DenseNet-BC-100-12 C10": 5.92,
            "DenseNet-BC-100-12 C10+": 4.51,
            "DenseNet-BC-100-12 C100": 24.15,
            "DenseNet-BC-100-12 C100+": 22.27,
            "ResNet-164-pre C10": 11.26,
            "ResNet-164-pre C10+": 5.46,
            "ResNet-164-pre C100": 35.58,
            "ResNet-164-pre C100+": 24.33,
            "ResNet-110-long C10": 13.63,
            "ResNet-110-long C10+": 6.41,
            "ResNet-110-long C100": 44.74,
            "ResNet-110-long C100+": 27.22,
            "ResNet-1001-pre C10": 10.56,
            "ResNet-1001-pre C10+": 4.62,
            "ResNet-1001-pre C100": 33.47,
            "ResNet-1001-pre C100+": 22.71,
            "DenseNet-100-12 C10": 5.77,
            "DenseNet-100-12 C10+": 4.10,
            "DenseNet-100-12 C100": 23.79,
            "DenseNet-100-12 C100+": 20.20,
            "DenseNet-BC-250-24 C10": 5.19,
            "DenseNet-BC-250-24 C10+": 3.62,
            "DenseNet-BC-250-24 C100": 19.64,
            "DenseNet-BC-250-24 C100+": 17.60,
            "DenseNet-100-24 C10": 5.83,
            "DenseNet-100-24 C10+": 3.74,
            "DenseNet-100-24 C100": 23.42,
            "DenseNet-100-24 C100+": 19.25,
            "DenseNet-BC-190-40 C10+": 3.46,
            "DenseNet-BC-190-40 C100+": 17.18,
        },
    },
)
