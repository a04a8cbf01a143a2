"""rollbook.payloads on what a real server answers: the figures of the old dicts are the ledger's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rollbook import ExecutionStatus, FillSource, Mode, OrderState, StrategyKind
from rollbook.payloads import closed_payload, open_payload
from tests.support.server import RunningServer
from tests.support.trading import (
    CALL,
    FAR_CALL,
    PUT,
    USDC_CALL,
    Trader,
    bought,
    june,
    mark,
    order,
    sold,
    trading,
)

EXPIRY = datetime(2098, 12, 26, 8, tzinfo=UTC)
FAR_LATER, FAR_PUT, FAR_USDC = "BTC-25JUN99-110000-C", "BTC-26DEC98-50000-P", "BTC_USDC-26DEC98-100000-C"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(Path(tmp_path_factory.mktemp("payloads") / "ledger.db")) as running:
        yield running


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as trader:
        yield trader


async def test_open_positions(trader: Trader) -> None:
    """Rolled, half rolled, strangled, linear, without an index, without a mark, simulated and pending chains, as the
    server answers them: each in its place, and none in a sum that it does not belong to."""
    await trader.open(sold("1", "0.05", FAR_CALL, fee="0.0003", index="90000"), position_id="rolled", exit_style="tp")
    closing, opening = bought("1", "0.02", FAR_CALL, fee="0.0003", index="80000"), sold("1", "0.04", FAR_LATER)
    await trader.roll("rolled", closing, opening)
    await trader.open(sold("0.1", "0.02", FAR_CALL), position_id="half")
    await trader.roll("half", bought("0.1", "0.01", FAR_CALL), to_symbols=(FAR_LATER,), from_symbols=(FAR_CALL,))
    both = (sold("1", "0.02", FAR_CALL), sold("2", "0.01", FAR_PUT))
    await trader.open(*both, position_id="strangle", strategy=StrategyKind.SHORT_STRANGLE)
    await trader.open(sold("2", "1250", FAR_USDC, fee="3"), position_id="linear")
    await trader.open(sold("1", "0.05", FAR_CALL, index=None), position_id="blind")
    await trader.open(sold("1", "0.01", CALL), position_id="unmarked")
    simulated: dict[str, Any] = {"fee": None, "source": FillSource.SIMULATED, "trade_id": ""}
    paper = {"mode": Mode.DRY_RUN, "status": ExecutionStatus.SIMULATED}
    await trader.open(sold("1", "0.05", FAR_CALL, **simulated), position_id="paper", **paper)
    await trader.open(orders=(order("o-1", symbol=FAR_CALL),), status=ExecutionStatus.RESTING, position_id="waiting")
    prices = {FAR_CALL: "0.01", FAR_LATER: "0.03", FAR_PUT: "0.004", FAR_USDC: "980.25"}
    marks = [mark(symbol, price, index="100000") for symbol, price in prices.items()]
    await trader.client.update_marks(marks, mode=Mode.LIVE)
    await trader.client.update_marks(marks, mode=Mode.DRY_RUN)

    page = await trader.client.list_chains(page_size=500)
    payload = open_payload(page.chains, page.valuations, EXPIRY - timedelta(days=3, hours=6))
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    rows = {row["position_id"]: row for row in payload["positions"]}
    assert set(rows) == {"rolled", "half", "strangle", "linear", "blind", "unmarked", "paper"}
    # 0.04 - 0.03 BTC at 100,000; realized (0.05 - 0.02 - 0.0006), and 4500 - 27 - 1600 - 24 USD
    rolled = rows["rolled"]
    assert (rolled["symbol"], rolled["num_rolls"], rolled["entry_price"], rolled["exit_style"]) == (
        FAR_LATER, 1, 0.04, "tp"
    )  # fmt: skip
    assert (rolled["unrealized_pnl"], rolled["unrealized_pnl_pct"]) == (1000.0, 25.0)
    assert (rolled["net_pnl"], rolled["net_pnl_usd"], rolled["fees"]) == ("0.0294", "2849", "0.0006")
    assert (rows["half"]["state"], rows["half"]["quantity"], rows["half"]["unrealized_pnl"]) == ("FLAT", 0.0, 0.0)
    assert rows["half"]["flat_reason"]
    # (0.02 - 0.01) + 2 · (0.01 - 0.004) of 0.04 BTC
    strangle = rows["strangle"]
    assert (strangle["unrealized_pnl_native"], strangle["unrealized_pnl_pct"]) == ("0.022", 55.0)
    assert [(leg["symbol"], leg["mark_price"], leg["strike"]) for leg in strangle["legs"]] == [
        (FAR_CALL, "0.01", "100000"),
        (FAR_PUT, "0.004", "50000"),
    ]
    assert strangle["collateral_insufficient"] is True
    assert (rows["linear"]["unrealized_pnl"], rows["linear"]["settlement_currency"]) == (539.5, "USDC")
    blind = rows["blind"]
    assert (blind["unrealized_pnl"], blind["usd_missing"], blind["unrealized_pnl_pct"]) == (None, True, 80.0)
    assert (rows["unmarked"]["mark_price"], rows["unmarked"]["missing_marks"], rows["unmarked"]["dte"]) == (
        None,
        1,
        0.0,
    )
    assert rows["linear"]["dte"] == 3.25
    assert (rows["paper"]["mode"], rows["paper"]["fees_estimated"]) == ("DRY_RUN", True)
    totals = payload["totals"]
    # 1000 + 0 + 2200 + 539.5 USD, of 4000 + 4000 + 2500 USD that are open
    assert (totals["positions_count"], totals["unrealized_pnl"]) == (6, 3739.5)
    assert (totals["unrealized_pnl_pct"], totals["unrealized_pnl_pct_basis"]) == (35.614285714286, "USD")
    assert (totals["missing_marks"], totals["usd_missing"]) == (1, 1)
    assert (payload["totals_dry_run"]["positions_count"], payload["totals_dry_run"]["unrealized_pnl"]) == (1, 4000.0)


async def test_closed_chains(trader: Trader) -> None:
    """Bought back, settled, without an index, simulated: totals of LIVE chains divide sums; what never filled is not
    there."""
    await trader.open(sold("1", "0.05", fee="0.0003", index="90000"), position_id="back")
    await trader.close("back", bought("1", "0.02", fee="0.0003", index="80000", time=june(16)))
    await trader.open(sold("1", "0.05"), position_id="blind")
    await trader.close("blind", bought("1", "0.06", index=None))
    await trader.open(orders=(order("c-1", symbol=PUT),), status=ExecutionStatus.RESTING, position_id="never")
    await trader.late(orders=(order("c-1", symbol=PUT, state=OrderState.CANCELLED),))
    page = await trader.client.list_chains()
    answer = closed_payload(page.chains, page.valuations)
    rows = {row["position_id"]: row for row in answer["chains"]}
    assert set(rows) == {"back", "blind"}
    back = rows["back"]
    assert (back["realized_pnl"], back["realized_pnl_pct"], back["holding_days"]) == (2849.0, 58.8, 14.0)
    assert (back["open_time"], back["close_time"]) == ("2025-06-02T09:00:00Z", "2025-06-16T09:00:00Z")
    assert (back["note"], back["close_reason"], back["max_drawdown_pct"]) == ("bought back", "BOUGHT_BACK", 0.0)
    assert (rows["blind"]["realized_pnl"], rows["blind"]["usd_missing"]) == (None, True)
    totals = answer["totals"]
    # 0.0294 - 0.01 of 0.1 BTC
    assert (totals["chains_count"], totals["realized_pnl"], totals["realized_pnl_pct"]) == (2, 2849.0, 19.4)
    assert totals["usd_missing"] == 1

    await trader.open(sold("1", "900", USDC_CALL, fee="3"), position_id="settled")
    await trader.settle("107231.5", USDC_CALL)
    answer = closed_payload((await trader.client.list_chains()).chains)
    settled = next(row for row in answer["chains"] if row["position_id"] == "settled")
    # 900 - 7231.5 - 3 - 0.00015 · 107231.5
    assert (settled["realized_pnl"], settled["net_pnl"]) == (-6350.584725, "-6350.584725")
    assert settled["note"] == "delivered in the money; a fee is estimated"
    assert answer["totals"]["realized_pnl"] == float(Decimal("2849") - Decimal("6350.584725"))
    assert answer["totals"]["realized_pnl_pct"] is None
    assert [each["realized_pnl_pct"] for each in answer["totals"]["by_currency"]] == ["19.4", "-705.620525"]
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
