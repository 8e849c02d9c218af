"""Who is answered over HTTP, and what a mistake looks like there."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from raypg.errors import RaypgError
from raypg.results.report.address import Serving, is_own

if TYPE_CHECKING:
    from aiohttp import web

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def build_guard(serving: Serving) -> Any:  # noqa: ANN401 aiohttp's middleware
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
        if serving.is_private and not is_own(_host_of(request.host)):
            return text_answer("This page answers to localhost alone.\n", status=403)
        try:
            return await handler(request)
        except RaypgError as error:
            return text_answer(f"{error}\n", status=404)
        except OSError as error:
            return text_answer(f"The store does not answer: {error}\n", status=503)

    return guard


def html_answer(page: str) -> "web.Response":
    """A page, which no browser keeps."""
    from aiohttp import web

    return web.Response(text=page, content_type="text/html", headers=_HEADERS)


def text_answer(text: str, status: int = 200) -> "web.Response":
    """A few words."""
    from aiohttp import web

    return web.Response(text=text, status=status, headers=_HEADERS)


def _host_of(header: str) -> str:
    """A Host header without its port, and without the brackets of IPv6."""
    name = header.rsplit(":", 1)[0] if not header.endswith("]") else header
    return name.strip("[]")
