"""Server-sent events: what happens in the ledger is told, once, and gone on with after an interruption."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from rollbook import AsyncClient, Mode
from rollbook_web.events import Event, EventStream
from tests.support.page import PATIENCE, RunningPage, Said, events
from tests.support.server import RunningServer
from tests.support.trading import FAR_CALL, Trader, bought, mark, sold, trading

STREAM = "/api/positions/stream"
Told = AsyncGenerator[Said, None]


async def first(told: Told, name: str, account: str = "") -> Said:
    """The next event of a name; with an account, the next one that has a position of it, open or gone."""
    async with asyncio.timeout(PATIENCE):
        async for said in told:
            rows = [*said.data.get("positions", ()), *said.data.get("gone", ())]
            if said.name == name and (not account or any(row["account"] == account for row in rows)):
                return said
    raise AssertionError("the stream ended")


def ids(said: Said, account: str, of: str = "positions") -> list[str]:
    """The positions of an account in an event."""
    return [row["position_id"] for row in said.data[of] if row["account"] == account]


async def until_told(http: httpx.AsyncClient, account: str, *names: str) -> str:
    """Waits until a page knows that positions are open, and returns the id of the event that told the last of them."""
    missing = set(names)
    async with asyncio.timeout(PATIENCE), events(http, STREAM) as told:
        async for said in told:
            if said.name in ("reset", "changes"):
                missing -= set(ids(said, account))
                if not missing:
                    return said.id
    raise AssertionError("the stream ended")


async def until_watched_by(client: AsyncClient, count: int) -> None:
    """Waits until the server has so many watchers."""
    async with asyncio.timeout(PATIENCE):
        while (await client.get_server_status()).watchers != count:
            pass


async def test_what_happens_is_told(trader: Trader, http: httpx.AsyncClient) -> None:
    """First the present state, then each change as it comes: opened, marked, closed. Nobody asks again for it."""
    async with events(http, STREAM) as told:
        begun = await first(told, "reset")
        assert begun.data["reason"] is None
        assert ids(begun, trader.account) == []
        await trader.open(sold("1", "0.05", FAR_CALL, fee="0.0003"), position_id="a")
        opened = await first(told, "changes", trader.account)
        assert ids(opened, trader.account) == ["a"]
        assert opened.id.partition(":")[0] == begun.id.partition(":")[0]
        await trader.client.update_marks([mark(FAR_CALL, "0.02")], mode=Mode.LIVE)
        while True:
            valued = await first(told, "values", trader.account)
            (row,) = [row for row in valued.data["positions"] if row["account"] == trader.account]
            if row["mark_price"] is not None:
                break
        answer = await http.get("/api/positions/open", params={"account": trader.account})
        assert row == {**answer.json()["positions"][0], "dte": row["dte"]}
        assert row["unrealized_pnl_native"] == "0.03"
        await trader.close("a", bought("1", "0.01", FAR_CALL))
        closed = await first(told, "changes", trader.account)
        assert closed.data["gone"] == [{"account": trader.account, "position_id": "a", "close_reason": "BOUGHT_BACK"}]
        assert ids(closed, trader.account) == []


async def test_it_goes_on_where_it_was(trader: Trader, server: RunningServer, http: httpx.AsyncClient) -> None:
    """With the last id only what changed since is told, what closed meanwhile included; also by a page that was
    restarted in between."""
    await trader.open(sold("1", "0.05", FAR_CALL), position_id="kept")
    await trader.open(sold("1", "0.05", FAR_CALL), position_id="closed")
    last_id = await until_told(http, trader.account, "kept", "closed")
    await trader.close("closed", bought("1", "0.01", FAR_CALL))
    await trader.open(sold("1", "0.05", FAR_CALL), position_id="new")
    with RunningPage(server.target) as page:
        async with page.asked() as other, events(other, STREAM, last_id) as told:
            missed = await anext(told)
            assert (missed.name, ids(missed, trader.account)) == ("changes", ["new"])
            assert ids(missed, trader.account, "gone") == ["closed"]
    async with events(http, STREAM, last_id) as told:
        missed = await anext(told)
        assert (missed.name, ids(missed, trader.account)) == ("changes", ["new"])
        assert ids(missed, trader.account, "gone") == ["closed"]
        worth = await anext(told)
        assert (worth.name, "kept" in ids(worth, trader.account)) == ("values", True)
        await trader.close("kept", bought("1", "0.01", FAR_CALL))
        while True:
            later = await first(told, "changes", trader.account)
            if "kept" in ids(later, trader.account, "gone"):
                break
    async with events(http, STREAM, later.id) as told:
        nothing = await anext(told)
        assert (nothing.name, nothing.data["positions"], nothing.data["gone"]) == ("changes", [], [])


@pytest.mark.parametrize(
    "last_id", ["nonsense", "0b4ba2c6-8b53-4d8f-8d28-a8bb9d4ffb32:1", "{ledger}:999999999"], ids=str
)
async def test_a_foreign_or_stale_id_starts_over(last_id: str, trader: Trader, http: httpx.AsyncClient) -> None:
    """An id of another ledger, of the future, or of nothing at all: the whole state again, and the reason with it."""
    await trader.open(sold("1", "0.05", FAR_CALL), position_id="a")
    await until_told(http, trader.account, "a")
    ledger = (await trader.client.get_server_status()).ledger_id
    async with events(http, STREAM, last_id.replace("{ledger}", ledger)) as told:
        begun = await anext(told)
    assert begun.name == "reset"
    assert begun.data["reason"]
    assert ids(begun, trader.account) == ["a"]


async def test_all_look_at_one_watch(trader: Trader, page: RunningPage) -> None:
    """However many look, the ledger is watched once; and a browser that came again leaves no watch behind."""
    await until_watched_by(trader.client, 1)
    async with page.asked() as one, page.asked() as other:
        async with events(one, STREAM) as told, events(other, STREAM) as also:
            begun = await first(told, "reset")
            await first(also, "reset")
            assert (await trader.client.get_server_status()).watchers == 1
            await trader.open(sold("1", "0.05", FAR_CALL), position_id="a")
            for each in (told, also):
                await first(each, "changes", trader.account)
        async with events(one, STREAM, begun.id) as told:
            assert ids(await first(told, "changes"), trader.account) == ["a"]
            await until_watched_by(trader.client, 1)


class Endless:
    """Events without an end, and how many were asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.ended = asyncio.Event()

    async def events(self) -> AsyncGenerator[Event, None]:
        try:
            while True:
                self.asked += 1
                yield Event("changes", {"number": self.asked})
        finally:
            self.ended.set()


@pytest.mark.parametrize("end", ["the browser goes", "the process stops"])
async def test_who_does_not_read_is_not_written_for(end: str) -> None:
    """A reader that takes nothing holds up its own stream: nothing is gathered for it. It ends when the browser is gone
    or the process stops, and with it what it reads from."""
    endless, stuck, gone, closing = Endless(), asyncio.Event(), asyncio.Event(), asyncio.Event()
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)
        if len(sent) == 4:
            stuck.set()
            await asyncio.Event().wait()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    stream = EventStream(endless.events(), closing)
    running = asyncio.create_task(stream({"type": "http"}, receive, send))
    async with asyncio.timeout(PATIENCE):
        await stuck.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert endless.asked == 2
        (gone if end == "the browser goes" else closing).set()
        await running
    assert endless.ended.is_set()


async def test_the_server_dies_and_comes_back(tmp_path: Path) -> None:
    """While it is away the stream says since when, other questions get 503 and when to ask again; then it goes on with
    what was missed, and nobody has to reload. A ledger that is another one begins anew, with the reason."""
    grace = ("--grace", "0.2")  # of streams, which have no end of their own
    server = RunningServer(tmp_path / "ledger.db", *grace)
    server.start()
    target = server.target
    with RunningPage(target) as page:
        async with page.asked() as http, events(http, STREAM) as told:
            await first(told, "reset")
            server.kill()
            away = await first(told, "away")
            assert away.data["since"].endswith("Z")
            assert away.data["detail"]
            answer = await http.get("/health")
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert answer.headers["retry-after"] == "1"
            with RunningServer(tmp_path / "ledger.db", *grace, listen=target):
                await first(told, "back")
                assert (await http.get("/health")).status_code == 200
                async with trading(target) as trader:
                    await trader.open(sold("1", "0.05", FAR_CALL), position_id="a")
                    assert ids(await first(told, "changes"), trader.account) == ["a"]
            await first(told, "away")
            with RunningServer(tmp_path / "other.db", *grace, listen=target):
                begun = await first(told, "reset")
                assert (begun.data["positions"], bool(begun.data["reason"])) == ([], True)
            assert page.stop() == 0
            assert [said async for said in told if said.name != "away"] == []
        assert page.complained == []


async def test_a_server_that_says_nothing_is_away(tmp_path: Path) -> None:
    """One that has stopped without hanging up is called away too, and is back as soon as it is heard again."""
    with (
        RunningServer(tmp_path / "ledger.db") as server,
        RunningPage(server.target) as page,
    ):
        async with page.asked() as http, events(http, STREAM) as told:
            await first(told, "reset")
            os.kill(server.pid, signal.SIGSTOP)
            try:
                away = await first(told, "away")
            finally:
                os.kill(server.pid, signal.SIGCONT)
            assert away.data["since"].endswith("Z")
            await first(told, "back")
