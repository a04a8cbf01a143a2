"""What one client is told, the other is told: both at one real server, the second repeating what the first one asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

import pytest

from rollbook import (
    Action,
    AsyncClient,
    ChainState,
    ErrorReason,
    ExecutionResult,
    FailedPrecondition,
    InvalidArgument,
    LedgerError,
    Mode,
    NotFound,
    RecordFillsRequest,
    RecordSettlementRequest,
    new_request_id,
)
from tests.support.in_threads import CLIENTS
from tests.support.server import RunningServer
from tests.support.trading import (
    CALL,
    HIGHER_CALL,
    JuneServers,
    bought,
    execution,
    figures,
    mark,
    new_account,
    order,
    sold,
)

Answer = TypeVar("Answer")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JuneServers]:
    with JuneServers(tmp_path_factory.mktemp("alike")) as servers:
        yield servers


@pytest.fixture
def server(servers: JuneServers) -> RunningServer:
    return servers.server()


def opening() -> ExecutionResult:
    """A chain's first execution, the same for whoever sends it."""
    return execution(Action.OPEN, sold("1", "0.02"))


async def walked(items: AsyncIterator[Answer]) -> list[Answer]:
    return [item async for item in items]


class Both:
    """Two clients of one account: the first one asks, the second repeats it."""

    def __init__(self, first: AsyncClient, second: AsyncClient) -> None:
        self.first = first
        self.second = second

    async def told(self, ask: Callable[[AsyncClient], Awaitable[Answer]]) -> Answer:
        """The answer that both are given."""
        first, second = await ask(self.first), await ask(self.second)
        assert first == second
        return first

    async def refused(self, ask: Callable[[AsyncClient], Awaitable[object]]) -> LedgerError:
        """The error that both raise."""
        with pytest.raises(LedgerError) as first:
            await ask(self.first)
        with pytest.raises(LedgerError) as second:
            await ask(self.second)
        assert (first.type, vars(first.value)) == (second.type, vars(second.value))
        return first.value


@pytest.fixture(params=[("AsyncClient", "Client"), ("Client", "AsyncClient")], ids=" then ".join)
async def both(server: RunningServer, request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    account = new_account()
    first, second = (CLIENTS[name](server.target, account=account) for name in request.param)
    async with first, second:
        yield Both(first, second)


async def test_a_chain_from_its_opening_to_its_settlement(both: Both) -> None:
    """All commands of a chain's life have one effect and one answer, whichever client repeats them; what they made is
    read alike."""
    first = execution(Action.OPEN, sold("2", "0.02"), orders=(order("order-1", quantity="3"),))
    opened = await both.told(lambda client: client.record_execution(first))
    fills = (sold("1", "0.03", order_id="order-1"),)
    late = RecordFillsRequest(request_id=new_request_id(), mode=Mode.LIVE, fills=fills)
    assert (await both.told(lambda client: client.record_fills(late))).position_ids == (opened.position_id,)

    closings = [execution(Action.CLOSE, bought("1", "0.01"), position_id=opened.position_id) for _ in range(4)]
    batch = await both.told(lambda client: client.record_executions(closings[:2]))
    assert [result.refused for result in batch.results] == [None, None]
    batch_id = new_request_id()
    error = await both.refused(lambda client: client.record_executions(closings[2:], atomic=True, request_id=batch_id))
    assert (type(error), error.metadata["index"], error.request_id) == (FailedPrecondition, "1", batch_id)

    delivery = RecordSettlementRequest(
        request_id=new_request_id(), mode=Mode.LIVE, symbol=CALL, delivery_price=Decimal(99000)
    )
    settled = await both.told(lambda client: client.record_settlement(delivery))
    view = await both.told(lambda client: client.get_chain(opened.position_id))
    assert view.chain is not None
    assert (view.chain.state, view.chain.net_pnl) == (ChainState.CLOSED, Decimal("0.05"))
    status = await both.told(lambda client: client.get_server_status())
    assert (status.revision, view.chain.revision) == (view.revision, settled.revision)


async def test_a_refusal_and_its_correction(both: Both) -> None:
    """Both are refused alike, with all that a bot needs to correct its execution, and the correction is one again."""
    wrong = execution(Action.CLOSE, bought("1", "0.01"), position_id="pos-nowhere")
    error = await both.refused(lambda client: client.record_execution(wrong))
    assert (type(error), error.reason, error.request_id) == (NotFound, ErrorReason.POSITION_NOT_FOUND, wrong.request_id)
    page = await both.told(lambda client: client.list_refused_executions())
    assert [figures(refusal, "request_id", "attempts") for refusal in page.refusals] == [(wrong.request_id, 2)]
    right = replace(opening(), request_id=wrong.request_id)
    recorded = await both.told(lambda client: client.record_execution(right))
    [refusal] = await both.told(lambda client: walked(client.iterate_refused_executions(include_resolved=True)))
    assert refusal.resolved_revision == recorded.revision


async def test_pages_and_walks(both: Both) -> None:
    """A page of one client can be gone on from by the other, and both walk the same way."""
    openings = [opening() for _ in range(5)]
    await both.told(lambda client: client.record_executions(openings))
    page = await both.told(lambda client: client.list_chains(page_size=2))
    rest = await both.told(lambda client: client.list_chains(page_size=3, page_token=page.next_page_token))
    chains = await both.told(lambda client: walked(client.iterate_chains(page_size=2)))
    assert chains == [*page.chains, *rest.chains]
    entries = await both.told(lambda client: walked(client.iterate_entries(page_size=2)))
    openings_told = [entry.position_id for entry in entries if entry.execution]
    assert openings_told == [chain.position_id for chain in chains[::-1]]
    error = await both.refused(lambda client: walked(client.iterate_entries(page_token="of another list")))
    assert (type(error), error.field) == (InvalidArgument, "page_token")


async def test_marks_and_the_portfolio(both: Both) -> None:
    """What one client marks, both see in values and totals."""
    command = opening()
    opened = await both.told(lambda client: client.record_execution(command))
    taken = await both.first.update_marks([mark(CALL, "0.015")], mode=Mode.LIVE)
    known = await both.second.update_marks([mark(CALL, "0.015"), mark(HIGHER_CALL, "0.01")], mode=Mode.LIVE)
    assert figures(taken, "accepted", "ignored_symbols") == (1, ())
    assert figures(known, "accepted", "ignored_symbols") == (1, (CALL,))
    view = await both.told(lambda client: client.get_chain(opened.position_id))
    assert view.valuation is not None
    assert view.valuation.unrealized_pnl == Decimal("0.005")
    portfolio = await both.told(lambda client: client.get_portfolio(mode=Mode.LIVE))
    assert [row.open_chains for row in portfolio.rows] == [1]
    assert [value.unrealized_pnl for value in portfolio.valuations] == [Decimal("0.005")]
