import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raypg.data.augment import crops
from raypg.data.augment.crops import crop_and_flip, normalise

CPU = torch.device("cpu")


def crop_one(
    image_CHW: np.ndarray, top: int, left: int, flip: bool, pad: int
) -> np.ndarray:
    """The slow reference: one image, plain slices."""
    _, height, width = image_CHW.shape
    turned = image_CHW[:, :, ::-1] if flip else image_CHW
    padded = np.pad(turned, ((0, 0), (pad, pad), (pad, pad)))
    return padded[:, top : top + height, left : left + width]


@given(
    shape=st.tuples(*(st.integers(1, limit) for limit in (7, 3, 9, 9))),
    padding=st.integers(0, 4),
    num=st.integers(1, 12),
    seed=st.integers(0, 2**16),
    is_large=st.booleans(),
)
@settings(deadline=None)
def test_batch_equals_one_image_after_another(
    shape: tuple[int, int, int, int],
    padding: int,
    num: int,
    seed: int,
    is_large: bool,
) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    index = rng.integers(0, len(images), num)
    tops, lefts = rng.integers(0, 2 * padding + 1, (2, num))
    flips = rng.random(num) < 0.5
    with pytest.MonkeyPatch.context() as patch:
        if is_large:
            patch.setattr(crops, "LARGE_BYTES", 1)
        found = crop_and_flip(
            torch.from_numpy(images),
            torch.from_numpy(index),
            torch.from_numpy(tops),
            torch.from_numpy(lefts),
            torch.from_numpy(flips),
            padding,
            CPU,
        )
    expected = [
        crop_one(images[i], top, left, flip, padding)
        for i, top, left, flip in zip(index, tops, lefts, flips, strict=True)
    ]
    assert np.array_equal(found.numpy(), np.stack(expected))


@pytest.mark.parametrize(
    "memory_format", [torch.contiguous_format, torch.channels_last]
)
def test_normalised_pixels_are_those_of_torchvision(
    memory_format: torch.memory_format,
) -> None:
    from torchvision.transforms import functional

    mean, std = [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    scale = 1 / (255 * torch.tensor(std))
    shift = -torch.tensor(mean) / torch.tensor(std)
    found = normalise(images, scale[:, None, None], shift[:, None, None], memory_format)
    expected = functional.normalize(images / 255, mean, std)
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=memory_format)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
