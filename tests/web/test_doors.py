"""Who may ask: Host, Origin, content type and token, for HTTP and websocket alike."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.support.page import RunningPage, refused_socket
from tests.support.server import RunningServer

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "10.0.0.1", ""])
async def test_a_foreign_host_is_refused(host: str, page: RunningPage, http: httpx.AsyncClient) -> None:
    """A name that somebody made point here is not ours: neither page nor JSON nor websocket answers to it."""
    named = host.replace("{port}", page.host.partition(":")[2])
    for path in ("/", "/api/positions/open", "/openapi.json", "/api/positions/stream"):
        answer = await http.get(path, headers={"host": named})
        assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json"), path
    if named:
        assert await refused_socket(page, named) == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1", "null", "http://localhost:1"])
async def test_a_foreign_origin_is_refused(origin: str, page: RunningPage, http: httpx.AsyncClient) -> None:
    """What another page asks through the browser of ours is refused, a websocket before it is open."""
    for method, path in (("GET", "/"), ("GET", "/api/positions/stream"), ("POST", "/api/backtest/stop")):
        answer = await http.request(method, path, headers={"origin": origin, **JSON})
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json"), path
    assert await refused_socket(page, origin=origin) == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_our_own_names_are_let_in(name: str, page: RunningPage, http: httpx.AsyncClient) -> None:
    """This machine by each of its names, at any port: a tunnel may lead here."""
    for host in (name, f"{name}:9999"):
        headers = {"host": host, "origin": f"http://{host}"}
        assert (await http.get("/health", headers=headers)).status_code == 200
    assert await refused_socket(page, origin=page.url) is None
    assert await refused_socket(page) is None  # a program has no origin


async def test_a_further_name_is_let_in(server: RunningServer) -> None:
    """Whoever has a proxy in front of the page says its name."""
    with RunningPage(server.target, "--name", "book.example") as page:
        async with page.asked() as http:
            for host, status in (("book.example", 200), ("other.example", 421)):
                answer = await http.get("/health", headers={"host": host, "origin": f"https://{host}"})
                assert answer.status_code == status


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""]
)
async def test_only_json_changes_anything(kind: str, http: httpx.AsyncClient) -> None:
    """What any page's form can send is refused by its content type."""
    for path in ("/api/backtest/start", "/api/backtest/stop", "/api/backtest/pause", "/api/backtest/resume"):
        answer = await http.post(path, content=b"{}", headers={"content-type": kind} if kind else {})
        assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")


async def test_a_get_changes_nothing(http: httpx.AsyncClient) -> None:
    """A link or a picture starts and stops nothing: what changes something has no GET."""
    for path in ("start", "stop", "pause", "resume"):
        assert (await http.get(f"/api/backtest/{path}")).status_code == 404


async def test_answers_say_how_to_be_treated(http: httpx.AsyncClient) -> None:
    """No guessing of types, no frame around the page, nothing from elsewhere; no cache keeps a figure."""
    for path in ("/", "/api/positions/open", "/api/nonsense", "/openapi.json"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "same-origin"
    assert (await http.get("/api/positions/open")).headers["cache-control"] == "no-store"


async def test_no_page_asks_anybody_else(http: httpx.AsyncClient) -> None:
    """Every address in a page and in the API's description is this one's."""
    for path in ("/", "/closed", "/lab", "/system", "/openapi.json"):
        answer = await http.get(path)
        assert answer.status_code == 200
        assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", answer.text)
        assert '@import url("http' not in answer.text
