"""Tune's actors in the driver's own process: as many at once as memory takes.

A thousand actor processes do not fit on a small machine. What a driver does for each
result is the same: only the call to another process, and the copy of what it returns,
are missing, for ours as for bare Tune.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from ray.air.execution._internal import TrackedActor
from ray.tune.execution import tune_controller

Event = Callable[[], object]


class _Handle:
    """As Ray's handle of an actor: Tune asks one itself for a trial's first metrics."""

    def __init__(self, own: Any) -> None:  # noqa: ANN401
        self._own = own

    def __getattr__(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(remote=getattr(self._own, name))


class StandIns:
    """What a `TuneController` asks of Ray's actor manager (Ray 2.60), without Ray."""

    def __init__(self, resource_manager: object) -> None:
        self._live_actors_to_ray_actors_resources: dict[TrackedActor, Any] = {}
        self._events: deque[tuple[TrackedActor, bool, Event]] = deque()
        self._num_made = 0

    def next(self, timeout: float | None = None) -> bool:
        """Let one thing happen."""
        if not self._events:
            return False
        _, _, event = self._events.popleft()
        event()
        return True

    def add_actor(
        self,
        cls: Any,  # noqa: ANN401
        resource_request: object,
        kwargs: dict[str, Any],
        on_start: Callable[[TrackedActor], None],
        on_stop: Callable[[TrackedActor], None],
        on_error: Callable[[TrackedActor, Exception], None],
    ) -> TrackedActor:
        """An object in place of a process."""
        self._num_made += 1
        actor = TrackedActor(self._num_made, on_start, on_stop, on_error)
        own = cls.__ray_metadata__.modified_class(**kwargs)
        self._live_actors_to_ray_actors_resources[actor] = (_Handle(own), own)
        self._events.append((actor, False, lambda: on_start(actor)))
        return actor

    def schedule_actor_task(
        self,
        tracked_actor: TrackedActor,
        method_name: str,
        args: tuple[object, ...] = (),
        kwargs: dict[str, Any] | None = None,
        on_result: Callable[..., None] | None = None,
        on_error: object = None,
        _return_future: bool = False,
    ) -> object:
        """A call, made when its turn comes."""
        _, own = self._live_actors_to_ray_actors_resources[tracked_actor]

        def call() -> None:
            result = getattr(own, method_name)(*args, **(kwargs or {}))
            if on_result:
                on_result(tracked_actor, result)

        self._events.append((tracked_actor, True, call))
        return None

    def clear_actor_task_futures(self, tracked_actor: TrackedActor) -> None:
        """Forget the calls that wait."""
        kept = (e for e in self._events if not (e[1] and e[0] == tracked_actor))
        self._events = deque(kept)

    def remove_actor(
        self,
        tracked_actor: TrackedActor,
        kill: bool = False,
        stop_future: object = None,
    ) -> bool:
        """Let it go, once what waits is done."""

        def stop() -> None:
            del self._live_actors_to_ray_actors_resources[tracked_actor]
            if tracked_actor._on_stop:
                tracked_actor._on_stop(tracked_actor)

        self._events.append((tracked_actor, False, stop))
        return True

    def is_actor_started(self, tracked_actor: TrackedActor) -> bool:
        """Whether it is there."""
        return tracked_actor in self._live_actors_to_ray_actors_resources

    def is_actor_failed(self, tracked_actor: TrackedActor) -> bool:
        """They do not fail."""
        return False

    def get_live_actors_resources(self) -> dict[str, float]:
        """They need none."""
        return {}

    def cleanup(self) -> None:
        """Nothing is left."""

    num_pending_actors = 0

    @property
    def num_live_actors(self) -> int:
        """How many there are."""
        return len(self._live_actors_to_ray_actors_resources)

    @property
    def num_total_actors(self) -> int:
        """How many there are."""
        return self.num_live_actors

    @property
    def num_actor_tasks(self) -> int:
        """How many calls wait."""
        return len(self._events)


@contextmanager
def stand_ins() -> Iterator[None]:
    """Have Tune take stand-ins for actors."""
    with mock.patch.object(tune_controller, "RayActorManager", StandIns):
        yield
