import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import v2

from raypg.data.augment.mixing import Mix, Mixing, draw_mixes

IMAGES = torch.rand(6, 3, 8, 9)
LABELS = torch.tensor([0, 3, 3, 1, 2, 0])


def mixed(mix: Mix) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch, each image mixed with the one before it."""
    return (
        mix.images(IMAGES, IMAGES.roll(1, 0)),
        mix.labels(LABELS, LABELS.roll(1, 0), 4),
    )


def test_mixup_is_torchvision_s() -> None:
    peer = v2.MixUp(num_classes=4)
    parameters = {"lam": 0.3, "labels": LABELS, "batch_size": 6}
    images, labels = mixed(Mix(0.3))
    torch.testing.assert_close(images, peer.transform(IMAGES, parameters))
    torch.testing.assert_close(labels, peer.transform(LABELS, parameters))


def test_cutmix_is_torchvision_s() -> None:
    peer = v2.CutMix(num_classes=4)
    (mix,) = draw_mixes(1, Mixing(cutmix=1.0), 8, 9, seed=3, epoch=1)
    assert mix.box is not None
    top, bottom, left, right = mix.box
    parameters = {
        "box": (left, top, right, bottom),
        "lam_adjusted": 1 - (bottom - top) * (right - left) / 72,
        "labels": LABELS,
        "batch_size": 6,
    }
    images, labels = mixed(mix)
    assert 0 < mix.own < 1
    assert torch.equal(images, peer.transform(IMAGES, parameters))
    torch.testing.assert_close(labels, peer.transform(LABELS, parameters))


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_weights_are_drawn_as_torchvision_s(alpha: float) -> None:
    torch.manual_seed(0)
    mixup, cutmix = (kind(alpha=alpha, num_classes=4) for kind in (v2.MixUp, v2.CutMix))
    image = [torch.zeros(1, 1, 32, 28)]
    peers = {
        "mixup": [mixup.make_params(image)["lam"] for _ in range(3_000)],
        "cutmix": [cutmix.make_params(image)["lam_adjusted"] for _ in range(3_000)],
    }
    for name, peer in peers.items():
        mixes = draw_mixes(9_000, Mixing(**{name: alpha}), 32, 28, seed=0, epoch=1)
        assert ks_2samp([mix.own for mix in mixes], peer).pvalue > 0.01


def test_with_both_a_coin_decides_for_each_batch() -> None:
    mixes = draw_mixes(4_000, Mixing(0.2, 1.0), 32, 32, seed=0, epoch=1)
    cut = [mix for mix in mixes if mix.box is not None]
    assert len(cut) / len(mixes) == pytest.approx(0.5, abs=0.03)
    assert not any(m.box for m in draw_mixes(50, Mixing(0.2), 8, 8, seed=0, epoch=1))
    assert all(m.box for m in draw_mixes(50, Mixing(0, 1.0), 8, 8, seed=0, epoch=1))


def test_mixed_labels_sum_to_one() -> None:
    for mix in draw_mixes(50, Mixing(1.0, 1.0), 8, 9, seed=0, epoch=1):
        torch.testing.assert_close(mixed(mix)[1].sum(1), torch.ones(6))


def test_mixes_follow_from_seed_and_epoch_alone() -> None:
    def draw(seed: int, epoch: int, num: int = 5) -> list[Mix]:
        return draw_mixes(num, Mixing(1.0, 1.0), 8, 8, seed, epoch)

    assert draw(0, 1) == draw(0, 1) == draw(0, 1, 9)[:5]
    assert draw(0, 1) != draw(0, 2) != draw(1, 2)
