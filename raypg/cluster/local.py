"""One worker a trial: Ray Train's local mode in a thread of the trial actor."""

import os
import threading

import ray
import torch
from ray.train import RunConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from raypg.cluster.link import MailboxLink
from raypg.cluster.mailbox import Delivery, Mailbox
from raypg.cluster.messages import Assignment
from raypg.cluster.pulse import Pulse
from raypg.cluster.worker import serve_trials
from raypg.training.world import World

LAUNCHER_VARIABLES = (
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
)
"""Set by torchrun and the like around the driver; Train would join their group."""


class LocalWorkers:
    """A warm worker in this very process; it needs no resources beyond the actor's."""

    def __init__(self) -> None:
        for name in LAUNCHER_VARIABLES:
            os.environ.pop(name, None)
        self.mailbox = Mailbox()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name="raypg-training", daemon=True
        )
        self._thread.start()

    def nodes(self) -> set[str]:
        """Where it runs, by Ray's id."""
        return {ray.get_runtime_context().get_node_id()}

    def failure(self) -> BaseException | None:
        """What ended the worker, where something did."""
        if self._failure is None and not self._thread.is_alive():
            return RuntimeError("the training thread ended")
        return self._failure

    def close(self) -> None:
        """Leave the trial and end the worker; one that hangs ends with its process."""
        self.mailbox.close()
        if self._failure is None:
            self._thread.join(timeout=10)

    def _note_hang(self, error: BaseException) -> None:
        self._failure = error

    def _run(self) -> None:
        try:
            DataParallelTrainer(
                self._serve,
                scaling_config=ScalingConfig(num_workers=0),
                run_config=RunConfig(name="raypg-local"),
            ).fit()
        except BaseException as error:
            self._failure = error

    def _serve(self) -> None:
        post, pulse = self.mailbox, Pulse(self._note_hang)

        def link(delivery: Delivery) -> MailboxLink:
            return MailboxLink(post, delivery, pulse=pulse)

        serve_trials(post, _world, link, pulse)


def _world(assignment: Assignment) -> World:
    device = "cuda:0" if assignment.device == "cuda" else assignment.device
    return World(0, 1, torch.device(device), assignment.num_threads)
