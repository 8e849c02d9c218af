"""A model of one's own: a small residual network whose width and depth are keys.

    python -m raypg.train model.name=examples/own/my_net.py:MyNet model.width=24

`num_classes` and `in_channels` come from the data; every other parameter is a key under
`model.`, with its type, its default and its limits.
"""

from typing import Annotated, Literal

from blocks import Residual
from pydantic import Field
from torch import Tensor, nn


class MyNet(nn.Module):
    """Residual blocks of one width, averaged over the image."""

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        width: Annotated[int, Field(ge=1)] = 16,
        num_blocks: Annotated[int, Field(ge=0, le=20)] = 2,
        activation: Literal["relu", "gelu"] = "relu",
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        blocks = [Residual(width, activation) for _ in range(num_blocks)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """The logits of a batch of images."""
        features_BCHW = self.blocks(self.stem(images_BCHW))
        logits_BK: Tensor = self.head(features_BCHW.mean((2, 3)))
        return logits_BK
