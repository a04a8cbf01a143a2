"""What is asked: lists and their pages, totals, marks and values; and the server: its state, its start, its stop."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import rollbook
from rollbook import (
    Action,
    ChainOrder,
    ChainState,
    ExecutionStatus,
    Mode,
    PortfolioRow,
    PositionChain,
    Side,
    StrategyKind,
)
from rollbook.v1 import ledger_service_pb2, ledger_service_pb2_grpc
from tests.support.server import RunningServer, StartFailed
from tests.support.trading import (
    CALL,
    ETH_CALL,
    EXPIRY,
    FAR_CALL,
    HIGHER_CALL,
    LATER_CALL,
    PUT,
    USDC_CALL,
    JuneServers,
    Trader,
    bought,
    execution,
    figures,
    june,
    mark,
    new_account,
    order,
    prove,
    sold,
    trading,
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JuneServers]:
    with JuneServers(tmp_path_factory.mktemp("queries")) as servers:
        yield servers


@pytest.fixture
def server(servers: JuneServers) -> RunningServer:
    return servers.server()


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as trader:
        yield trader


async def many(trader: Trader, count: int, **more: Any) -> list[str]:
    """So many chains, oldest first."""
    batch = [execution(Action.OPEN, sold("1", "0.02"), **more) for _ in range(count)]
    answer = await trader.client.record_executions(batch)
    return [result.recorded.position_id for result in answer.results if result.recorded]


# Pages


@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_of_chains_while_rows_change(newest_first: bool, trader: Trader) -> None:
    """While chains are opened, changed and closed between pages, each chain that was there is listed once, in order,
    and none that came later."""
    there = await many(trader, 12)
    order = ChainOrder.NEWEST_FIRST if newest_first else ChainOrder.OLDEST_FIRST
    seen: list[str] = []
    token = ""
    for number in range(100):
        page = await trader.client.list_chains(order=order, page_size=5, page_token=token)
        seen += [chain.position_id for chain in page.chains]
        token = page.next_page_token
        if not token:
            break
        await many(trader, 2)
        await trader.close(there[number], bought("1", "0.01"))
        await trader.add(there[-1 - number], sold("1", "0.01", HIGHER_CALL))
    assert seen == (there[::-1] if newest_first else there)


async def test_a_page_shows_its_revision_and_its_rows_as_they_are(trader: Trader) -> None:
    """Each page names the revision that it reflects, and shows its rows as of that one."""
    there = await many(trader, 3)
    first = await trader.client.list_chains(order=ChainOrder.OLDEST_FIRST, page_size=2)
    closed = await trader.close(there[2], bought("1", "0.01"))
    second = await trader.client.list_chains(
        order=ChainOrder.OLDEST_FIRST, page_size=2, page_token=first.next_page_token
    )
    assert first.revision < closed.revision <= second.revision
    assert [figures(chain, "position_id", "state") for chain in second.chains] == [(there[2], ChainState.CLOSED)]


@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_of_entries_in_both_directions(newest_first: bool, trader: Trader) -> None:
    """The journal is listed in the order of (revision, sequence), each entry once, while others are added."""
    batch = [execution(Action.OPEN, sold("1", "0.02")) for _ in range(4)]
    await trader.client.record_executions(batch, atomic=True)
    await many(trader, 7)
    there = [figures(entry, "revision", "sequence") for entry in (await trader.client.list_entries()).entries]
    assert len(there) == 11
    assert there == sorted(there)
    assert [sequence for _, sequence in there[:4]] == [1, 2, 3, 4]
    seen: list[Any] = []
    token = ""
    while True:
        page = await trader.client.list_entries(newest_first=newest_first, page_size=3, page_token=token)
        seen += [figures(entry, "revision", "sequence") for entry in page.entries]
        token = page.next_page_token
        if not token:
            break
        await many(trader, 1)
    assert seen == (there[::-1] if newest_first else there)


async def test_entries_after_a_revision_and_of_one_chain(trader: Trader) -> None:
    """Entries can be asked for after a revision, and of one chain; page after page is the whole."""
    one, other = await many(trader, 2)
    added = await trader.add(one, sold("1", "0.01", HIGHER_CALL))
    await trader.close(other, bought("1", "0.01"))
    of_one = [entry async for entry in trader.client.iterate_entries(position_id=one, page_size=1)]
    assert [entry.position_id for entry in of_one] == [one, one]
    assert tuple(of_one) == (await trader.view(one)).entries
    later = (await trader.client.list_entries(after_revision=added.revision)).entries
    assert [entry.position_id for entry in later] == [other]
    whole = [entry async for entry in trader.client.iterate_entries(page_size=2, account="")]
    assert [entry.revision for entry in whole] == sorted(entry.revision for entry in whole)
    assert {entry.revision for entry in whole} == set(range(1, whole[-1].revision + 1))


async def test_page_sizes(trader: Trader) -> None:
    """0 is 50, more than 500 is 500; the last page has no token."""
    skipped = [execution(Action.OPEN, status=ExecutionStatus.SKIPPED) for _ in range(500)]
    await trader.client.record_executions(skipped)
    await trader.open(status=ExecutionStatus.SKIPPED)
    sizes = {}
    for size in (0, 1, 500, 501, 2**31 - 1):
        page = await trader.client.list_entries(page_size=size)
        sizes[size] = (len(page.entries), bool(page.next_page_token))
    assert sizes == {0: (50, True), 1: (1, True), 500: (500, True), 501: (500, True), 2**31 - 1: (500, True)}
    exact = await trader.client.list_entries(after_revision=(await last_revision(trader)) - 500, page_size=500)
    assert (len(exact.entries), exact.next_page_token) == (500, "")


async def last_revision(trader: Trader) -> int:
    [newest] = (await trader.client.list_entries(newest_first=True, page_size=1)).entries
    return newest.revision


async def test_pages_of_refusals_newest_first(trader: Trader) -> None:
    """Refusals are listed newest first, each once, while others are refused and resolved."""
    ids = []
    for _ in range(7):
        bad = execution(Action.ADD, sold("1", "0.02"), position_id="nobody")
        ids.append(bad.request_id)
        with pytest.raises(rollbook.NotFound):
            await trader.record(bad)
    seen: list[str] = []
    token = ""
    while True:
        page = await trader.client.list_refused_executions(page_size=3, page_token=token)
        seen += [each.request_id for each in page.refusals]
        token = page.next_page_token
        if not token:
            break
        with pytest.raises(rollbook.NotFound):
            await trader.add("nobody", sold("1", "0.02"))
    assert seen == ids[::-1]


async def test_filters_of_chains(trader: Trader) -> None:
    """Each filter leaves what it says, and filters are joined by "and"; a range begins with its first instant and ends
    before its last."""
    call = await trader.open(sold("1", "0.02", time=june(1)), strategy_name="wheel")
    put = await trader.open(
        sold("1", "0.02", PUT, time=june(2)), strategy=StrategyKind.CASH_SECURED_PUT, mode=Mode.DRY_RUN
    )
    eth = await trader.open(sold("1", "0.02", ETH_CALL, time=june(3)))
    waiting = await trader.open(orders=(order("o-1"),), status=ExecutionStatus.RESTING)
    await trader.close(call.position_id, bought("1", "0.01", time=june(5)), strategy_name="wheel")
    names = {
        call.position_id: "call",
        put.position_id: "put",
        eth.position_id: "eth",
        waiting.position_id: "waiting",
    }

    async def found(**filters: Any) -> set[str]:
        return {names[chain.position_id] for chain in (await trader.client.list_chains(**filters)).chains}

    instant = timedelta(microseconds=1)
    assert await found() == set(names.values())
    assert await found(mode=Mode.DRY_RUN) == {"put"}
    assert await found(mode=Mode.LIVE, underlying="BTC") == {"call", "waiting"}
    assert await found(underlying="ETH") == {"eth"}
    assert await found(strategy=StrategyKind.CASH_SECURED_PUT) == {"put"}
    assert await found(strategy_name="wheel") == {"call"}
    assert await found(strategy_name="") == {"put", "eth", "waiting"}
    assert await found(states=(ChainState.CLOSED,)) == {"call"}
    assert await found(states=(ChainState.OPEN, ChainState.PENDING)) == {"put", "eth", "waiting"}
    assert await found(states=(ChainState.OPEN,), mode=Mode.LIVE) == {"eth"}
    assert await found(states=(ChainState.FLAT,)) == set()
    assert await found(opened_from_time=june(2)) == {"put", "eth"}
    assert await found(opened_from_time=june(2) + instant) == {"eth"}
    assert await found(opened_before_time=june(2)) == {"call"}
    assert await found(opened_before_time=june(2) + instant) == {"call", "put"}
    assert await found(closed_from_time=june(5), closed_before_time=june(6)) == {"call"}
    assert await found(closed_from_time=june(5) + instant) == set()
    assert await found(closed_before_time=june(5)) == set()


async def test_accounts_are_told_apart(trader: Trader) -> None:
    """A filter on an account shows its chains only, and no account shows all; ids are unique per account."""
    other = f"{trader.account}-b"
    await trader.open(sold("1", "0.02"), position_id="same")
    await trader.open(sold("2", "0.02"), position_id="same", account=other)
    mine, theirs = await trader.chain("same"), await trader.client.get_chain("same", account=other)
    assert theirs.chain is not None
    assert [mine.open_quantity, theirs.chain.open_quantity] == [1, 2]
    everybody = [figures(c, "account") async for c in trader.client.iterate_chains(account="", page_size=100)]
    assert {(trader.account,), (other,)} <= set(everybody)
    with pytest.raises(rollbook.NotFound):
        await trader.client.get_chain("other", account=trader.account)


# Marks and values


async def test_the_newest_mark_wins(trader: Trader) -> None:
    """Per contract the mark with the newest mark_time counts, in whichever order they come; the others are told."""
    opened = await trader.open(sold("1", "0.02"), sold("1", "0.02", HIGHER_CALL))
    revision = await last_revision(trader)
    marks = [mark(CALL, "0.015", time=june(5)), mark(HIGHER_CALL, "0.01", time=june(6)), mark(CALL, "0.017")]
    taken = await trader.client.update_marks([*marks, mark(CALL, "0.018", time=june(7))], mode=Mode.LIVE)
    assert (taken.accepted, taken.ignored_symbols) == (3, (CALL,))
    assert taken.revision == revision
    older = await trader.client.update_marks([mark(CALL, "0.5", time=june(6))], mode=Mode.LIVE)
    assert (older.accepted, older.ignored_symbols) == (0, (CALL,))
    value = (await trader.view(opened.position_id)).valuation
    assert value is not None
    assert [figures(leg, "symbol", "mark_price", "mark_time") for leg in value.legs] == [
        (CALL, Decimal("0.018"), june(7)),
        (HIGHER_CALL, Decimal("0.01"), june(6)),
    ]
    assert figures(value, "mark_time", "unrealized_pnl", "missing_marks") == (june(6), Decimal("0.012"), 0)
    assert await last_revision(trader) == revision


async def test_an_accounts_marks_and_shared_ones(trader: Trader) -> None:
    """A mark is an account's own or shared; of both the newest counts, and nobody sees another account's."""
    symbol = f"BTC-26DEC98-{sum(map(ord, trader.account))}-C"
    opened = await trader.open(sold("1", "0.02", symbol))

    async def price() -> Decimal | None:
        value = (await trader.view(opened.position_id)).valuation
        assert value is not None
        return value.legs[0].mark_price if value.legs else None

    await trader.client.update_marks([mark(symbol, "0.9")], mode=Mode.LIVE, account=f"{trader.account}-b")
    assert await price() is None
    await trader.client.update_marks([mark(symbol, "0.011")], mode=Mode.LIVE, account="")
    assert await price() == Decimal("0.011")
    await trader.client.update_marks([mark(symbol, "0.012", time=june(6))], mode=Mode.LIVE)
    assert await price() == Decimal("0.012")
    await trader.client.update_marks([mark(symbol, "0.013", time=june(7))], mode=Mode.LIVE, account="")
    assert await price() == Decimal("0.013")
    await trader.client.update_marks([mark(symbol, "0.014", time=june(8))], mode=Mode.LIVE, venue="elsewhere")
    assert await price() == Decimal("0.013")


async def test_values_stand_beside_chains(trader: Trader) -> None:
    """Lists give the values of what is open beside the chains, which never change by a mark; USD is each side at its
    own index, and unset without one. A closed chain has what it came to."""
    opened = await trader.open(sold("1", "0.02", index="90000"))
    unknown = await trader.open(sold("1", "0.02", HIGHER_CALL, index=None))
    closed = await trader.open(sold("1", "0.02", LATER_CALL))
    await trader.close(closed.position_id, bought("1", "0.01", LATER_CALL))
    before = await trader.chains()
    await trader.client.update_marks([mark(CALL, "0.015", index="100000"), mark(HIGHER_CALL, "0.01")], mode=Mode.LIVE)
    page = await trader.client.list_chains()
    assert page.chains == before
    values = {value.position_id: value for value in page.valuations}
    assert set(values) == {opened.position_id, unknown.position_id, closed.position_id}
    first, second = values[opened.position_id], values[unknown.position_id]
    assert figures(first, "unrealized_pnl", "unrealized_pnl_usd") == (Decimal("0.005"), 300)
    assert figures(first, "premium_captured_pct", "chain_pnl_pct") == (25, 25)
    assert figures(second, "unrealized_pnl", "unrealized_pnl_usd") == (Decimal("0.01"), None)
    assert (await trader.view(opened.position_id)).valuation == first
    assert (await trader.view(closed.position_id)).valuation == values[closed.position_id]
    assert figures(values[closed.position_id], "unrealized_pnl", "chain_pnl", "legs") == (0, Decimal("0.01"), ())
    portfolio = await trader.client.get_portfolio()
    [total] = portfolio.valuations
    assert figures(total, "unrealized_pnl", "unrealized_pnl_usd", "missing_marks", "usd_missing") == (
        Decimal("0.015"),
        None,
        0,
        1,
    )
    assert total.premium_captured_pct == Decimal("37.5")


async def test_a_wild_mark_does_not_take_the_others_away(tmp_path: Path) -> None:
    """Marks are durable: a mark with a time of the far future changes nothing for the other contracts, after a restart
    either."""
    account = new_account()
    with RunningServer(tmp_path / "ledger.db") as server:
        async with trading(server.target, account) as trader:
            opened = await trader.open(sold("1", "0.02"))
            await trader.client.update_marks([mark(CALL, "0.015")], mode=Mode.LIVE)
            wild = replace(mark(FAR_CALL, "0.01"), mark_time=june(5).replace(year=2099))
            await trader.client.update_marks([wild], mode=Mode.LIVE)
            before = (await trader.view(opened.position_id)).valuation
            assert before is not None
            assert before.missing_marks == 0
        server.stop()
        server.start()
        async with trading(server.target, account) as trader:
            assert (await trader.view(opened.position_id)).valuation == before


# Totals

SUMMED = ("net_cash", "gross_pnl", "fees", "net_pnl", "open_credit", "collateral", "net_pnl_usd")


def totals_of(chains: list[PositionChain]) -> dict[tuple[str, Mode, str], dict[str, Any]]:
    """The totals as a reader of all chains would make them."""
    rows: dict[tuple[str, Mode, str], list[PositionChain]] = {}
    for chain in chains:
        rows.setdefault((chain.account, chain.mode, chain.settlement_currency), []).append(chain)
    totals: dict[tuple[str, Mode, str], dict[str, Any]] = {}
    for key, members in rows.items():
        filled = [chain for chain in members if chain.legs]
        closed = [chain for chain in filled if chain.state is ChainState.CLOSED]
        sums: dict[str, Any] = {name: sum((getattr(c, name) or 0 for c in filled), Decimal(0)) for name in SUMMED}
        if any(chain.net_pnl_usd is None for chain in filled):
            sums["net_pnl_usd"] = None
        totals[key] = sums | {
            "open_chains": sum(chain.state is ChainState.OPEN for chain in filled),
            "flat_chains": sum(chain.state is ChainState.FLAT for chain in filled),
            "pending_chains": sum(chain.state is ChainState.PENDING for chain in members),
            "closed_chains": len(closed),
            "winning_chains": sum((chain.net_pnl or 0) > 0 for chain in closed),
            "losing_chains": sum((chain.net_pnl or 0) < 0 for chain in closed),
            "rolls": sum(chain.num_rolls for chain in filled),
            "closed_net_pnl": sum((chain.net_pnl or 0 for chain in closed), Decimal(0)),
            "usd_missing": sum(chain.net_pnl_usd is None for chain in filled),
            "fees_incomplete": sum(not chain.fees_complete for chain in filled),
            "fees_estimated": sum(chain.fees_estimated for chain in filled),
            "collateral_missing": sum(chain.collateral is None for chain in filled),
        }
    return totals


async def test_totals_are_the_sums_over_the_chains(trader: Trader) -> None:
    """The portfolio's rows are the sums over the chains, per account, mode and currency, whatever happened to them."""
    inverse = await trader.open(sold("2", "0.02", fee="0.0006"))
    await trader.close(inverse.position_id, bought("0.5", "0.03", fee="0.0001"))
    gain = await trader.open(sold("1", "0.02", HIGHER_CALL, index=None))
    await trader.close(gain.position_id, bought("1", "0.01", HIGHER_CALL, fee=None))
    loss = await trader.open(sold("1", "0.02", LATER_CALL))
    await trader.roll(loss.position_id, bought("1", "0.05", LATER_CALL), sold("1", "0.06", FAR_CALL, time=june(9)))
    await trader.open(sold("1", "1500", USDC_CALL, index=None))
    linear = await trader.open(sold("1", "1500", USDC_CALL))
    await trader.close(linear.position_id, bought("1", "2000", USDC_CALL))
    await trader.open(sold("1", "0.02", fee=None), mode=Mode.DRY_RUN)
    await trader.open(sold("1", "0.02", PUT), strategy=StrategyKind.CASH_SECURED_PUT)
    await trader.open(orders=(order("o-1"),), status=ExecutionStatus.RESTING)
    half = await trader.open(sold("1", "0.02"))
    await trader.roll(
        half.position_id,
        bought("1", "0.01"),
        from_symbols=(CALL,),
        to_symbols=(LATER_CALL,),
        status=ExecutionStatus.PARTIAL,
    )
    await trader.settle("101000", HIGHER_CALL)
    chains = list(await trader.chains())
    expected = totals_of(chains)
    rows = {(row.account, row.mode, row.settlement_currency): row for row in await trader.rows()}
    assert (
        set(rows)
        == set(expected)
        == {
            (trader.account, Mode.LIVE, "BTC"),
            (trader.account, Mode.LIVE, "USDC"),
            (trader.account, Mode.DRY_RUN, "BTC"),
        }
    )
    known = {field.name for field in fields(PortfolioRow)}
    for key, figures_of_row in expected.items():
        assert set(figures_of_row) <= known
        assert {name: getattr(rows[key], name) for name in figures_of_row} == figures_of_row
    live = rows[trader.account, Mode.LIVE, "BTC"]
    assert (live.net_cash or 0) == (live.net_pnl or 0) + (live.open_credit or 0)
    assert live.collateral_insufficient == 1


async def test_what_was_realized_in_a_period(trader: Trader) -> None:
    """A period's figure is the sum of reductions, settlements and fees by their own time, from its first instant until
    before its last; that is not the PnL of the chains that closed in it."""
    opened = await trader.open(sold("2", "0.02", fee="0.0006", time=june(2)))
    await trader.close(opened.position_id, bought("1", "0.01", fee="0.0002", time=june(9)))
    await trader.settle("90000", CALL)

    async def realized(first: int, last: int) -> Any:
        portfolio = await trader.client.get_portfolio(period_from_time=june(first), period_before_time=june(last))
        [row] = portfolio.rows
        return row.period_realized_pnl

    assert await realized(1, 2) == 0
    assert await realized(2, 9) == Decimal("-0.0006")
    assert await realized(9, 10) == Decimal("0.0098")
    assert await realized(10, 26) == 0
    assert await realized(26, 28) == Decimal("0.02")
    assert await realized(1, 30) == (await trader.chain(opened.position_id)).net_pnl
    assert (await trader.rows())[0].period_realized_pnl is None
    [row] = (await trader.client.get_portfolio(period_from_time=june(9))).rows
    assert figures(row, "period_realized_pnl", "period_realized_pnl_usd") == (Decimal("0.0298"), 2_980)


# The server itself


async def test_the_status_of_the_server(tmp_path: Path) -> None:
    """The status says which ledger this is and how far it has come; a passed check is remembered."""
    path = tmp_path / "ledger.db"
    with RunningServer(path) as server:
        async with trading(server.target) as trader:
            empty = await trader.client.get_server_status()
            opened = await trader.open(sold("1", "0.02"))
            status = await trader.client.get_server_status()
            assert (empty.revision, status.revision) == (0, opened.revision)
            assert status.ledger_id == empty.ledger_id
            assert status.head_hash != empty.head_hash
            assert len(status.head_hash) == 64
            assert figures(status, "last_check_time", "last_check_revision", "cached_chains") == (None, 0, 1)
            assert status.start_time is not None
            assert status.clock_time == june(2)  # of the events
            prove(path)
            checked = await trader.client.get_server_status()
            assert checked.last_check_time is not None
            assert checked.last_check_revision == opened.revision


async def test_health_and_reflection(server: RunningServer) -> None:
    """Standard health says that the server and its services serve; reflection names the services."""
    services = ("rollbook.v1.LedgerService", "rollbook.v1.SystemService")
    async with grpc.aio.insecure_channel(server.target) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", *services):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await health.Check(health_pb2.HealthCheckRequest(service="rollbook.v1.Nothing"))
        assert raised.value.code() is grpc.StatusCode.NOT_FOUND
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = reflection.ServerReflectionInfo(iter([asked]))
        answers = [answer async for answer in call]
        named = {service.name for service in answers[0].list_services_response.service}
        assert {*services, "grpc.health.v1.Health"} <= named


def serve(*flags: str, env: dict[str, str] | None = None, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A server that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "rollbook_server", "serve", *flags],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )


def test_a_second_server_on_the_same_file_fails_and_says_so(server: RunningServer, tmp_path: Path) -> None:
    """A second server on a ledger that is served ends at once and names the file; the first one serves on."""
    with pytest.raises(StartFailed) as raised, RunningServer(server.db):
        pass
    assert str(server.db) in str(raised.value)
    assert "in use" in str(raised.value)
    assert "Traceback" not in str(raised.value)


def test_a_second_server_by_another_name_of_the_file_fails(tmp_path: Path) -> None:
    """A link to a ledger that is served is that ledger: two writers would tear its journal."""
    (tmp_path / "link").mkdir()
    link = tmp_path / "link" / "other.db"
    link.symlink_to(tmp_path / "ledger.db")
    with RunningServer(tmp_path / "ledger.db"), pytest.raises(StartFailed) as raised, RunningServer(link):
        pass
    assert "in use" in str(raised.value)


def test_a_second_server_on_the_same_port_fails_and_says_so(server: RunningServer, tmp_path: Path) -> None:
    """A second server on a port that is taken ends at once and names the address, be it ours or another program's."""
    with pytest.raises(StartFailed) as raised, RunningServer(tmp_path / "other.db", listen=server.target):
        pass
    assert server.target in str(raised.value)
    assert "Traceback" not in str(raised.value)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StartFailed) as raised, RunningServer(tmp_path / "other.db", listen=address):
            pass
        assert address in str(raised.value)


@pytest.mark.parametrize(
    "listen",
    ["0.0.0.0:0", "[::]:0", "192.0.2.1:50051", ":50051", "example.org:50051", "127.0.0.1", "127.0.0.1:70000", "50051"],
)
def test_serve_refuses_what_is_not_loopback(listen: str, tmp_path: Path) -> None:
    """Without TLS and tokens the server listens on this machine only, and says so; no file is made."""
    ended = serve("--db", str(tmp_path / "ledger.db"), "--listen", listen, cwd=tmp_path)
    assert ended.returncode == 2
    assert "listen" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def serving_line(server: RunningServer) -> dict[str, Any]:
    [line] = [said for said in map(json.loads, server.lines) if said.get("event") == "serving"]
    return dict(line)


def test_settings_by_flag_environment_and_file(tmp_path: Path) -> None:
    """A setting is a flag, or else of the environment, or else of the file, or else its default."""
    config = tmp_path / "rollbook.toml"
    config.write_text('clock = "events"\n')
    flag = ("--config", str(config))
    for number, (flags, env, clock) in enumerate(
        [
            ((), {}, "wall"),
            (flag, {}, "events"),
            (flag, {"ROLLBOOK_CLOCK": "wall"}, "wall"),
            ((*flag, "--clock", "events"), {"ROLLBOOK_CLOCK": "wall"}, "events"),
        ]
    ):
        with RunningServer(tmp_path / str(number) / "ledger.db", *flags, clock="", env=env) as server:
            assert serving_line(server)["clock"] == clock
            assert serving_line(server)["db"] == str(tmp_path / str(number) / "ledger.db")


@pytest.mark.parametrize(
    ("flags", "env", "text", "word"),
    [
        (("--clock", "moon"), {}, "", "clock"),
        (("--grace", "-1"), {}, "", "grace"),
        (("--queue", "0"), {}, "", "queue"),
        ((), {"ROLLBOOK_LISTEN": "0.0.0.0:1"}, "", "listen"),
        ((), {"ROLLBOOK_CLOCK": "moon"}, "", "clock"),
        ((), {}, 'listen = "0.0.0.0:1"', "listen"),
        ((), {}, "colour = 1", "colour"),
        ((), {}, "clock = ", "rollbook.toml"),
        (("--config", "nowhere.toml"), {}, "", "nowhere.toml"),
    ],
)
def test_a_wrong_setting_is_named(
    flags: tuple[str, ...], env: dict[str, str], text: str, word: str, tmp_path: Path
) -> None:
    """A wrong setting ends the server with exit code 2 and a line that names it, wherever it was set."""
    config = tmp_path / "rollbook.toml"
    config.write_text(text)
    more = flags if "--config" in flags else (*flags, "--config", str(config))
    ended = serve("--db", str(tmp_path / "ledger.db"), *more, env=env, cwd=tmp_path)
    assert ended.returncode == 2
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "ledger.db").exists()


async def test_the_clock_of_events(tmp_path: Path) -> None:
    """With --clock events a recording has the newest event time seen, and never goes back."""
    path = tmp_path / "ledger.db"
    with RunningServer(path) as server:
        async with trading(server.target) as trader:
            for day in (3, 2, 5):
                await trader.open(sold("1", "0.02", time=june(day)))
            await trader.settle("100000", CALL)
            entries = (await trader.client.list_entries()).entries
            assert [entry.recorded_time for entry in entries[:3]] == [june(3), june(3), june(5)]
            assert {entry.recorded_time for entry in entries[3:]} == {EXPIRY}
        server.stop()
        server.start()
        async with trading(server.target) as trader:
            await trader.open(sold("1", "0.02", time=june(4)))
            entries = (await trader.client.list_entries()).entries
            assert {entry.recorded_time for entry in entries} == {EXPIRY}


async def test_a_stop_is_graceful(tmp_path: Path) -> None:
    """SIGTERM lets calls under way end and exits with 0; what was answered is there afterwards, and new calls meet
    UNAVAILABLE, never a wrong answer."""
    account = new_account()
    batch = [execution(Action.OPEN, sold("1", "0.02"), account=account) for _ in range(300)]
    request = ledger_service_pb2.RecordExecutionsRequest(executions=[command.to_proto() for command in batch])
    with RunningServer(tmp_path / "ledger.db") as server:
        async with grpc.aio.insecure_channel(server.target) as channel:
            stub = ledger_service_pb2_grpc.LedgerServiceStub(channel)
            await stub.ListChains(ledger_service_pb2.ListChainsRequest())
            under_way = asyncio.ensure_future(stub.RecordExecutions(request))
            probe = ledger_service_pb2.ListChainsRequest(account=account, page_size=1)
            while not (await stub.ListChains(probe)).chains and not under_way.done():
                pass
            code = await asyncio.to_thread(server.stop)
            answer = await under_way
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub.ListChains(probe)
            assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert code == 0
        events = [json.loads(line)["event"] for line in server.lines]
        assert "stopping" in events
        assert events[-1] == "stopped"
        server.start()
        async with trading(server.target, account) as trader:
            there = {chain.position_id for chain in await trader.chains()}
            assert {result.recorded.position_id for result in answer.results} == there
            assert len(there) == 300


async def test_lines_of_the_log(tmp_path: Path) -> None:
    """Every call is one line of JSON, on stderr and in the folder of logs: method, code, reason, time, who called; a
    refusal is no error of the server."""
    path = tmp_path / "ledger.db"
    with RunningServer(path) as server:
        async with trading(server.target) as trader:
            await trader.open(sold("1", "0.02"))
            with pytest.raises(rollbook.NotFound):
                await trader.close("nobody", bought("1", "0.01"))
        server.stop()
        said = [json.loads(line) for line in server.lines]
    kept = [json.loads(line) for line in (tmp_path / "logs" / "rollbook-server.log").read_text().splitlines()]
    assert kept == said
    calls = [line for line in said if line["event"] == "call"]
    assert [(line["method"], line["code"]) for line in calls] == [
        ("/rollbook.v1.LedgerService/RecordExecution", "OK"),
        ("/rollbook.v1.LedgerService/RecordExecution", "NOT_FOUND"),
    ]
    assert all(line["ms"] >= 0 and line["peer"] and line["timestamp"] for line in calls)
    assert "POSITION_NOT_FOUND" in json.dumps(calls[1])
    assert {line["level"] for line in said} == {"info"}
    assert said[0]["event"] == "serving"


async def test_a_chain_shows_all_that_made_it(trader: Trader) -> None:
    """GetChain gives the cash lines that the figures are sums of, each traced to its trade and entry, and the entries
    as they were reported."""
    command = execution(
        Action.OPEN,
        sold("1", "0.02", fee="0.0003", order_id="o-1"),
        reason="high volatility",
        trigger="schedule",
        decision_id="d-1",
        exit_style="tp_and_roll",
        labels={"run": "7"},
        account=trader.account,
        venue="deribit",
    )
    opened = await trader.record(command)
    closed = await trader.close(opened.position_id, bought("1", "0.01", fee="-0.0001"), labels={"run": "8", "x": "y"})
    view = await trader.view(opened.position_id)
    chain = view.chain
    assert chain is not None
    assert view.revision >= closed.revision
    told = [entry for entry in view.entries if entry.expiry is None]
    assert [entry.revision for entry in told] == [opened.revision, closed.revision]
    first = told[0].execution
    assert first is not None
    assert first.execution is not None
    said = replace(
        first.execution,
        fills=tuple(replace(fill, fee_source=rollbook.FeeSource.UNSPECIFIED) for fill in first.execution.fills),
    )
    assert said == command
    assert [figures(line, "trade_id", "revision", "side") for line in view.lines] == [
        (command.fills[0].trade_id, opened.revision, Side.SELL),
        (view.lines[1].trade_id, closed.revision, Side.BUY),
    ]
    assert sum(line.cash or 0 for line in view.lines) == chain.net_cash == Decimal("0.0098")
    assert sum(line.realized_pnl or 0 for line in view.lines) == chain.net_pnl
    assert figures(chain, "exit_style", "labels") == ("tp_and_roll", {"run": "8", "x": "y"})
    assert figures(chain.legs[0], "decision_id", "trigger", "reason") == ("d-1", "schedule", "high volatility")
    assert figures(chain, "open_time", "close_time", "holding_days") == (june(2), june(9), 7)
