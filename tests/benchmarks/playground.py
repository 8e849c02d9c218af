"""The playground's way to train DenseNet: the network, the loader and the loop."""

import time
from collections.abc import Callable
from itertools import chain, repeat

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)


class Layer(nn.Module):
    """One layer of a dense block, as it is usually written."""

    def __init__(self, channels: int, growth_rate: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(channels, growth_rate, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(self.relu(self.norm(x)))], 1)


def densenet(depth: int, growth_rate: int, num_classes: int) -> nn.Module:
    """The network of the paper without bottlenecks; torch's own initialisation."""
    channels = 16
    parts: list[nn.Module] = [nn.Conv2d(3, channels, 3, padding=1, bias=False)]
    for block in range(3):
        for _ in range((depth - 4) // 3):
            parts.append(Layer(channels, growth_rate))
            channels += growth_rate
        parts += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
        if block < 2:
            parts += [nn.Conv2d(channels, channels, 1, bias=False), nn.AvgPool2d(2)]
    parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)]
    return nn.Sequential(*parts)


class Images(Dataset[tuple[Tensor, int]]):
    """Arrays behind torchvision's transforms, as its own CIFAR10 class has them."""

    def __init__(
        self, images_NCHW: NDArray[np.uint8], labels_N: NDArray[np.int64]
    ) -> None:
        self.images_NHWC = np.ascontiguousarray(images_NCHW.transpose(0, 2, 3, 1))
        self.labels_N = labels_N.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels_N)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images_NHWC[index])
        return self.transform(image), self.labels_N[index]


def build_loop(
    model: nn.Module, images: Images, batch_size: int, num_steps: int, *, bf16: bool
) -> Callable[[], float]:
    """The training loop; called, it tells how many images a second `num_steps` take.

    `bf16` adds autocast and channels_last, and nothing else.
    """
    if bf16:
        model = model.to(memory_format=torch.channels_last)
    loader = DataLoader(images, batch_size=batch_size, shuffle=True, drop_last=True)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True
    )
    batches = chain.from_iterable(repeat(loader))
    model.train()

    def run(num_steps: int = num_steps) -> float:
        start, running_loss = time.perf_counter(), 0.0
        for _ in range(num_steps):
            inputs, targets = next(batches)
            if bf16:
                inputs = inputs.to(memory_format=torch.channels_last)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        return num_steps * batch_size / (time.perf_counter() - start)

    run(1)
    return run
