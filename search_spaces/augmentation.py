"""Which augmentation helps a ResNet-20 that has few images, beyond seed noise?

27 trials: the network as it is, and with one thing more at a time, 3 seeds each. In
three epochs of all digits nothing of it can help. With `data.fraction=0.25
train.epochs=20` 300 images are seen 20 times each: two minutes of training on two
cores. Digits are not mirrored, as a mirrored 2 is none. Half the side is usual for
cutout.
"""

from raypg import Ablation

SPACE = Ablation(
    base={"model.name": "resnet", "model.depth": 20},
    axes={
        "data.crop_padding": [1],
        "data.cutout": [4],
        "data.random_erasing": [0.5],
        "data.auto_augment": ["randaugment", "trivialaugment"],
        "train.label_smoothing": [0.1],
        "train.mixup": [0.2],
        "train.cutmix": [1.0],
    },
    design="one_at_a_time",
    seeds=3,
)
