"""A picture of a training batch as a network sees it, augmentation and all."""

import io
import math

import numpy as np
import torch
from numpy.typing import NDArray

from raypg.data.config import DataConfig
from raypg.data.dataset import Dataset
from raypg.data.pipeline import Batches

LEAST_SIDE = 64
"""Pixels of a shown image; smaller ones are blown up by a whole factor."""
_GAP, _CAPTION, _LETTER = 4, 14, 6
"""Pixels between images, of the line below one, and of a letter there."""


def draw_batch(dataset: Dataset, config: DataConfig, *, seed: int, num: int) -> bytes:
    """The first batch of the first epoch as a PNG, a class name below each image.

    Args:
        dataset: whose training split it is.
        config: says how it is augmented.
        seed: the trial's, which draws order and augmentation.
        num: images; fewer where there are fewer.
    """
    from PIL import Image, ImageDraw, ImageFont

    images_NHWC, labels_N = _first_batch(dataset, config, seed, num)
    num, height, width, _ = images_NHWC.shape
    factor = max(1, -(-LEAST_SIDE // min(height, width)))
    cell = (width * factor + _GAP, height * factor + _CAPTION + _GAP)
    columns = math.ceil(math.sqrt(num * cell[1] / cell[0]))
    size = (columns * cell[0] + _GAP, -(-num // columns) * cell[1] + _GAP)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for index, image_HWC in enumerate(images_NHWC):
        left = _GAP + index % columns * cell[0]
        top = _GAP + index // columns * cell[1]
        shown = image_HWC.repeat(factor, 0).repeat(factor, 1)
        sheet.paste(Image.fromarray(shown), (left, top))
        if labels_N is not None:
            name = dataset.class_names[labels_N[index]][: cell[0] // _LETTER]
            draw.text((left, top + height * factor), name, "black", font)
    content = io.BytesIO()
    sheet.save(content, "PNG")
    return content.getvalue()


def _first_batch(
    dataset: Dataset, config: DataConfig, seed: int, num: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """RGB images, and their labels where each has one."""
    batches = Batches(
        dataset.train,
        dataset,
        config,
        batch_size_global=min(num, len(dataset.train)),
        rank=0,
        num_workers=1,
        seed=seed,
        device=torch.device("cpu"),
        channels_last=False,
        train=True,
    )
    images_NCHW, labels, *_ = next(iter(batches.epoch(0)))
    mean_C11, std_C11 = (
        torch.tensor(values)[:, None, None] for values in (dataset.mean, dataset.std)
    )
    pixels_NCHW = (images_NCHW * std_C11 + mean_C11).clamp(0, 1).mul(255).round()
    if pixels_NCHW.shape[1] != 3:
        pixels_NCHW = pixels_NCHW[:, :1].expand(-1, 3, -1, -1)
    images_NHWC = pixels_NCHW.to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return images_NHWC, labels.numpy() if labels.ndim == 1 else None
