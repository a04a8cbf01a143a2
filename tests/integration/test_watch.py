"""Streams over gRPC: state first, then every change; entries once and in order; cursors that go on or are stale."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from rollbook import Action, Mode
from rollbook.v1 import system_service_pb2, system_service_pb2_grpc, watch_pb2
from rollbook.v1.chain_pb2 import CHAIN_STATE_CLOSED, CHAIN_STATE_OPEN
from rollbook.v1.execution_pb2 import MODE_DRY_RUN, MODE_LIVE
from rollbook.v1.ledger_service_pb2_grpc import LedgerServiceStub
from tests.support.server import RunningServer
from tests.support.trading import EXPIRY, PUT, Trader, bought, execution, sold, trading


@pytest.fixture
def server(tmp_path: Any) -> Iterator[RunningServer]:
    with RunningServer(tmp_path / "ledger.db") as running:
        yield running


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as trader:
        yield trader


class Watch:
    """A stream that is read message by message."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def next(self) -> Any:
        return await asyncio.wait_for(self.call.read(), 20)

    async def until_bookmark(self) -> tuple[list[Any], int]:
        """All that comes up to the next bookmark, and its revision."""
        items: list[Any] = []
        while True:
            message = await self.next()
            items += message.chains if isinstance(message, watch_pb2.WatchChainsResponse) else message.entries
            if message.bookmark:
                return items, message.cursor.revision


@asynccontextmanager
async def watching(server: RunningServer, kind: str = "Chains", **request: Any) -> AsyncIterator[Watch]:
    async with grpc.aio.insecure_channel(server.target, [("grpc.enable_http_proxy", 0)]) as channel:
        stub: Any = LedgerServiceStub(channel)
        message = getattr(watch_pb2, f"Watch{kind}Request")(**request)
        call = getattr(stub, f"Watch{kind}")(message)
        yield Watch(call)
        call.cancel()


async def refused(server: RunningServer, kind: str = "Chains", **request: Any) -> tuple[str, str]:
    """Code and details of a watch that ends at once."""
    async with watching(server, kind, **request) as watch:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await watch.next()
    return error.value.code().name, error.value.details() or ""


async def test_state_first_then_changes(server: RunningServer, trader: Trader) -> None:
    """A new watcher gets the open chains and a bookmark, then each change, also of chains that it has not seen."""
    opened = await trader.open(sold("1", "0.02"))
    over = await trader.open(sold("1", "0.02", PUT))
    await trader.close(over.position_id, bought("1", "0.01", PUT))
    async with watching(server, account=trader.account) as watch:
        chains, revision = await watch.until_bookmark()
        assert [chain.position_id for chain in chains] == [opened.position_id]
        assert revision == 3
        await trader.close(opened.position_id, bought("0.4", "0.01"))
        chains, revision = await watch.until_bookmark()
        assert [(chain.position_id, chain.open_quantity, chain.state) for chain in chains] == [
            (opened.position_id, "0.6", CHAIN_STATE_OPEN)
        ]
        assert revision == 4


async def test_closed_chains_on_request(server: RunningServer, trader: Trader) -> None:
    """With include_closed the first state holds closed chains as well."""
    over = await trader.open(sold("1", "0.02"))
    await trader.close(over.position_id, bought("1", "0.01"))
    for include, states in ((False, []), (True, [CHAIN_STATE_CLOSED])):
        async with watching(server, include_closed=include) as watch:
            chains, _ = await watch.until_bookmark()
            assert [chain.state for chain in chains] == states


@pytest.mark.parametrize("kind", ["Chains", "Entries"])
async def test_a_watch_goes_on_from_its_cursor(kind: str, server: RunningServer, trader: Trader) -> None:
    """After a cursor come the changes since, and only those."""
    first = await trader.open(sold("1", "0.02"))
    async with watching(server, kind) as watch:
        seen, revision = await watch.until_bookmark()
        assert len(seen) == 1
        cursor = {"ledger_id": (await watch_status(server)).ledger_id, "after_revision": revision}
    await trader.close(first.position_id, bought("1", "0.01"))
    second = await trader.open(sold("1", "0.02", PUT))
    async with watching(server, kind, **cursor) as watch:
        seen, revision = await watch.until_bookmark()
        assert [item.position_id for item in seen] == [first.position_id, second.position_id]
        assert revision == 3


async def watch_status(server: RunningServer) -> Any:
    async with grpc.aio.insecure_channel(server.target, [("grpc.enable_http_proxy", 0)]) as channel:
        stub: Any = system_service_pb2_grpc.SystemServiceStub(channel)
        return await stub.GetServerStatus(system_service_pb2.GetServerStatusRequest())


@pytest.mark.parametrize("kind", ["Chains", "Entries"])
async def test_stale_cursors_are_refused(kind: str, server: RunningServer, trader: Trader) -> None:
    """A cursor of another ledger or of the future is OUT_OF_RANGE; one that makes no sense is INVALID_ARGUMENT."""
    await trader.open(sold("1", "0.02"))
    ours = (await watch_status(server)).ledger_id
    assert (await refused(server, kind, ledger_id="other", after_revision=1))[0] == "OUT_OF_RANGE"
    assert (await refused(server, kind, ledger_id=ours, after_revision=2))[0] == "OUT_OF_RANGE"
    assert (await refused(server, kind, after_revision=1))[0] == "INVALID_ARGUMENT"
    assert (await refused(server, kind, ledger_id=ours, after_revision=-1))[0] == "INVALID_ARGUMENT"
    assert (await refused(server, kind, bookmark_interval_ms=99))[0] == "INVALID_ARGUMENT"
    assert (await refused(server, kind, position_id="x"))[0] == "INVALID_ARGUMENT"


async def test_bookmarks_are_signs_of_life(server: RunningServer, trader: Trader) -> None:
    """Where nothing happens, or nothing that fits the filter, a bookmark comes at the interval, with a cursor that
    moves on."""
    async with watching(server, account="nobody", bookmark_interval_ms=100) as watch:
        assert await watch.until_bookmark() == ([], 0)
        assert await watch.until_bookmark() == ([], 0)
        await trader.open(sold("1", "0.02"))
        revision = 0
        while not revision:
            seen, revision = await watch.until_bookmark()
            assert seen == []
        assert revision == 1


@pytest.mark.parametrize("kind", ["Chains", "Entries"])
async def test_filters(kind: str, server: RunningServer, trader: Trader) -> None:
    """Account, mode, underlying, strategy and chain narrow a watch, its first state and its changes alike."""
    live = await trader.open(sold("1", "0.02"), strategy_name="weekly")
    dry = await trader.open(sold("1", "0.02"), mode=Mode.DRY_RUN)
    for wanted, expected in (
        ({"mode": MODE_LIVE}, [live]),
        ({"mode": MODE_DRY_RUN}, [dry]),
        ({"strategy_name": "weekly"}, [live]),
        ({"strategy_name": ""}, [dry]),
        ({"underlying": "BTC"}, [live, dry]),
        ({"underlying": "ETH"}, []),
        ({"account": trader.account, "position_id": dry.position_id}, [dry]),
        ({"account": "nobody"}, []),
    ):
        async with watching(server, kind, **wanted) as watch:
            seen, _ = await watch.until_bookmark()
            assert [item.position_id for item in seen] == [each.position_id for each in expected], wanted


async def test_a_large_settlement_is_resumed_in_its_middle(server: RunningServer, trader: Trader) -> None:
    """One revision of 600 entries comes in several messages; a watcher cut off between any two of them and resumed from
    its cursor has every entry, and each once by (revision, sequence)."""
    await trader.client.record_executions(
        [execution(Action.OPEN, sold("1", "0.02"), account=trader.account) for _ in range(300)]
    )
    await trader.client.record_executions(
        [execution(Action.OPEN, sold("1", "0.02"), account=trader.account) for _ in range(300)]
    )
    await trader.settle("105000", index_name="btc_usd", expiry_time=EXPIRY)
    ledger_id = (await watch_status(server)).ledger_id
    seen: dict[tuple[int, int], str] = {}
    after, cuts, complete = 600, 0, False
    while not complete:
        assert after == 600  # the settlement is not complete
        async with watching(server, "Entries", ledger_id=ledger_id, after_revision=after) as watch:
            cuts += 1
            for _ in range(cuts):
                message = await watch.next()
                seen |= {(entry.revision, entry.sequence): entry.position_id for entry in message.entries}
                after, complete = message.cursor.revision, message.bookmark
                if complete:
                    break
    assert cuts > 2
    assert after == 601
    assert list(seen) == [(601, sequence) for sequence in range(1, len(seen) + 1)]
    assert len({position_id for position_id in seen.values() if position_id}) == 600


async def test_watchers_that_leave(server: RunningServer, trader: Trader) -> None:
    """Watchers who leave in the middle of what is sent to them harm nobody, and nothing of them stays."""
    await trader.client.record_executions(
        [execution(Action.OPEN, sold("1", "0.02"), account=trader.account) for _ in range(500)]
    )
    for turn in range(30):
        async with watching(server, ("Chains", "Entries")[turn % 2]) as watch:
            for _ in range(turn % 3):
                await watch.next()
    while (await watch_status(server)).watchers:
        pass
    assert len(await trader.chains()) == 500


async def test_watchers_are_counted_and_told_of_the_end(tmp_path: Any) -> None:
    """GetServerStatus counts the open streams; a server that stops ends them at once as UNAVAILABLE."""
    with RunningServer(tmp_path / "ledger.db") as server:
        async with watching(server) as one, watching(server, "Entries") as other:
            await one.until_bookmark()
            await other.until_bookmark()
            assert (await watch_status(server)).watchers == 2
            server.stop()
            for watch in (one, other):
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await watch.next()
                assert error.value.code() is grpc.StatusCode.UNAVAILABLE
