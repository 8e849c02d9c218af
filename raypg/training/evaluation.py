"""A pass over a split without learning: its loss, accuracy and probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from raypg.data.pipeline import Batches
from raypg.errors import TrialError
from raypg.metrics import Metric
from raypg.training.step import Stepper
from raypg.training.views import averaged_logits, views
from raypg.training.world import World


@dataclass(frozen=True)
class Evaluation:
    """What a network says of a split.

    Attributes:
        loss: mean cross-entropy over the split, of all workers.
        accuracy: ratio in [0, 1], of all workers.
        probabilities_NK: softmax outputs, float16, on the host; the share of this
            worker until `gather` is called, the whole split in its order afterwards.
        metrics: by column, of all workers, those that were asked for.
    """

    loss: float
    accuracy: float
    probabilities_NK: Tensor
    metrics: Mapping[str, float] = field(default_factory=dict)

    def gather(self, world: World) -> "Evaluation":
        """The same with every worker's rows; all workers must call it."""
        rows_NK = world.gather_rows(self.probabilities_NK)
        return replace(self, probabilities_NK=rows_NK)


def evaluate(
    stepper: Stepper,
    module: nn.Module,
    batches: Batches,
    split: str = "val",
    metrics: Mapping[str, Metric] = MappingProxyType({}),
) -> Evaluation:
    """Evaluate `module` on the split behind `batches`, in the trial's precision.

    With `train.tta` it looks at several views of each image.

    Args:
        stepper: of the trial.
        module: the network.
        batches: of the split.
        split: what errors call it.
        metrics: what it is judged by beside loss and accuracy, by column.

    Raises:
        TrialError: the loss, or a metric, is not finite.
    """
    world = stepper.world
    _share_buffers(module, world)
    module.eval()
    config = stepper.config
    seen_as = config.train.tta, config.data.crop_padding
    totals = torch.zeros(2, device=world.device)
    rows, logits, labels = [], list[Tensor](), list[Tensor]()
    with torch.inference_mode(), stepper.autocast():
        for images_BCHW, labels_B in batches.epoch(0):
            seen = views(images_BCHW, *seen_as, batches.black_C11)
            logits_BK = averaged_logits(module, seen)
            loss = functional.cross_entropy(logits_BK, labels_B, reduction="sum")
            correct = (logits_BK.argmax(1) == labels_B).sum()
            totals += torch.stack([loss, correct])
            rows.append(logits_BK.softmax(1).half())
            if metrics:
                logits.append(logits_BK)
                labels.append(labels_B)
            stepper.beat()
    loss_sum, num_correct = world.sum(totals).tolist()
    check_finite({f"{split}.loss": loss_sum})
    return Evaluation(
        loss_sum / batches.num_examples,
        num_correct / batches.num_examples,
        # A clone outside inference mode, so that the rows may be kept and sent.
        torch.cat(rows).cpu().clone(),
        _judge(world, logits, labels, metrics),
    )


def _judge(
    world: World,
    logits: Sequence[Tensor],
    labels: Sequence[Tensor],
    metrics: Mapping[str, Metric],
) -> dict[str, float]:
    """The metrics of the whole split, which every worker gathers.

    All have what rank 0 says, so that they agree on the best epoch.
    """
    if not metrics:
        return {}
    logits_NK = world.gather_rows(torch.cat([*logits]).cpu().clone())
    labels_N = world.gather_rows(torch.cat([*labels]).cpu().clone())
    found = [float(one.function(logits_NK, labels_N)) for one in metrics.values()]
    told = torch.tensor(found, dtype=torch.float64, device=world.device)
    values = dict(zip(metrics, world.tell(told).tolist(), strict=True))
    check_finite(values)
    return values


def check_finite(sums: Mapping[str, float]) -> None:
    """Hold sums of losses to being numbers.

    Raises:
        TrialError: one is NaN or infinite.
    """
    for name, value in sums.items():
        if value != value or abs(value) == float("inf"):
            fix = "Try a smaller optimizer.lr, or train.clip_norm=1."
            raise TrialError(name, "must be finite", str(value), fix)


def _share_buffers(module: nn.Module, world: World) -> None:
    """Give every rank the batch statistics of rank 0: each saw its own share alone."""
    if world.num_workers > 1:
        for buffer in module.buffers():
            dist.broadcast(buffer, src=0)
