"""rollbook.payloads: the old tracker's dicts with the ledger's figures. All figures were computed by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook import (
    ChainState,
    ChainValuation,
    CloseReason,
    ContractStyle,
    Instrument,
    LegState,
    LegValuation,
    Mode,
    OptionType,
    PositionChain,
    PositionLeg,
    Side,
    StrategyKind,
)
from rollbook.payloads import closed_payload, open_payload
from tests.support.trading import dec

OPEN_KEYS = [
    "position_id",
    "underlying",
    "symbol",
    "option_type",
    "strategy_type",
    "side",
    "quantity",
    "entry_price",
    "mark_price",
    "unrealized_pnl",
    "unrealized_pnl_pct",
    "entry_time",
    "expiry",
    "dte",
    "num_rolls",
    "mode",
    "exit_style",
]
OPEN_TOTALS_KEYS = ["positions_count", "unrealized_pnl", "unrealized_pnl_pct"]
CLOSED_KEYS = [
    "position_id",
    "underlying",
    "symbol",
    "option_type",
    "strategy_type",
    "open_time",
    "close_time",
    "holding_days",
    "num_legs",
    "num_rolls",
    "realized_pnl",
    "realized_pnl_pct",
    "max_drawdown_pct",
    "mode",
    "exit_style",
    "note",
]
CLOSED_TOTALS_KEYS = ["chains_count", "realized_pnl", "realized_pnl_pct"]

NOW = datetime(2026, 3, 16, 20, tzinfo=UTC)
EXPIRY = datetime(2026, 3, 27, 8, tzinfo=UTC)
OPENED = datetime(2026, 3, 2, 9, tzinfo=UTC)


def contract(symbol: str = "BTC-27MAR26-100000-C") -> Instrument:
    coin = symbol.split("-")[0]
    linear = coin.endswith("_USDC")
    return Instrument(
        symbol=symbol,
        underlying=coin.removesuffix("_USDC"),
        settlement_currency="USDC" if linear else coin,
        style=ContractStyle.LINEAR if linear else ContractStyle.INVERSE,
        option_type=OptionType.CALL if symbol.endswith("C") else OptionType.PUT,
        strike=Decimal(symbol.split("-")[2]),
        expiry_time=EXPIRY,
    )


def leg(
    number: int = 1,
    symbol: str = "BTC-27MAR26-100000-C",
    *,
    entry: str = "0.05",
    quantity: str = "1",
    credit_usd: str | None = "4500",
    side: Side = Side.SELL,
    state: LegState = LegState.OPEN,
) -> PositionLeg:
    held = state is not LegState.CLOSED
    sign = 1 if side is Side.SELL else -1
    return PositionLeg(
        leg_number=number,
        instrument=contract(symbol),
        side=side,
        state=state,
        open_quantity=Decimal(quantity) if held else Decimal(0),
        opened_quantity=Decimal(quantity),
        entry_price=Decimal(entry),
        open_credit=sign * Decimal(entry) * Decimal(quantity) if held else Decimal(0),
        open_credit_usd=dec(credit_usd),
        open_time=OPENED,
        net_pnl=Decimal(0),
    )


def chain(*legs: PositionLeg, position_id: str = "BTC-1", **more: Any) -> PositionChain:
    first = legs[0].instrument if legs else None
    more.setdefault("settlement_currency", first.settlement_currency if first else "BTC")
    return PositionChain(
        account="main",
        position_id=position_id,
        underlying="BTC",
        **{
            "mode": Mode.LIVE,
            "strategy": StrategyKind.COVERED_CALL,
            "state": ChainState.OPEN,
            "open_time": OPENED,
            "open_credit": sum((each.open_credit or Decimal(0) for each in legs), Decimal(0)),
            "fees_complete": True,
            "legs": legs,
            "num_legs": len(legs),
            **more,
        },
    )


def value(
    position_id: str = "BTC-1",
    pnl: str | None = "0.03",
    usd: str | None = "2900",
    captured: str | None = "60",
    mark: str = "0.02",
    number: int = 1,
) -> ChainValuation:
    return ChainValuation(
        account="main",
        position_id=position_id,
        mark_time=NOW,
        unrealized_pnl=dec(pnl),
        unrealized_pnl_usd=dec(usd),
        premium_captured_pct=dec(captured),
        legs=(
            LegValuation(
                leg_number=number, mark_price=Decimal(mark), unrealized_pnl=dec(pnl), unrealized_pnl_usd=dec(usd)
            ),
        ),
    )


def closed(position_id: str = "BTC-1", net: str = "0.0294", usd: str | None = "2849", **more: Any) -> PositionChain:
    return chain(
        leg(state=LegState.CLOSED, symbol=more.pop("symbol", "BTC-27MAR26-100000-C")),
        position_id=position_id,
        **{
            "state": ChainState.CLOSED,
            "close_reason": CloseReason.BOUGHT_BACK,
            "close_time": NOW,
            "net_pnl": Decimal(net),
            "net_pnl_usd": dec(usd),
            "leg_one_premium": Decimal("0.05"),
            "realized_pnl_pct": Decimal("58.8"),
            "holding_days": Decimal("14.458333333333333333"),
            **more,
        },
    )


# Keys


def test_the_old_keys_come_first_and_in_their_order() -> None:
    """Each row and each total begins with exactly the keys of the old payload; what is new follows."""
    held = open_payload([chain(leg())], [value()], NOW)
    over = closed_payload([closed()])
    assert list(held)[:2] == ["positions", "totals"]
    assert list(over)[:2] == ["chains", "totals"]
    assert list(held["positions"][0])[: len(OPEN_KEYS)] == OPEN_KEYS
    assert list(held["totals"])[:3] == OPEN_TOTALS_KEYS
    assert list(over["chains"][0])[: len(CLOSED_KEYS)] == CLOSED_KEYS
    assert list(over["totals"])[:3] == CLOSED_TOTALS_KEYS
    assert list(held["totals_dry_run"]) == list(held["totals"])
    assert list(over["totals_dry_run"]) == list(over["totals"])


# Open positions


def test_a_coin_settled_call() -> None:
    """Sold at 0.05 with BTC at 90,000, marked 0.02 at 80,000: 0.03 BTC, and 4500 - 1600 = 2900 USD."""
    [row] = open_payload([chain(leg(), exit_style="tp_and_roll")], [value()], NOW)["positions"]
    assert {key: row[key] for key in OPEN_KEYS} == {  # type: ignore[literal-required]
        "position_id": "BTC-1",
        "underlying": "BTC",
        "symbol": "BTC-27MAR26-100000-C",
        "option_type": "CALL",
        "strategy_type": "COVERED_CALL",
        "side": "SHORT",
        "quantity": 1.0,
        "entry_price": 0.05,
        "mark_price": 0.02,
        "unrealized_pnl": 2900.0,
        "unrealized_pnl_pct": 60.0,
        "entry_time": "2026-03-02T09:00:00Z",
        "expiry": "2026-03-27T08:00:00Z",
        "dte": 10.5,
        "num_rolls": 0,
        "mode": "LIVE",
        "exit_style": "tp_and_roll",
    }
    assert row["settlement_currency"] == "BTC"
    assert (row["unrealized_pnl_native"], row["unrealized_pnl_usd"]) == ("0.03", "2900")
    assert (row["usd_missing"], row["missing_marks"]) == (False, 0)


def test_coin_won_and_dollars_lost() -> None:
    """USD is never made from the coin figure: +0.002 BTC can be -420 USD, in a row and in the totals."""
    answer = open_payload([chain(leg())], [value(pnl="0.002", usd="-420", captured="4")], NOW)
    assert answer["positions"][0]["unrealized_pnl"] == -420.0
    assert answer["positions"][0]["unrealized_pnl_native"] == "0.002"
    assert answer["totals"]["unrealized_pnl"] == -420.0
    assert answer["totals"]["unrealized_pnl_pct"] == 4.0


def test_dollars_without_an_index_are_null_and_counted() -> None:
    """Where an index is missing the USD figure is null with usd_missing; the totals leave it out and count it. The
    percentage needs no USD: (0.03 + 0.01) / (0.05 + 0.05) = 40 %."""
    there = chain(leg())
    blind = chain(leg(credit_usd=None), position_id="BTC-2")
    answer = open_payload([there, blind], [value(), value("BTC-2", pnl="0.01", usd=None, captured="20")], NOW)
    row = answer["positions"][1]
    assert (row["unrealized_pnl"], row["usd_missing"], row["unrealized_pnl_pct"]) == (None, True, 20.0)
    totals = answer["totals"]
    assert (totals["positions_count"], totals["unrealized_pnl"], totals["usd_missing"]) == (2, 2900.0, 1)
    assert (totals["unrealized_pnl_pct"], totals["unrealized_pnl_pct_basis"]) == (40.0, "BTC")


def test_a_missing_mark_is_null_and_counted() -> None:
    """A position without a mark has no value, rather than its entry price as one, and is in no sum."""
    answer = open_payload([chain(leg()), chain(leg(), position_id="BTC-2")], [value()], NOW)
    row = answer["positions"][1]
    assert (row["mark_price"], row["unrealized_pnl"], row["unrealized_pnl_pct"]) == (None, None, None)
    assert (row["usd_missing"], row["missing_marks"]) == (False, 1)
    totals = answer["totals"]
    assert (totals["unrealized_pnl"], totals["unrealized_pnl_pct"]) == (2900.0, 60.0)
    assert (totals["missing_marks"], totals["usd_missing"]) == (1, 0)


def test_nothing_known_is_null_and_nothing_there_is_zero() -> None:
    """A total over positions of which none has a value is unknown; one over no positions is 0."""
    unknown = open_payload([chain(leg())], [], NOW)
    assert unknown["totals"]["unrealized_pnl"] is None
    assert unknown["totals_dry_run"]["unrealized_pnl"] == 0.0
    assert unknown["totals_dry_run"]["unrealized_pnl_pct"] is None
    assert closed_payload([closed(usd=None)])["totals"]["realized_pnl"] is None
    assert closed_payload([])["totals"]["realized_pnl"] == 0.0


def test_dry_run_is_apart() -> None:
    """DRY_RUN chains are in the list, named, and in totals of their own."""
    simulated = chain(leg(), position_id="BTC-2", mode=Mode.DRY_RUN)
    answer = open_payload([chain(leg()), simulated], [value(), value("BTC-2", usd="100", captured="5")], NOW)
    assert [row["mode"] for row in answer["positions"]] == ["LIVE", "DRY_RUN"]
    assert (answer["totals"]["positions_count"], answer["totals"]["unrealized_pnl"]) == (1, 2900.0)
    assert (answer["totals_dry_run"]["positions_count"], answer["totals_dry_run"]["unrealized_pnl"]) == (1, 100.0)


def test_percentages_of_totals_divide_sums() -> None:
    """60 % of 0.05 and 10 % of 0.45 are 0.075 / 0.5 = 15 %, neither 35 % (the mean) nor 70 % (the old sum)."""
    large = chain(leg(entry="0.45", credit_usd="40500"), position_id="BTC-2")
    answer = open_payload([chain(leg()), large], [value(), value("BTC-2", pnl="0.045", captured="10")], NOW)
    assert answer["totals"]["unrealized_pnl_pct"] == 15.0


def test_currencies_are_added_in_dollars_only() -> None:
    """BTC and USDC: 2900 + 450 = 3350 USD of 4500 + 600 = 5100 USD, 65.686274509804 %; each currency by itself too."""
    linear = chain(
        leg(symbol="BTC_USDC-27MAR26-100000-C", entry="1200", quantity="0.5", credit_usd="600"), position_id="BTC-2"
    )
    totals = open_payload([chain(leg()), linear], [value(), value("BTC-2", "450", "450", "75")], NOW)["totals"]
    assert totals["unrealized_pnl"] == 3350.0
    assert (totals["unrealized_pnl_pct"], totals["unrealized_pnl_pct_basis"]) == (65.686274509804, "USD")
    assert totals["by_currency"] == [
        {
            "settlement_currency": "BTC",
            "positions_count": 1,
            "unrealized_pnl_native": "0.03",
            "unrealized_pnl_pct": "60",
        },
        {
            "settlement_currency": "USDC",
            "positions_count": 1,
            "unrealized_pnl_native": "450",
            "unrealized_pnl_pct": "75",
        },
    ]


def test_sums_lose_no_digit() -> None:
    """What Decimal's usual 28 digits would round away is in the exact figures."""
    tiny = "0.000000000000000000000000000000000001"
    held = [chain(leg()), chain(leg(), position_id="BTC-2")]
    values = [value(pnl="1000000000000000"), value("BTC-2", pnl=tiny)]
    [currency] = open_payload(held, values, NOW)["totals"]["by_currency"]
    assert currency["unrealized_pnl_native"] == "1000000000000000.000000000000000000000000000000000001"


def test_a_strangle_is_one_row_with_both_legs() -> None:
    """One row, shown by its newest short leg; all open legs follow with exact figures, closed ones do not."""
    strangle = chain(
        leg(1, "BTC-27MAR26-95000-C", state=LegState.CLOSED),
        leg(2, "BTC-27MAR26-100000-C", entry="0.050"),
        leg(3, "BTC-27MAR26-70000-P", entry="0.01", quantity="2", credit_usd="1800"),
        strategy=StrategyKind.SHORT_STRANGLE,
        collateral_insufficient=True,
    )
    answer = open_payload([strangle], [value(mark="0.004", number=3)], NOW)
    [row] = answer["positions"]
    shown = (row["symbol"], row["option_type"], row["quantity"], row["entry_price"], row["mark_price"])
    assert shown == ("BTC-27MAR26-70000-P", "PUT", 2.0, 0.01, 0.004)
    assert (row["strategy_type"], row["collateral_insufficient"]) == ("SHORT_STRANGLE", True)
    assert [(each["leg_number"], each["entry_price"], each["mark_price"]) for each in row["legs"]] == [
        (2, "0.05", None),
        (3, "0.01", "0.004"),
    ]


def test_a_spread_is_shown_by_its_short_leg() -> None:
    """The long wing, though newer, does not make a short position look long."""
    spread = chain(
        leg(1, "BTC-27MAR26-100000-C"),
        leg(2, "BTC-27MAR26-120000-C", entry="0.01", side=Side.BUY, credit_usd="-900"),
        strategy=StrategyKind.CREDIT_SPREAD,
    )
    [row] = open_payload([spread], [], NOW)["positions"]
    assert (row["symbol"], row["side"], row["open_credit"]) == ("BTC-27MAR26-100000-C", "SHORT", "0.04")
    assert [each["side"] for each in row["legs"]] == ["SHORT", "LONG"]
    assert row["missing_marks"] == 2


def test_a_half_done_roll_is_a_position_with_nothing_open() -> None:
    """FLAT: it still shows, with the contract that it held last, quantity 0, worth exactly 0, and why."""
    flat = chain(leg(state=LegState.CLOSED), state=ChainState.FLAT, flat_reason="order 7 is resting", num_rolls=0)
    answer = open_payload([flat], [], NOW)
    [row] = answer["positions"]
    assert (row["symbol"], row["quantity"], row["mark_price"]) == ("BTC-27MAR26-100000-C", 0.0, None)
    assert (row["unrealized_pnl"], row["unrealized_pnl_pct"], row["missing_marks"]) == (0.0, None, 0)
    assert (row["state"], row["flat_reason"], row["legs"]) == ("FLAT", "order 7 is resting", [])
    assert (answer["totals"]["positions_count"], answer["totals"]["unrealized_pnl"]) == (1, 0.0)
    assert answer["totals"]["unrealized_pnl_pct"] is None


def test_a_half_done_roll_beside_another_currency_changes_no_percentage() -> None:
    """What is FLAT has no premium open, so the percentage stays in the one currency that has."""
    flat = chain(leg(state=LegState.CLOSED), position_id="BTC-2", state=ChainState.FLAT, settlement_currency="USDC")
    totals = open_payload([chain(leg()), flat], [value()], NOW)["totals"]
    assert (totals["unrealized_pnl_pct"], totals["unrealized_pnl_pct_basis"]) == (60.0, "BTC")


def test_orders_are_no_positions() -> None:
    """PENDING, CLOSED and VOIDED chains are not open; only what once filled is closed."""
    others = [
        chain(position_id=state.value, state=state)
        for state in (ChainState.PENDING, ChainState.CLOSED, ChainState.VOIDED)
    ]
    cancelled = replace(others[1], close_reason=CloseReason.ORDER_CANCELLED)
    assert open_payload([*others, cancelled], [], NOW)["positions"] == []
    assert closed_payload([*others, cancelled])["chains"] == []
    assert closed_payload([*others, cancelled])["totals"]["chains_count"] == 0


def test_expired_and_waiting_for_its_delivery_is_still_open() -> None:
    """Days to expiry stop at 0, and the leg says that it waits."""
    waiting = chain(leg(state=LegState.AWAITING_DELIVERY))
    [row] = open_payload([waiting], [value()], datetime(2026, 3, 28, tzinfo=UTC))["positions"]
    assert (row["dte"], row["legs"][0]["state"], row["unrealized_pnl"]) == (0.0, "AWAITING_DELIVERY", 2900.0)


def test_accounts_do_not_share_values() -> None:
    """A position_id is unique per account only: a value belongs to its account's chain."""
    other = replace(chain(leg()), account="other")
    rows = open_payload([chain(leg()), other], [value()], NOW)["positions"]
    assert [(row["account"], row["unrealized_pnl"]) for row in rows] == [("main", 2900.0), ("other", None)]


def test_a_naive_now_is_refused() -> None:
    """A time without a zone would move the days to expiry by hours."""
    with pytest.raises(ValueError, match="naive"):
        open_payload([], [], datetime(2026, 3, 16))  # noqa: DTZ001


# Closed chains


def test_a_closed_call() -> None:
    """Sold at 0.05 (index 90,000), bought back at 0.02 (80,000), fees of 0.0003 each: 0.0294 BTC and
    4473 - 1624 = 2849 USD."""
    [row] = closed_payload([closed(fees_estimated=True, exit_style="hold")])["chains"]
    assert {key: row[key] for key in CLOSED_KEYS} == {  # type: ignore[literal-required]
        "position_id": "BTC-1",
        "underlying": "BTC",
        "symbol": "BTC-27MAR26-100000-C",
        "option_type": "CALL",
        "strategy_type": "COVERED_CALL",
        "open_time": "2026-03-02T09:00:00Z",
        "close_time": "2026-03-16T20:00:00Z",
        "holding_days": 14.458333333333334,
        "num_legs": 1,
        "num_rolls": 0,
        "realized_pnl": 2849.0,
        "realized_pnl_pct": 58.8,
        "max_drawdown_pct": None,
        "mode": "LIVE",
        "exit_style": "hold",
        "note": "bought back; a fee is estimated",
    }
    assert (row["net_pnl"], row["net_pnl_usd"], row["usd_missing"]) == ("0.0294", "2849", False)


def test_totals_of_closed_chains() -> None:
    """(0.0294 - 0.01) / (0.05 + 0.05) = 19.4 %; the chain without USD is left out of the dollars and counted; what was
    simulated is apart."""
    chains = [closed(), closed("BTC-2", net="-0.01", usd=None, usd_missing_lines=2), closed("BTC-3", mode=Mode.DRY_RUN)]
    answer = closed_payload(chains)
    assert answer["chains"][1]["realized_pnl"] is None
    assert answer["chains"][1]["usd_missing"] is True
    assert answer["chains"][1]["note"] == "bought back; no USD: 2 cash lines have no index price"
    totals = answer["totals"]
    assert (totals["chains_count"], totals["realized_pnl"], totals["usd_missing"]) == (2, 2849.0, 1)
    assert (totals["realized_pnl_pct"], totals["realized_pnl_pct_basis"]) == (19.4, "BTC")
    assert (answer["totals_dry_run"]["chains_count"], answer["totals_dry_run"]["realized_pnl_pct"]) == (1, 58.8)


def test_closed_chains_of_two_currencies() -> None:
    """Premiums of two currencies have no common sum: dollars are added, the percentage is by currency only."""
    linear = closed("BTC-2", "445", "445", symbol="BTC_USDC-27MAR26-100000-C", leg_one_premium=Decimal(600))
    totals = closed_payload([closed(), linear])["totals"]
    assert (totals["realized_pnl"], totals["realized_pnl_pct"], totals["realized_pnl_pct_basis"]) == (
        3294.0,
        None,
        None,
    )
    assert totals["by_currency"] == [
        {"settlement_currency": "BTC", "chains_count": 1, "net_pnl": "0.0294", "realized_pnl_pct": "58.8"},
        {"settlement_currency": "USDC", "chains_count": 1, "net_pnl": "445", "realized_pnl_pct": "74.166666666667"},
    ]


# JSON

FIGURES = st.none() | st.decimals(allow_nan=False, allow_infinity=False) | st.just(Decimal("NaN"))


@given(
    figures=st.lists(FIGURES, min_size=8, max_size=8),
    state=st.sampled_from(ChainState),
    mode=st.sampled_from(Mode),
    leg_state=st.sampled_from(LegState),
    side=st.sampled_from(Side),
    bare=st.booleans(),
)
def test_whatever_a_ledger_says_is_json(
    figures: list[Decimal | None], state: ChainState, mode: Mode, leg_state: LegState, side: Side, bare: bool
) -> None:
    """Both payloads are strict JSON whatever figures are missing or unreadable."""
    credit, credit_usd, net, net_usd, premium, pnl, pnl_usd, mark = figures
    held = replace(leg(), state=leg_state, side=side, open_credit_usd=credit_usd, entry_price=mark)
    any_chain = chain(
        replace(held, instrument=None) if bare else held,
        state=state,
        mode=mode,
        open_credit=credit,
        net_pnl=net,
        net_pnl_usd=net_usd,
        leg_one_premium=premium,
        settlement_currency="BTC",
    )
    worth = replace(value(), unrealized_pnl=pnl, unrealized_pnl_usd=pnl_usd)
    other = replace(any_chain, position_id="BTC-2", settlement_currency="USDC")
    for payload in (open_payload([any_chain, other], [worth], NOW), closed_payload([any_chain, other])):
        assert json.loads(json.dumps(payload, allow_nan=False)) == payload
