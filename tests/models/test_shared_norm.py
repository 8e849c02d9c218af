"""Norms that share their statistics against norms that find them."""

import pytest
import torch
from torch import Tensor, nn

from raypg.models import DenseNetConfig, build_model
from raypg.models.shared_norm import Features, SharedNorm, measure


@pytest.fixture(autouse=True)
def share_small_maps_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypg.models.shared_norm.MIN_VALUES", 2)


def chunks(*channels: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [
        (torch.randn(4, num, 5, 5, generator=generator) * 3 + num)
        .to(dtype)
        .requires_grad_()
        for num in channels
    ]


def grown(parts: list[Tensor], *, is_training: bool = True) -> Features:
    features = measure(parts[0], is_training=is_training)
    for part in parts[1:]:
        features = features.append(part)
    return features


def twins(channels: int) -> tuple[SharedNorm, nn.BatchNorm2d]:
    shared, plain = SharedNorm(channels), nn.BatchNorm2d(channels)
    nn.init.normal_(shared.weight)
    nn.init.normal_(shared.bias)
    plain.load_state_dict(shared.state_dict())
    return shared, plain


def test_outputs_gradients_and_buffers_are_batch_norms() -> None:
    shared, plain = twins(9)
    parts, copies = chunks(2, 3, 4), chunks(2, 3, 4)
    for _ in range(2):
        ours = grown(parts).normalised_by(shared)
        theirs = plain(torch.cat(copies, 1))
        torch.testing.assert_close(ours, theirs)
        (ours**3).sum().backward()  # type: ignore[no-untyped-call]
        (theirs**3).sum().backward()
    for one, other in zip(parts, copies, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(shared.weight.grad, plain.weight.grad)
    torch.testing.assert_close(shared.bias.grad, plain.bias.grad)
    torch.testing.assert_close(shared.state_dict(), plain.state_dict())


def test_half_precision_keeps_statistics_in_fp32() -> None:
    shared, plain = twins(5)
    parts = chunks(2, 3, dtype=torch.bfloat16)
    features = grown(parts)
    assert features.moments_2C is not None
    assert features.moments_2C.dtype == torch.float32
    ours, theirs = features.normalised_by(shared), plain(torch.cat(parts, 1))
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(shared.state_dict(), plain.state_dict())


def test_another_norm_in_place_of_ours_finds_its_own_statistics() -> None:
    features, plain = grown(chunks(2, 3)), nn.BatchNorm2d(5)
    assert torch.equal(features.normalised_by(plain), plain(features.values_BCHW))


def test_evaluation_takes_the_running_statistics() -> None:
    shared, plain = twins(5)
    features = grown(chunks(2, 3), is_training=False)
    assert features.moments_2C is None
    assert torch.equal(
        features.normalised_by(shared.eval()), plain.eval()(features.values_BCHW)
    )


def test_a_densenet_learns_as_one_with_plain_norms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = losses()
    monkeypatch.setattr(
        "raypg.models.densenet.measure",
        lambda values_BCHW, is_training: Features(values_BCHW, None),
    )
    torch.testing.assert_close(shared, losses(), rtol=1e-4, atol=1e-5)


def losses() -> list[float]:
    torch.manual_seed(0)
    config = DenseNetConfig(depth=16, bottleneck=True, compression=0.5)
    model = build_model(config, (1, 8, 8), 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    images, values = torch.randn(8, 1, 8, 8), []
    for _ in range(4):
        loss = nn.functional.cross_entropy(model(images), torch.arange(8))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        values.append(loss.item())
    return values
