"""The token: beyond this machine, and wherever one is named, nobody is let in without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rollbook_web.settings import Settings
from tests.support.page import PATIENCE, RunningPage, StartFailed, refused_socket
from tests.support.server import RunningServer

TOKEN = "a-token-beyond-guessing"


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture(scope="module")
def open_page(server: RunningServer, token_file: Path) -> Iterator[RunningPage]:
    with RunningPage(server.target, "--token-file", str(token_file), listen="0.0.0.0:0") as page:
        page.url = page.url.replace("0.0.0.0", "127.0.0.1")
        yield page
        said = "\n".join(page.said + page.complained)
        assert TOKEN not in said


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"])
def test_beyond_this_machine_it_is_required(listen: str) -> None:
    """A page that anybody could open is not to be had; on loopback it needs none."""
    with pytest.raises(ValueError, match="--token-file"):
        Settings.of(listen, "127.0.0.1:50051")
    assert Settings.of("[::1]:0", "127.0.0.1:50051").token is None


def test_without_one_it_does_not_start() -> None:
    """The command ends at once and says what it needs."""
    with pytest.raises(StartFailed, match="--token-file"), RunningPage("127.0.0.1:50051", listen="0.0.0.0:0"):
        pass


@pytest.mark.parametrize("listen", ["8080", "127.0.0.1", "example.com:80", "127.0.0.1:x", "127.0.0.1:70000", ":8080"])
def test_an_address_that_is_none(listen: str) -> None:
    """What cannot be listened at is told before anything is started."""
    with pytest.raises(ValueError, match="--listen"):
        Settings.of(listen, "127.0.0.1:50051")


@pytest.mark.parametrize("token", ["short", "", "a token of several words", "täken-with-an-umlaut"])
def test_a_poor_token_is_refused(token: str, tmp_path: Path) -> None:
    """What can be guessed or not be sent is no token, and is not repeated in the message."""
    path = tmp_path / "token"
    path.write_text(token, encoding="utf-8")
    with pytest.raises(ValueError, match="a token is one word") as failed:
        Settings.of("127.0.0.1:0", "127.0.0.1:50051", path)
    assert not token or token not in str(failed.value)


@pytest.mark.parametrize("shown", [None, "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ä"])
async def test_nothing_is_open_without_it(shown: str | None, open_page: RunningPage) -> None:
    """Pages lead to the login, all else is refused, the framework's files and websocket included."""
    headers = {"authorization": shown.encode()} if shown else {}
    async with open_page.asked(headers=headers) as http:
        for path in ("/api/positions/open", "/api/positions/stream", "/openapi.json", "/health", "/_nicegui/x"):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
        answer = await http.get("/lab", headers={"accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert await refused_socket(open_page) == 403


async def test_a_program_shows_it(open_page: RunningPage) -> None:
    """As a bearer token, over HTTP and in a websocket's handshake."""
    shown = {"authorization": f"Bearer {TOKEN}"}
    async with open_page.asked(headers=shown) as http:
        assert (await http.get("/health")).status_code == 200
    assert await refused_socket(open_page, additional_headers=shown) is None


async def test_a_browser_logs_in(open_page: RunningPage) -> None:
    """The form's token becomes a cookie that no script and no other page can use; it is not the token itand
    logging out takes it away."""
    async with open_page.asked() as http:
        form = await http.get("/login")
        assert (form.status_code, "<form" in form.text) == (200, True)
        wrong = await http.post("/login", data={"token": "wrong"})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        answer = await http.post("/login", data={"token": TOKEN}, headers={"origin": open_page.url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
        assert TOKEN not in cookie
        assert (await http.get("/health")).status_code == 200
        said = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
        assert await refused_socket(open_page, additional_headers={"cookie": said}) is None
        assert (await http.get("/login")).headers["location"] == "/"
        assert (await http.post("/logout", data={})).status_code == 415
        left = await http.post("/logout", headers={"content-type": "application/x-www-form-urlencoded"})
        assert left.headers["location"] == "/login"
        assert (await http.get("/health")).status_code == 401


async def test_the_form_is_for_our_own_page(open_page: RunningPage) -> None:
    """Another page cannot log a browser in, and nobody fills the memory with a form."""
    async with open_page.asked() as http:
        answer = await http.post("/login", data={"token": TOKEN}, headers={"origin": "http://evil.example"})
        assert answer.status_code == 403
        assert (await http.post("/login", json={"token": TOKEN})).status_code == 415
        assert (await http.post("/login", data={"token": "x" * 5000})).status_code == 413


async def test_hosts_are_checked_beyond_loopback_too(open_page: RunningPage) -> None:
    """The token does not open the page under a foreign name."""
    async with open_page.asked(headers={"authorization": f"Bearer {TOKEN}"}) as http:
        assert (await http.get("/health", headers={"host": "evil.example"})).status_code == 421


async def test_the_address_that_was_reached_is_known(open_page: RunningPage) -> None:
    """Bound to all addresses, the page answers to the one it was reached at, and to no other."""
    reached = f"127.0.0.2:{open_page.host.partition(':')[2]}"
    shown = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(headers=shown, timeout=PATIENCE, trust_env=False) as http:
        assert (await http.get(f"http://{reached}/health")).status_code == 200
        assert (await http.get(f"{open_page.url}/health", headers={"host": reached})).status_code == 421
