"""W&B in this process: with or without an account, one run a trial."""

import hashlib
import netrc
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from raypg.config import flatten
from raypg.entries import Entry
from raypg.results.schema import nest_leaves

INIT_S = 20.0
FINISH_S = 20
"""Longest wait for the server at a run's start, and at its end."""
OFFLINE_INIT_S = 90.0
"""Longest wait for W&B's own process, where there is no server."""


@dataclass(frozen=True)
class About:
    """What the runs of a sweep share.

    Attributes:
        sweep: its name, and that of the group.
        started: when it was started first, which tells it from others of that name.
        folder: where W&B keeps its files.
    """

    sweep: str
    started: str
    folder: str

    def run_id(self, trial: str) -> str:
        """A trial's run, the same in every session of the sweep."""
        name = "/".join((self.sweep, self.started, trial))
        return hashlib.sha256(name.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Facts:
    """What a run says of its trial before the first epoch."""

    trial: str
    arm: str
    name: str
    config: Mapping[str, Any]

    @classmethod
    def of(cls, entry: Entry) -> "Facts":
        """What is known of a trial as it starts."""
        trial = entry.trial
        return cls.build(trial.key, trial.arm, trial.seed, flatten(trial.config))

    @classmethod
    def build(
        cls, trial: str, arm: str, seed: int | None, config: Mapping[str, Any]
    ) -> "Facts":
        """The same of a trial that is known by its columns alone.

        Args:
            trial: its id.
            arm: its label.
            seed: None where nobody knows.
            config: its leaves by dotted name.
        """
        name = arm if seed is None else f"{arm}, seed {seed}"
        own = {"raypg.trial": trial, "raypg.arm": arm}
        # W&B takes 128 characters of a name, and 64 of a job's type.
        return cls(trial, arm[:64], name[:128], nest_leaves({**config, **own}))


class Session:
    """W&B in this process, which all lanes share."""

    def __init__(self, about: About, say: Callable[[str], None]) -> None:
        self._opened: list[bool] = []
        self._about = about
        self._say = say
        self._lock = threading.Lock()
        self._mode = ""

    @property
    def num_offline(self) -> int:
        """The runs that no server has."""
        return sum(self._opened)

    @property
    def num_opened(self) -> int:
        """The runs that were begun."""
        return len(self._opened)

    @property
    def is_disabled(self) -> bool:
        """Whether W&B is told to write nothing (`WANDB_MODE=disabled`)."""
        return self._mode == "disabled"

    def open(self, facts: Facts) -> Any:  # noqa: ANN401 a wandb.Run
        """A trial's run, begun or gone on with; offline where the server is not.

        The first one is waited for alone: it shows whether there is a server.
        """
        # Nothing but runs is sent, and those only with an account.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        with self._lock:
            if not self._mode:
                self._mode = self._choose_mode(wandb)
                return self._open(wandb, facts)
        return self._open(wandb, facts)

    def _open(self, wandb: Any, facts: Facts) -> Any:  # noqa: ANN401
        run_id = self._about.run_id(facts.trial)
        if self._mode == "online":
            try:
                return self._init(wandb, facts, run_id)
            except Exception as error:
                self._say(f"runs are kept offline, as the server took none: {error}")
                self._mode = "offline"
                # W&B holds the failed one's id until this process ends.
                run_id += "-offline"
        return self._init(wandb, facts, run_id)

    def _choose_mode(self, wandb: Any) -> str:  # noqa: ANN401 the module
        quiet = wandb.Settings(silent=True, console="off")
        settings = wandb.setup(quiet).settings
        mode = os.environ.get("WANDB_MODE") or settings.mode
        mode = {"dryrun": "offline", "run": "online"}.get(mode, mode)
        if mode == "online" and not _has_account(settings.base_url):
            self._say("no account (see `wandb login`): runs are kept offline")
            return "offline"
        return str(mode)

    def _init(self, wandb: Any, facts: Facts, run_id: str) -> Any:  # noqa: ANN401
        is_offline = self._mode == "offline"
        Path(self._about.folder).mkdir(parents=True, exist_ok=True)
        run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or "raypg",
            group=self._about.sweep,
            job_type=facts.arm,
            name=facts.name,
            id=run_id,
            config=facts.config,
            dir=self._about.folder,
            mode=self._mode,
            # Offline runs are put together by `wandb sync`, which knows the id.
            resume=None if is_offline else "allow",
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_code=True,
                disable_git=True,
                init_timeout=OFFLINE_INIT_S if is_offline else INIT_S,
                finish_timeout=FINISH_S,
                # Of the driver, which trains nothing.
                x_disable_stats=True,
            ),
        )
        self._opened.append(is_offline)
        return run


def _has_account(base_url: str) -> bool:
    """Whether there are credentials for the server, read as W&B reads them."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    file = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        known = netrc.netrc(str(file)).authenticators(urlsplit(base_url).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return False
    return known is not None
