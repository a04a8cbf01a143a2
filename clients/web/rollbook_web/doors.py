"""The doors: who may ask, for HTTP and websocket alike. Plain ASGI, because another middleware sees no websocket."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollbook_web.problems import Problem

FORMS = ("/login", "/logout")
FRAMEWORK = "/_nicegui"
"""What the page's framework posts has kinds of its own; like all else it comes from our own pages only."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")

HEADERS = {
    # The page's framework compiles its templates in the browser: without unsafe-eval it stays empty.
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Doors:
    """Lets in who asks for the page by one of its names, and from no other page."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = self._refusal(Headers(scope=scope), scope)
        if refused is None:
            await self._app(scope, receive, _guarded(send))
        elif scope["type"] == "websocket":
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: HTTP 403
        else:
            await refused(scope, receive, _guarded(send))

    def _refusal(self, headers: Headers, scope: Scope) -> Problem | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name(hosts[0]) not in {*self._names, str((scope.get("server") or ("",))[0])}:
            return Problem(421, "this page is not known by that name")
        for origin in headers.getlist("origin"):
            if urlsplit(origin).netloc.lower() != hosts[0].lower():
                return Problem(403, "another page may not ask here")
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "DELETE") and not _fits(headers, scope):
            return Problem(415, "send application/json")
        return None


def _fits(headers: Headers, scope: Scope) -> bool:
    """Whether what is sent is of the kind that only our own pages can send without being asked for leave."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if scope["path"].startswith(FRAMEWORK):
        return True
    if scope["path"] in FORMS:
        return kind == "application/x-www-form-urlencoded"
    empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    return kind == "application/json" or (empty and not kind)


def _name(host: str) -> str:
    """The name in a Host header: without the port, and an IPv6 address without its brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded
