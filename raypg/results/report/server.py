"""Reports over HTTP that follow running sweeps: made when they are asked for."""

import asyncio
import hashlib
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from raypg.errors import RaypgError, ResultsError
from raypg.results.query import Results
from raypg.results.report.page import (
    Live,
    build_page,
    plotly_source,
    render_index,
)

if TYPE_CHECKING:
    from aiohttp import web

LOOPBACK = "127.0.0.1"
PLOTLY = f"/plotly-{version('plotly')}.min.js"
"""Fetched once: a page that follows a sweep is made anew every few seconds."""

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_LONGEST = {"Cache-Control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True)
class Serving:
    """What is served, and where.

    Attributes:
        results: of the store.
        sweep: the one that `/` leads to; empty lists all.
        host: an address of this machine.
        port: 0 takes a free one.
        every_s: how often a page asks whether something is new.
    """

    results: Results
    sweep: str = ""
    host: str = LOOPBACK
    port: int = 0
    every_s: float = 5.0

    @property
    def is_private(self) -> bool:
        """Whether nobody but this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def bind(serving: Serving) -> socket.socket:
    """A socket that listens: who asks before `serve` answers waits for it.

    Raises:
        ResultsError: the port is taken, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((serving.host, serving.port))
        bound.listen()
    except (OSError, OverflowError) as cause:
        bound.close()
        where = f"--host {serving.host} --port {serving.port}"
        rule, fix = "must be free, and this machine's", "Choose another --port."
        found = (getattr(cause, "strerror", None) or str(cause)).lower()
        raise ResultsError(where, rule, found, fix) from cause
    return bound


def serve(serving: Serving, bound: socket.socket) -> None:
    """Answer until a signal comes."""
    from aiohttp import web

    web.run_app(
        build_app(serving),
        sock=bound,
        print=lambda *_: None,
        access_log=None,
        shutdown_timeout=1.0,
    )


def build_app(serving: Serving) -> "web.Application":
    """The pages: `/`, a page a sweep, and what each asks again and again."""
    from aiohttp import web

    pages = _Pages(serving)
    app = web.Application(middlewares=[_guard(serving)])
    app.router.add_get("/", pages.index)
    app.router.add_get(PLOTLY, pages.plotly)
    app.router.add_get("/stamp", pages.index_stamp)
    app.router.add_get("/sweeps/{name}", pages.page)
    app.router.add_get("/sweeps/{name}/stamp", pages.stamp)
    return app


class _Pages:
    """Answers; a page is made once for each state of its sweep, whoever asks."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._results = serving.results
        self._made: dict[str, tuple[str, str]] = {}
        self._making = asyncio.Lock()

    async def index(self, request: "web.Request") -> "web.StreamResponse":
        """All sweeps, or the one that was named."""
        from aiohttp import web

        if self._serving.sweep:
            raise web.HTTPFound(f"/sweeps/{self._serving.sweep}")
        page = await asyncio.to_thread(self._index_page)
        return _html(page)

    async def page(self, request: "web.Request") -> "web.StreamResponse":
        """The report of a sweep as it is now."""
        name = request.match_info["name"]
        async with self._making:
            return _html(await asyncio.to_thread(self._page, name))

    async def stamp(self, request: "web.Request") -> "web.StreamResponse":
        """A text that changes when a page would."""
        name = request.match_info["name"]
        return _text(await asyncio.to_thread(self._stamp, name))

    async def index_stamp(self, request: "web.Request") -> "web.StreamResponse":
        """The same of the list."""
        return _text(await asyncio.to_thread(self._index_stamp))

    async def plotly(self, request: "web.Request") -> "web.StreamResponse":
        """The library that draws the figures."""
        from aiohttp import web

        script = await asyncio.to_thread(plotly_source)
        return web.Response(
            text=script, content_type="text/javascript", headers=_LONGEST
        )

    def _page(self, name: str) -> str:
        stamp = self._stamp(name)
        known = self._made.get(name)
        if known is None or known[0] != stamp:
            live = self._live(f"/sweeps/{name}/stamp", stamp)
            page = build_page(self._results, name, datetime.now(UTC), live)
            self._made = {name: (stamp, page)}  # one is kept: they are large
            return page
        return known[1]

    def _stamp(self, name: str) -> str:
        """Of what the sweep is, the files of its tables, and whether it runs."""
        about = self._results.sweep_description(name)
        store = self._results.store
        sizes = sorted(store.sizes(f"{name}/tables").items())
        return _digest([about, sizes, store.is_being_written(name)])

    def _index_page(self) -> str:
        live = self._live("/stamp", self._index_stamp())
        return render_index(self._results, live)

    def _live(self, ask: str, stamp: str) -> Live:
        return Live(ask, stamp, PLOTLY, self._serving.every_s)

    def _index_stamp(self) -> str:
        return _digest([str(line) for line in self._results.sweeps()])


def _guard(serving: Serving) -> Any:  # noqa: ANN401 aiohttp's middleware
    """Mistakes as one line; and only those who call this machine by its own name.

    A page elsewhere whose name was made to lead here (DNS rebinding) would read the
    store through a visitor's browser; the Host header is then its own.
    """
    from aiohttp import web

    @web.middleware
    async def guard(
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if serving.is_private and not _is_own(request.host):
            return _text("This page answers to localhost alone.\n", status=403)
        try:
            return await handler(request)
        except RaypgError as error:
            return _text(f"{error}\n", status=404)
        except OSError as error:
            return _text(f"The store does not answer: {error}\n", status=503)

    return guard


def _is_own(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _html(page: str) -> "web.Response":
    from aiohttp import web

    return web.Response(text=page, content_type="text/html", headers=_HEADERS)


def _text(text: str, status: int = 200) -> "web.Response":
    from aiohttp import web

    return web.Response(text=text, status=status, headers=_HEADERS)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
