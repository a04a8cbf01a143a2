"""The token: a browser shows it once and gets a cookie, a program shows it each time. Plain ASGI, so that no websocket
goes around it.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rollbook_web.problems import Problem

COOKIE = "rollbook_web"
DAYS = 30
LARGEST = 4096
"""Bytes of a form: nobody who is not let in yet may send more."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rollbook</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 1rem/1.5 system-ui, sans-serif; display: grid; place-content: center; min-height: 90vh }}
  form {{ display: grid; gap: .75rem; width: 18rem }}
  input, button {{ font: inherit; padding: .5rem }}
</style>
<main>
  <h1>Rollbook</h1>
  <form method="post" action="/login">
    <label for="token">Token</label>
    <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
    <button>Open</button>
    <p role="alert">{said}</p>
  </form>
</main>
</html>
"""


class Login:
    """Lets in who has the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()
        # Not the token: what a browser keeps is of no use as a bearer, and a new token ends all sessions.
        self._session = hmac.digest(self._token, b"rollbook-web session", hashlib.sha256).hex()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in ("/login", "/logout"):
            answer = await self._door(Request(scope, receive))
            await answer(scope, receive, send)
        elif self._known(HTTPConnection(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _unknown(Headers(scope=scope), scope["method"])(scope, receive, send)

    def _known(self, asking: HTTPConnection) -> bool:
        kind, _, shown = asking.headers.get("authorization", "").partition(" ")
        bearer = kind.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), self._token)
        return bearer or hmac.compare_digest(asking.cookies.get(COOKIE, "").encode(), self._session.encode())

    async def _door(self, request: Request) -> Response:
        if request.method != "POST":
            return RedirectResponse("/", 303) if self._known(request) else _page("")
        if request.url.path == "/logout":
            answer: Response = RedirectResponse("/login", 303)
            answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
            return answer
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST:
                return Problem(413, f"a form has at most {LARGEST:,} bytes")
        shown = parse_qs(body.decode(errors="replace")).get("token", [""])[0].strip()
        if not hmac.compare_digest(shown.encode(), self._token):
            return _page("That is not the token.", 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, self._session, max_age=DAYS * 86400, httponly=True, samesite="strict")
        return answer


def _page(said: str, status: int = 200) -> Response:
    return HTMLResponse(PAGE.format(said=said), status, {"cache-control": "no-store"})


def _unknown(headers: Headers, method: str) -> Response:
    if method == "GET" and "text/html" in headers.get("accept", ""):
        return RedirectResponse("/login", 303)
    answer = Problem(401, "show the token: Authorization: Bearer …, or log in at /login")
    answer.headers["www-authenticate"] = "Bearer"
    return answer
