"""What any link keeps to, and how the training loop uses the one that it is given."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from raypg.checkpoints import CheckpointKeeper
from raypg.cluster.link import MailboxLink
from raypg.cluster.mailbox import Mailbox
from raypg.cluster.messages import Assignment, Report
from raypg.experiment.trials import build_trial
from raypg.ledger import Ledger
from raypg.solo.link import LedgerLink
from raypg.solo.session import OneTrial
from raypg.store import Store
from raypg.training import loop
from raypg.training.link import Link, SilentLink
from raypg.training.state import State
from tests.fakes import FakeLink, FakeWriter
from tests.training.tiny import tiny_config, train_tiny

STATE = State(1, {}, {}, {}, {"epoch": 1, "metrics": {}, "model": {}})


class Decided(Mailbox):
    """Its trial actor lets every epoch go on at once."""

    def report(self, report: Report) -> bool:
        wants_states = super().report(report)
        while self.next_message(0.0) is not None:
            pass
        return wants_states


def mailbox_link(mailbox: Mailbox, **config: object) -> Link:
    """The link of a cluster's worker, which writes no checkpoint before its end."""
    assignment = Assignment(
        trial="t",
        sweep="s",
        store="/nowhere",
        attempt=0,
        config={"train.epochs": 3, **config},
        device="cpu",
        num_threads=1,
        checkpoint_every_s=1e9,
        keeps_every_state=False,
        trials_per_worker=0,
    )
    mailbox.assign(assignment, None)
    delivery = mailbox.next_delivery(0.0)
    assert delivery is not None
    return MailboxLink(mailbox, delivery)


def ledger_link(folder: Path) -> Link:
    """The link of a trial in its own process."""
    config = tiny_config()
    trial = build_trial(config, "mlp", {}, device="cpu", num_workers=1)
    proposals, writer = OneTrial(trial), FakeWriter()
    books = Ledger(
        "s", proposals, writer, facts={}, memo={}, leftovers={}, metric="val.loss"
    )
    entry = books.next_entry()
    assert entry is not None
    keeper = CheckpointKeeper(Store(str(folder)), "s", trial.key, 0, print)
    return LedgerLink(books, entry, keeper, every_s=0.0)


LINKS: dict[str, Callable[[Path], Link]] = {
    "fake": lambda folder: FakeLink(),
    "ledger": ledger_link,
    "mailbox": lambda folder: mailbox_link(Decided()),
    "silent": lambda folder: SilentLink(),
}


@pytest.fixture(params=LINKS)
def link(request: pytest.FixtureRequest, tmp_path: Path) -> Link:
    """Each link in turn, of a trial of three epochs."""
    return LINKS[request.param](tmp_path)


def test_a_link_takes_epochs_and_lets_training_go_on(link: Link) -> None:
    for epoch in (1, 2, 3):
        link.report(epoch, {"val.loss": 1.0}, lambda: STATE)
        assert link.should_stop() is False


def test_a_link_takes_a_snapshot_at_most_once_and_within_the_report(link: Link) -> None:
    taken: list[int] = []

    def snapshot() -> State:
        taken.append(1)
        return STATE

    link.report(1, {"val.loss": 1.0}, snapshot)
    num_taken = len(taken)
    link.should_stop()
    link.report(2, {"val.loss": 1.0}, lambda: STATE)
    assert len(taken) == num_taken <= 1


@pytest.mark.parametrize("patience", [0, 2])
def test_an_epoch_that_may_be_the_last_hands_over_its_state(patience: int) -> None:
    mailbox = Mailbox()
    link = mailbox_link(mailbox, **{"train.early_stopping": patience})
    link.report(1, {"val.loss": 1.0}, lambda: STATE)
    report = mailbox.next_message(0.0)
    assert isinstance(report, Report)
    assert (report.state is not None, report.is_due) == (patience > 0, False)


def test_epochs_are_reported_once_each_and_in_order() -> None:
    _, link = train_tiny(tiny_config())
    assert link.epochs == [1, 2, 3, 4]
    assert [state.epoch for state in link.states] == link.epochs


def test_a_report_holds_plain_finite_numbers_under_the_names_of_the_table() -> None:
    _, link = train_tiny(tiny_config())
    assert set(link.metrics[0]) == {
        "time",
        "epoch_s",
        "images_per_s",
        "lr",
        "train.loss",
        "train.accuracy",
        "val.loss",
        "val.accuracy",
    }
    assert all(type(value) is float for value in link.metrics[0].values())


def test_a_state_holds_the_metrics_of_every_epoch_so_far() -> None:
    _, link = train_tiny(tiny_config())
    assert [len(state.history) for state in link.states] == [1, 2, 3, 4]
    assert link.last_state.history == link.metrics


def test_the_link_is_asked_every_tenth_of_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(10_000))
    seen: list[float] = []

    def tick() -> float:
        seen.append(next(clock) * 0.03)
        return seen[-1]

    asked_at: list[float] = []
    monkeypatch.setattr(
        loop, "time", SimpleNamespace(perf_counter=tick, time=time.time)
    )
    link = FakeLink(on_ask=lambda: asked_at.append(seen[-1]))
    config = tiny_config(data__fraction=1.0, train__batch_size=8, train__epochs=2)
    train_tiny(config, link)
    gaps = [
        later - before for before, later in zip(asked_at, asked_at[1:], strict=False)
    ]
    assert len(asked_at) > 20
    # The tenth, one step over it, and the evaluation between two epochs.
    assert max(gaps) <= loop.ASK_EVERY_S + 0.03 * 4


def test_every_step_and_every_batch_of_an_evaluation_is_a_sign_of_life() -> None:
    config = tiny_config(train__epochs=2)
    _, link = train_tiny(config)
    # Four steps and a batch for validation an epoch, one for the test at the end.
    assert link.num_beats == 2 * (4 + 1) + 1


def test_a_stop_in_the_middle_of_an_epoch_ends_the_trial_at_that_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "ASK_EVERY_S", 0.0)
    outcome, link = train_tiny(tiny_config(), FakeLink(stop_at_ask=7))
    # Four questions in the first epoch, one after it, the second of the next epoch.
    assert (outcome.status, outcome.epoch, link.epochs) == ("stopped", 1, [1])
    assert link.num_asks == 7
    assert outcome.val is None
    assert outcome.test is None


def test_a_stop_after_an_epoch_ends_the_trial_before_the_next() -> None:
    outcome, link = train_tiny(tiny_config(), FakeLink(stop_at_ask=1))
    assert (outcome.status, outcome.epoch, link.epochs) == ("stopped", 1, [1])


def test_a_stop_after_the_last_epoch_comes_too_late() -> None:
    outcome, link = train_tiny(tiny_config(train__epochs=1), FakeLink(stop_at_ask=1))
    assert (outcome.status, link.num_asks) == ("completed", 0)
