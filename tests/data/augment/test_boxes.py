import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import v2

from raypg.data.augment.boxes import Boxes, draw_cutout, draw_erasing, hide

CPU = torch.device("cpu")


def areas(boxes: Boxes, height: int, width: int) -> torch.Tensor:
    """How many pixels of the image each box covers."""
    return boxes.mask(height, width, CPU).sum((1, 2))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("side", "height", "width"), [(16, 32, 32), (3, 8, 5)])
def test_a_square_hides_what_is_inside_of_it_around_any_pixel(
    side: int, height: int, width: int
) -> None:
    boxes = draw_cutout(5_000, side, height, width, rng())
    assert boxes.bottom_N.sub(boxes.top_N).eq(side).all()
    assert boxes.right_N.sub(boxes.left_N).eq(side).all()
    rows, columns = boxes.top_N + side // 2, boxes.left_N + side // 2
    assert sorted(set(rows.tolist())) == list(range(height))
    assert sorted(set(columns.tolist())) == list(range(width))
    # The mean of what one side of the square covers, over all of its places.
    covered = {
        size: sum(
            min(at - side // 2 + side, size) - max(at - side // 2, 0)
            for at in range(size)
        )
        / size
        for size in (height, width)
    }
    expected = covered[height] * covered[width]
    found = areas(boxes, height, width).float()
    assert found.mean().item() == pytest.approx(expected, rel=0.02)
    assert found.max() == side * side


def test_erased_areas_are_those_of_torchvision() -> None:
    torch.manual_seed(0)
    erase = v2.RandomErasing(p=0.5)
    image = torch.ones(1, 32, 28)
    peer = torch.stack([(erase(image) == 0).sum() for _ in range(1_500)])
    ours = areas(draw_erasing(40_000, 0.5, 32, 28, rng()), 32, 28)
    assert ours.eq(0).float().mean().item() == pytest.approx(0.5, abs=0.01)
    assert ks_2samp(ours[ours > 0], peer[peer > 0]).pvalue > 0.01


def test_erased_boxes_lie_inside_and_reach_every_edge() -> None:
    boxes = draw_erasing(40_000, 1.0, 8, 9, rng())
    assert [int(boxes.top_N.min()), int(boxes.left_N.min())] == [0, 0]
    assert [int(boxes.bottom_N.max()), int(boxes.right_N.max())] == [8, 9]


def test_an_image_in_which_no_box_fits_stays_whole() -> None:
    assert areas(draw_erasing(50, 1.0, 1, 1, rng()), 1, 1).eq(0).all()


def test_what_is_hidden_is_0_in_every_channel_and_nothing_else() -> None:
    boxes = draw_cutout(6, 3, 8, 8, rng())
    mask = boxes.mask(8, 8, CPU)
    images = torch.rand(6, 3, 8, 8) + 1
    hidden = images.clone().to(memory_format=torch.channels_last)
    hide(hidden, mask)
    assert torch.equal(hidden, images * ~mask[:, None])
