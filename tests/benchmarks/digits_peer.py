"""Digits as anyone would train them in plain PyTorch: no raypg in it.

The network, the data, the optimizer, the batches and the epochs are those that
`warm_workers.SPACE` asks of raypg. The data set lies in memory as tensors, the fastest
way for one of this size; a DataLoader would take three times as long.
"""

import time
from importlib import resources

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

NUM_TRAIN, NUM_VAL, NUM_TEST = 1_197, 300, 300
BATCH_SIZE = 64


class Digits:
    """One training under way: a call of `train_epoch` is one epoch of it."""

    def __init__(self, lr: float, seed: int, epochs: int) -> None:
        torch.manual_seed(seed)
        self.model = build_network(channels=8)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=lr,
            momentum=0.9,
            nesterov=True,
            weight_decay=1e-4,
            fused=True,
        )
        milestones = [max(1, epochs // 2), max(1, 3 * epochs // 4)]
        self.schedule = torch.optim.lr_scheduler.MultiStepLR(self.optimizer, milestones)
        images, labels = load_digits()
        self.train = images[:NUM_TRAIN], labels[:NUM_TRAIN]
        self.val = tuple(part[NUM_TRAIN:-NUM_TEST] for part in (images, labels))

    def train_epoch(self) -> dict[str, float]:
        """Train and validate; the metrics, and the seconds it took."""
        started = time.perf_counter()
        images, labels = self.train
        self.model.train()
        total = torch.zeros(())
        for index in torch.split(torch.randperm(len(labels)), BATCH_SIZE):
            self.optimizer.zero_grad()
            loss = functional.cross_entropy(self.model(images[index]), labels[index])
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            total += loss.detach() * len(index)
        self.schedule.step()
        metrics = {"train_loss": float(total) / len(labels), **self._validate()}
        return {**metrics, "epoch_s": time.perf_counter() - started}

    @torch.inference_mode()
    def _validate(self) -> dict[str, float]:
        images, labels = self.val
        self.model.eval()
        logits = self.model(images)
        return {
            "val_loss": float(functional.cross_entropy(logits, labels)),
            "val_accuracy": float((logits.argmax(1) == labels).float().mean()),
        }


def build_network(channels: int) -> nn.Sequential:
    """Three conv-BN-ReLU blocks, pooled between and averaged: raypg's `cnn`."""
    return nn.Sequential(
        *_block(1, channels),
        nn.MaxPool2d(2),
        *_block(channels, 2 * channels),
        nn.MaxPool2d(2),
        *_block(2 * channels, 4 * channels),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * channels, 10),
    )


def _block(inner: int, outer: int) -> list[nn.Module]:
    conv = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]


def load_digits() -> tuple[Tensor, Tensor]:
    """All 1,797 images, normalised, and their labels, shuffled with a fixed seed."""
    packed = resources.files("raypg.data") / "files" / "digits.npz"
    with packed.open("rb") as stream, np.load(stream) as arrays:
        images = torch.from_numpy(arrays["images"].astype(np.float32))[:, None] / 16
        labels = torch.from_numpy(arrays["labels"].astype(np.int64))
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return ((images - images.mean()) / images.std())[order], labels[order]
