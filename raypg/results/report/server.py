"""Reports over HTTP that follow running sweeps: made when they are asked for."""

import asyncio
import hashlib
import json
import socket
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from raypg.results.report.address import Serving
from raypg.results.report.guard import build_guard, html_answer, text_answer
from raypg.results.report.page import (
    Live,
    build_page,
    plotly_source,
    render_index,
)

if TYPE_CHECKING:
    from aiohttp import web

PLOTLY = f"/plotly-{version('plotly')}.min.js"
"""Fetched once: a page that follows a sweep is made anew every few seconds."""

_LONGEST = {"Cache-Control": "public, max-age=31536000, immutable"}


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
    app = web.Application(middlewares=[build_guard(serving)])
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
        return html_answer(page)

    async def page(self, request: "web.Request") -> "web.StreamResponse":
        """The report of a sweep as it is now."""
        name = request.match_info["name"]
        async with self._making:
            return html_answer(await asyncio.to_thread(self._page, name))

    async def stamp(self, request: "web.Request") -> "web.StreamResponse":
        """A text that changes when a page would."""
        name = request.match_info["name"]
        return text_answer(await asyncio.to_thread(self._stamp, name))

    async def index_stamp(self, request: "web.Request") -> "web.StreamResponse":
        """The same of the list."""
        return text_answer(await asyncio.to_thread(self._index_stamp))

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


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
