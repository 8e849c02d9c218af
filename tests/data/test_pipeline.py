import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raypg.data import DataConfig, Dataset, Split, load_dataset
from raypg.data import pipeline as pipeline_module
from raypg.data.augment.mixing import Mixing
from raypg.data.pipeline import UNMIXED, Batches
from raypg.errors import DataError

AUGMENTED = DataConfig(crop_padding=2, flip=True)
FULL = DataConfig(
    crop_padding=1,
    flip=True,
    auto_augment="randaugment",
    cutout=2,
    random_erasing=0.5,
)
"""All of it at once."""
MIXED = Mixing(mixup=0.5, cutmix=1.0)


def tiny_dataset(num: int) -> Dataset:
    """Image n is all n, so that a batch tells which examples it holds."""
    labels = np.arange(num)
    images = np.repeat(labels.astype(np.uint8), 16).reshape(num, 1, 4, 4)
    split = Split(images, labels)
    return Dataset("tiny", split, split, split, num, (0.0,), (1.0,), (), "tiny-1")


def build_batches(
    num: int,
    config: DataConfig = AUGMENTED,
    *,
    batch_size_global: int = 8,
    rank: int = 0,
    num_workers: int = 1,
    seed: int = 0,
    train: bool = True,
    mixing: Mixing = UNMIXED,
) -> Batches:
    dataset = tiny_dataset(num)
    return Batches(
        dataset.train,
        dataset,
        config,
        batch_size_global=batch_size_global,
        rank=rank,
        num_workers=num_workers,
        seed=seed,
        device=torch.device("cpu"),
        channels_last=False,
        train=train,
        mixing=mixing,
    )


def steps_of(
    num: int,
    num_workers: int = 1,
    *,
    epoch: int = 0,
    batch_size: int = 8,
    seed: int = 0,
    config: DataConfig = AUGMENTED,
    mixing: Mixing = UNMIXED,
) -> list[tuple[Tensor, Tensor]]:
    """The global batches: the shares of all workers put together."""
    ranks = [
        build_batches(
            num,
            config,
            mixing=mixing,
            batch_size_global=batch_size,
            rank=rank,
            num_workers=num_workers,
            seed=seed,
        ).epoch(epoch)
        for rank in range(num_workers)
    ]
    return [
        (torch.cat([images for images, _ in shares]), torch.cat([y for _, y in shares]))
        for shares in zip(*ranks, strict=True)
    ]


numbers = st.integers(4, 120)
sizes = st.integers(4, 40)
workers = st.integers(1, 4)
seeds = st.integers(0, 2**80)


@given(numbers, sizes, workers, seeds, st.integers(0, 5))
@settings(deadline=None)
def test_any_number_of_workers_sees_the_same_stream(
    num: int, batch_size: int, num_workers: int, seed: int, epoch: int
) -> None:
    alone = steps_of(num, epoch=epoch, batch_size=batch_size, seed=seed)
    shared = steps_of(num, num_workers, epoch=epoch, batch_size=batch_size, seed=seed)
    is_dropped = 0 < num % batch_size < num_workers
    assert len(shared) == len(alone) - is_dropped
    for (images, labels), expected in zip(shared, alone, strict=False):
        assert torch.equal(images, expected[0])
        assert torch.equal(labels, expected[1])


@given(numbers, sizes, workers, seeds)
@settings(deadline=None)
def test_any_number_of_workers_sees_the_same_augmentation_and_mixes(
    num: int, batch_size: int, num_workers: int, seed: int
) -> None:
    alone, shared = (
        steps_of(num, n, batch_size=batch_size, seed=seed, config=FULL, mixing=MIXED)
        for n in (1, num_workers)
    )
    for (images, labels), expected in zip(shared, alone, strict=False):
        assert torch.equal(images, expected[0])
        assert torch.equal(labels, expected[1])


def test_an_image_is_mixed_with_the_one_before_it_in_its_batch() -> None:
    plain = steps_of(20, config=DataConfig())
    mixed = steps_of(20, config=DataConfig(), mixing=Mixing(mixup=1.0))
    for (images, labels), (own, own_labels) in zip(mixed, plain, strict=True):
        part = labels[0, own_labels[0]]
        others = own_labels.roll(1, 0)
        assert torch.allclose(labels.sum(1), torch.ones(len(labels)))
        assert torch.allclose(labels.gather(1, others[:, None])[:, 0], 1 - part)
        expected = part * own + (1 - part) * own.roll(1, 0)
        assert torch.allclose(images, expected, atol=1e-6)


def test_what_one_augmentation_draws_moves_no_other() -> None:
    plain = steps_of(40, config=AUGMENTED)
    cut = steps_of(40, config=DataConfig(crop_padding=2, flip=True, cutout=2))
    for (images, labels), (expected, expected_labels) in zip(cut, plain, strict=True):
        assert torch.equal(labels, expected_labels)
        is_kept = images == expected
        assert 0.6 < is_kept.float().mean() < 1
        assert not images[~is_kept].any()


@given(numbers, sizes, seeds)
@settings(deadline=None)
def test_epoch_holds_each_example_once(num: int, batch_size: int, seed: int) -> None:
    steps = steps_of(num, batch_size=batch_size, seed=seed)
    seen = torch.cat([labels for _, labels in steps])
    assert sorted(seen.tolist()) == list(range(num))


@given(numbers, sizes, workers)
@settings(deadline=None)
def test_shares_differ_by_one_at_most_and_sum_to_the_global_batch(
    num: int, batch_size: int, num_workers: int
) -> None:
    ranks = [
        build_batches(
            num, num_workers=num_workers, rank=rank, batch_size_global=batch_size
        )
        for rank in range(num_workers)
    ]
    shares = [[len(labels) for _, labels in batches.epoch(0)] for batches in ranks]
    assert {len(share) for share in shares} == {ranks[0].num_steps}
    for step, lengths in enumerate(zip(*shares, strict=True)):
        assert max(lengths) - min(lengths) <= 1
        assert min(lengths) >= 1
        assert sum(lengths) == ranks[0].global_batch_size(step)


@given(st.integers(1, 90), workers, sizes)
@settings(deadline=None)
def test_evaluation_is_the_split_in_its_order(
    num: int, num_workers: int, batch_size: int
) -> None:
    labels, bounds = [], []
    for rank in range(num_workers):
        batches = build_batches(
            num,
            batch_size_global=batch_size,
            rank=rank,
            num_workers=num_workers,
            train=False,
        )
        steps = list(batches.epoch(7))
        assert len(steps) == batches.num_steps
        bounds.append(batches.share)
        labels += [label for _, part in steps for label in part.tolist()]
    assert labels == list(range(num))
    assert [stop for _, stop in bounds[:-1]] == [start for start, _ in bounds[1:]]


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("num", "num_workers"), [(16, 2), (17, 2), (18, 2), (3, 1)])
def test_number_of_examples_is_what_an_epoch_gives(
    num: int, num_workers: int, train: bool
) -> None:
    ranks = [
        build_batches(num, rank=rank, num_workers=num_workers, train=train)
        for rank in range(num_workers)
    ]
    given = sum(len(labels) for rank in ranks for _, labels in rank.epoch(1))
    assert {rank.num_examples for rank in ranks} == {given}


def test_examples_and_labels_stay_together() -> None:
    for images, labels in build_batches(100, DataConfig()).epoch(3):
        assert torch.equal((images[:, 0, 0, 0] * 255).round().long(), labels)


def test_epochs_and_seeds_differ() -> None:
    def order(seed: int, epoch: int) -> tuple[int, ...]:
        steps = steps_of(50, epoch=epoch, seed=seed)
        return tuple(torch.cat([labels for _, labels in steps]).tolist())

    assert len({order(seed, epoch) for seed in range(4) for epoch in range(4)}) == 16


@pytest.mark.parametrize("config", [AUGMENTED, FULL])
def test_stream_does_not_depend_on_the_chunks(
    config: DataConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = steps_of(100, config=config)
    monkeypatch.setattr(pipeline_module, "CHUNK_BYTES", 1)
    for (images, _), (expected, _) in zip(
        steps_of(100, config=config), whole, strict=True
    ):
        assert torch.equal(images, expected)


def test_global_generator_is_neither_read_nor_moved() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = steps_of(40, config=FULL, mixing=MIXED)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again = steps_of(40, config=FULL, mixing=MIXED)
    for (images, _), (expected, _) in zip(again, first, strict=True):
        assert torch.equal(images, expected)


def test_batches_may_be_kept_and_written_to() -> None:
    batches = build_batches(40)
    kept = list(batches.epoch(0))
    copies = [(images.clone(), labels.clone()) for images, labels in kept]
    for images, labels in list(batches.epoch(0)):
        images.zero_()
        labels.zero_()
    for (images, labels), (expected, expected_labels) in zip(kept, copies, strict=True):
        assert torch.equal(images, expected)
        assert torch.equal(labels, expected_labels)


def digits_batch(*, train: bool) -> tuple[Tensor, Tensor]:
    """All 300 validation digits as one batch of a config that augments."""
    digits = load_dataset(DataConfig())
    batches = Batches(
        digits.val,
        digits,
        AUGMENTED,
        batch_size_global=300,
        rank=0,
        num_workers=1,
        seed=0,
        device=torch.device("cpu"),
        channels_last=True,
        train=train,
    )
    (batch,) = batches.epoch(0)
    return batch


def test_evaluation_normalises_and_does_no_more() -> None:
    digits = load_dataset(DataConfig())
    images, labels = digits_batch(train=False)
    expected = (digits.val.images_NCHW / 255 - digits.mean[0]) / digits.std[0]
    assert np.allclose(images.numpy(), expected, atol=1e-5)
    assert labels.tolist() == digits.val.labels_N.tolist()


def test_training_crops_and_flips() -> None:
    plain, augmented = digits_batch(train=False)[0], digits_batch(train=True)[0]
    assert augmented.is_contiguous(memory_format=torch.channels_last)
    assert augmented.min() == plain.min()
    assert augmented.mean() < plain.mean()  # cropping brings in black


@pytest.mark.parametrize(("num", "batch_size"), [(40, 3), (3, 40)])
def test_fewer_examples_than_workers_is_an_error(num: int, batch_size: int) -> None:
    expected = rf"train\.batch_size: .*found {batch_size} of {num} examples, 4 workers"
    with pytest.raises(DataError, match=expected):
        build_batches(num, batch_size_global=batch_size, num_workers=4)
