"""The one picture of the ledger: what changed after a version, for whoever looks, however long they looked away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from rollbook import AsyncClient, Mode, PositionChain
from rollbook.errors import Unimplemented
from rollbook_web import ledger_picture, live
from rollbook_web.ledger_picture import LedgerPicture
from tests.support.page import PATIENCE
from tests.support.server import RunningServer
from tests.support.trading import FAR_CALL, Trader, bought, mark, sold, trading


@asynccontextmanager
async def kept(target: str) -> AsyncIterator[LedgerPicture]:
    """A picture while it is kept."""
    picture = LedgerPicture()
    async with AsyncClient(target) as client:
        keeping = asyncio.create_task(picture.keep(client))
        try:
            yield picture
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def until(picture: LedgerPicture, met: Callable[[], bool]) -> None:
    """Waits for a version at which it is met."""
    async with asyncio.timeout(PATIENCE):
        while not met():
            await picture.after(picture.version)


def closed(chains: tuple[PositionChain, ...], trader: Trader) -> list[str]:
    """Of an account, in the order of their end."""
    return [chain.position_id for chain in chains if chain.account == trader.account]


async def test_what_changed_after_a_version(server: RunningServer, trader: Trader) -> None:
    """Chains that the ledger changed, those that are only worth something else, and those that closed are told apart;
    it is whole only when first values have come."""
    a, b = ((trader.account, name) for name in "ab")
    await trader.open(sold("1", "0.05", FAR_CALL), position_id="a")
    async with kept(server.target) as picture:
        assert picture.since(0).anew
        await until(picture, lambda: picture.complete)
        assert picture.mirror.valuations
        assert a in picture.since(0).chains
        await until(picture, lambda: a in picture.mirror.valuations)
        version = picture.version
        await trader.open(sold("1", "0.05", FAR_CALL), position_id="b")
        await until(picture, lambda: b in picture.mirror.chains)
        changes = picture.since(version)
        assert (changes.anew, changes.chains, changes.gone, picture.revised > version) == (False, (b,), (), True)
        await until(picture, lambda: b in picture.mirror.valuations)
        version, revised = picture.version, picture.revised
        await trader.client.update_marks([mark(FAR_CALL, "0.02")], mode=Mode.LIVE)
        await until(picture, lambda: {a, b} <= set(picture.since(version).valued))
        assert (picture.since(version).chains, picture.revised) == ((), revised)
        await trader.close("a", bought("1", "0.01", FAR_CALL))
        await until(picture, lambda: a not in picture.mirror.chains)
        changes = picture.since(version)
        assert (closed(changes.gone, trader), a in changes.chains, a in changes.valued) == (["a"], False, False)
        assert picture.since(picture.version) == ledger_picture.Changes(False, (), (), ())


async def test_who_looked_away_for_too_long_begins_anew(
    server: RunningServer, trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what closed only the newest is remembered; who may have missed something of it is not told a part of it."""
    monkeypatch.setattr(ledger_picture, "MOST_GONE", 2)
    async with kept(server.target) as picture:
        await until(picture, lambda: picture.complete)
        away_long, begun, versions = picture.version, picture.begun, []
        for name in ("a", "b", "c"):
            versions.append(picture.version)
            await trader.open(sold("1", "0.05", FAR_CALL), position_id=name)
            await trader.close(name, bought("1", "0.01", FAR_CALL))
            await until(picture, lambda: (trader.account, name) in picture.gone)  # noqa: B023
        assert picture.since(away_long).anew
        assert closed(picture.since(versions[1]).gone, trader) == ["b", "c"]
        assert picture.begun == begun  # what is read once is not to be read again for it


async def test_it_is_old_while_the_server_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures stay, and it is known since when they are old; it goes on where it was, also after a stranger at the
    address has refused it. Another ledger begins anew."""
    monkeypatch.setattr(live, "ANEW", 0.1)
    grace = ("--grace", "0.2")
    server = RunningServer(tmp_path / "ledger.db", *grace)
    server.start()
    target = server.target
    async with kept(target) as picture, trading(target) as trader:
        await trader.open(sold("1", "0.05", FAR_CALL), position_id="a")
        await until(picture, lambda: picture.complete and bool(picture.mirror.valuations))
        version, begun, heard = picture.version, picture.begun, picture.heard
        server.kill()
        await until(picture, lambda: picture.stale_since is not None and picture.failure is not None)
        assert heard is not None
        assert picture.stale_since is not None
        assert picture.stale_since >= heard
        assert len(picture.mirror.chains) == 1
        stranger = grpc.aio.server()
        stranger.add_insecure_port(target)
        await stranger.start()
        await until(picture, lambda: isinstance(picture.failure, Unimplemented))
        await stranger.stop(None)
        with RunningServer(tmp_path / "ledger.db", *grace, listen=target):
            await until(picture, lambda: picture.stale_since is None)
            changes = picture.since(version)
            assert (picture.begun, changes.anew, changes.chains, picture.failure) == (begun, False, (), None)
        await until(picture, lambda: picture.stale_since is not None)
        with RunningServer(tmp_path / "other.db", *grace, listen=target):
            await until(picture, lambda: picture.complete and picture.stale_since is None)
            assert (picture.begun > begun, picture.since(version).anew, picture.mirror.chains) == (True, True, {})
