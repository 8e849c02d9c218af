"""What a checkpoint costs the training: the stall of its thread, and the whole of it.

Stall: `MailboxLink.report` where a checkpoint is due, against a clone of the same
tensors (weights and optimizer), and against the usual `torch.save` in the loop.

Whole: one trial in the trial actor's own code, trained by its thread on one core, with
a checkpoint after every second epoch, written and copied as Tune does it: epochs after
a checkpoint against epochs after none. ResNet-20 (width 1.8, 0.9 M parameters) and
ResNet-18 (width 1.5, 25 M), digits, fp32.

Of the stall of 0.9 M parameters in 175 tensors, seven tenths are the clone, a tenth
`state_dict()`, a tenth the walk through its dicts; a call for each tensor there cost
another quarter, and a detached view of each, as `state_dict()` gives, 6 %. What is
written beside the training (packing 9 ms, sha256 4 ms, disk 2 ms, Tune's copy) slows an
epoch of 0.6 s by 1 to 2 % where cores share a memory and threads an interpreter;
without torch's own checksums it was no less.

    python -m tests.benchmarks.checkpoints
"""

import io
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import torch
from pyarrow import fs

from raypg.cluster.connect import set_quiet_environment
from raypg.cluster.link import MailboxLink
from raypg.cluster.mailbox import Mailbox
from raypg.cluster.messages import Assignment
from raypg.config import fingerprint, flatten, load, parse_overrides
from raypg.data import load_dataset
from raypg.training.heap import keep_heap
from raypg.training.link import SilentLink
from raypg.training.loop import train
from raypg.training.parts import Parts, build_parts, snapshot
from raypg.training.world import alone
from tests.benchmarks.pairs import Pairs, measure_pairs


@dataclass(frozen=True)
class Network:
    """A size of state, and what it may cost."""

    name: str
    overrides: Sequence[str]
    num_pairs: int
    goal: str


SMALL = Network("0.9 M", ["model.name=resnet", "model.width=1.8"], 12, "<= 1.01")
LARGE = Network(
    "25 M", ["model.name=resnet", "model.depth=18", "model.width=1.5"], 6, "<= 1.05"
)
QUICK = Network("0.1 M", ["model.name=resnet", "model.width=0.6"], 1, "<= 1.01")


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    keep_heap()  # as every process that trains does
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    networks = [QUICK] if quick else [SMALL, LARGE]
    try:
        return [row for network in networks for row in _rows(network)]
    finally:
        torch.set_num_threads(num_threads)


def _rows(network: Network) -> list[dict[str, object]]:
    parts = _trained(network)
    state = snapshot(parts)
    tensors = [*_tensors(state.model), *_tensors(state.optimizer)]
    size_mb = sum(t.numel() * t.element_size() for t in tensors) / 1e6
    report = _reporter(network, parts)
    num_pairs = max(3, 5 * network.num_pairs)
    what = f"{size_mb:.1f} MB in {len(tensors)} tensors"
    clone = measure_pairs(report, lambda: _ms(lambda: _clone(tensors)), num_pairs)
    save = measure_pairs(report, lambda: _ms(lambda: _save(tensors)), num_pairs)
    whole, epoch_s = _whole(network)
    return [
        clone.row(
            f"stall of the training by a checkpoint, {network.name}: a clone",
            "ms",
            "<= 1.5",
            what,
        ),
        save.row(
            f"stall of the training by a checkpoint, {network.name}: torch.save",
            "ms",
            "",
            f"{what}, to memory",
        ),
        whole.row(
            f"an epoch with a checkpoint, {network.name}: without",
            "s",
            network.goal,
            f"one thread, written beside the training; epochs of {epoch_s:.1f} s",
        ),
    ]


def _trained(network: Network) -> Parts:
    """After a step, so that the optimizer has its state."""
    config = load([parse_overrides(network.overrides)])
    parts = build_parts(config, load_dataset(config.data), alone())
    for images_BCHW, labels_B in islice(parts.batches.epoch(1), 1):
        parts.stepper.step(images_BCHW, labels_B, len(labels_B))
    return parts


def _reporter(network: Network, parts: Parts) -> Callable[[], float]:
    """Milliseconds that the training thread spends in a report with a checkpoint."""
    mailbox = Mailbox()
    assignment = _assignment(network, epochs=1, store=".")

    def run() -> float:
        mailbox.assign(assignment, None)
        delivery = mailbox.next_delivery(0.0)
        assert delivery is not None
        link = MailboxLink(mailbox, delivery)
        return _ms(lambda: link.report(1, {}, lambda: snapshot(parts)))

    run()
    return run


def _whole(network: Network) -> tuple[Pairs, float]:
    """Seconds of epochs after a checkpoint and of those after none, and of an epoch."""
    epoch_s = _epoch_seconds(network)
    num_epochs = 2 * network.num_pairs + 3
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        moments = _train_in_actor(
            _assignment(network, num_epochs, folder, every_s=1.5 * epoch_s), folder
        )
        # Of the epochs that follow a report; the first warms up, the last one tests.
        spans = {True: [], False: []}  # type: dict[bool, list[float]]
        for (begin, is_due), (end, _) in zip(moments[1:], moments[2:-1], strict=False):
            spans[is_due].append(end - begin)
    num = min(map(len, spans.values()))
    return Pairs(tuple(spans[True][:num]), tuple(spans[False][:num]), 0), epoch_s


def _train_in_actor(assignment: Assignment, folder: str) -> list[tuple[float, bool]]:
    """The moment of each report, and whether a checkpoint followed it."""
    set_quiet_environment()
    from raypg.cluster.trainable import REPORTED, LocalTrainable

    trainable = LocalTrainable({"assignment": assignment.to_json()})
    moments = []
    for number in count():
        result = trainable.train()
        is_due = result.get("should_checkpoint", False)
        moments.append((dict(result[REPORTED])["time"], is_due))
        if result["done"]:
            break
        if is_due:
            _save_as_tune(trainable.save, Path(folder, f"checkpoint_{number:06d}"))
    trainable.cleanup()
    return moments


def _save_as_tune(save: Callable[[str], object], target: Path) -> None:
    """Into a temporary folder, then file by file into the store."""
    beside = tempfile.mkdtemp()
    save(beside)
    local = fs.LocalFileSystem()
    local.create_dir(str(target))
    fs.copy_files(
        beside, str(target), source_filesystem=local, destination_filesystem=local
    )
    shutil.rmtree(beside)


def _assignment(
    network: Network, epochs: int, store: str, every_s: float = 0.0
) -> Assignment:
    config = load([parse_overrides([*network.overrides, f"train.epochs={epochs}"])])
    return Assignment(
        trial=fingerprint(config, device="cpu", num_workers=1).key,
        sweep="bench",
        store=store,
        attempt=0,
        config=flatten(config),
        device="cpu",
        num_threads=1,
        checkpoint_every_s=every_s,
        keeps_every_state=False,
        trials_per_worker=0,
    )


def _epoch_seconds(network: Network) -> float:
    config = load([parse_overrides([*network.overrides, "train.epochs=2"])])
    outcome = train(config, load_dataset(config.data), alone(), SilentLink())
    return float(outcome.best["epoch_s"])


def _tensors(tree: object) -> Iterator[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _tensors(value)


def _clone(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in tensors]


def _save(tensors: Sequence[torch.Tensor]) -> None:
    torch.save(list(tensors), io.BytesIO())


def _ms(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
