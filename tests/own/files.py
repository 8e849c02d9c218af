"""Files of a user's, and a way back to none of them imported."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from raypg.own import forget

Write = Callable[..., str]

NET = '''"""A net of somebody's."""

from torch import nn

from layers import make_body


class MyNet(nn.Module):
    def __init__(self, num_classes: int, in_channels: int, image_size: int,
                 width: int = 8, drop: float = 0.0):
        super().__init__()
        inner = in_channels * image_size**2
        self.body = make_body(inner, width, drop)
        self.head = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.head(self.body(images))
'''
LAYERS = """from torch import nn


def make_body(inner, width, drop):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(inner, width), nn.ReLU(), nn.Dropout(drop)
    )
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a file into the folder that the test is in; what was imported is gone."""
    monkeypatch.chdir(tmp_path)
    forget()

    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        forget()
        return name

    yield write
    forget()


@pytest.fixture
def my_net(write: Write) -> str:
    """The name of a model in two files of the folder that the test is in."""
    write("layers.py", LAYERS)
    return write("my_net.py", NET) + ":MyNet"
