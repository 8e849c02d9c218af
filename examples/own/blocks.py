"""What `my_net.py` imports: it counts as part of the model, and goes with it."""

from torch import Tensor, nn


class Residual(nn.Module):
    """A convolution beside a shortcut."""

    def __init__(self, width: int, activation: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU() if activation == "relu" else nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
        )

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """The features after the block."""
        changed_BCHW: Tensor = self.body(images_BCHW)
        return images_BCHW + changed_BCHW
