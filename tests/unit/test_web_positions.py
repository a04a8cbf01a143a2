"""What the view Positions shows, from facts: rows, totals, groups, callouts, calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rollbook import (
    ChainState,
    GetPortfolioResponse,
    LegState,
    Mode,
    OptionType,
    PortfolioRow,
)
from rollbook_web.callouts import callouts
from rollbook_web.expiries import calendar
from rollbook_web.groups import header_rows
from rollbook_web.numbers import DASH, MINUS
from rollbook_web.open_rows import Held, flags, row
from rollbook_web.sums import Portfolios, totals
from tests.support.chains import EXPIRY, chain, contract, leg, value

BTC = chain("weekly-1")
USDC = chain(
    "dollars",
    leg("0.4", "600", contract(inverse=False), open_credit_usd=Decimal(600)),
    settlement_currency="USDC",
)
DRY = chain("paper", mode=Mode.DRY_RUN, account="paper", fees_estimated=True)


def portfolio(*rows: PortfolioRow, **more: Any) -> Portfolios:
    """The ledger's answer, the same for every period."""
    answer = GetPortfolioResponse(revision=1, rows=rows, **more)
    return Portfolios(answer, answer, answer)


def realized(currency: str, pnl: str, usd: str | None, mode: Mode = Mode.LIVE, **more: Any) -> PortfolioRow:
    """A row of the portfolio."""
    in_usd = None if usd is None else Decimal(usd)
    return PortfolioRow(
        account="main", mode=mode, settlement_currency=currency, net_pnl=Decimal(pnl), net_pnl_usd=in_usd,
        period_realized_pnl=Decimal(pnl), period_realized_pnl_usd=in_usd, **more,
    )  # fmt: skip


def test_a_row_without_a_mark_knows_nothing_of_its_worth() -> None:
    """Dashes with why, and a flag; what the ledger knows stands there."""
    made = row(Held(BTC))
    for name in ("pnl", "usd", "captured", "chain_pnl", "buy_back", "yield", "distance", "sigma", "delta", "dte"):
        assert made[name][0] == DASH, name
        assert made[name][1].startswith("no mark of every open contract has come"), name
    assert made["marked"] is None
    assert made["contract"] == f"{MINUS}1 BTC-27JUN25-100000-C"
    assert [name for name, _ in made["flags"]] == ["NO MARK"]


def test_a_row_has_exact_figures_behind_rounded_ones() -> None:
    """[text, title, tone] for each."""
    worth = value(BTC, "-0.00512345678", None, premium_captured_pct=Decimal("-51.2345678"))
    made = row(Held(BTC, worth, datetime(2025, 6, 2, 9, tzinfo=UTC)))
    assert made["pnl"] == [f"{MINUS}0.005123 BTC", f"{MINUS}0.00512345678 BTC", "loss"]
    assert made["captured"] == [f"{MINUS}51.2 %", f"{MINUS}51.2345678 %", "loss"]
    assert made["usd"][0] == DASH
    assert made["marked"] == 1_748_854_800_000
    assert made["url"] == "/chains/weekly-1?account=main"


def test_flags_name_everything_that_deserves_a_look() -> None:
    """One word each."""
    flat = replace(BTC, state=ChainState.FLAT, flat_reason="no funds", legs=(), fees_complete=False)
    assert flags(Held(flat)) == [
        ("FLAT", "no funds"),
        ("FEE MISSING", "a fill came without its fee: the net figures are too good by it"),
    ]
    waiting = chain("w", leg(state=LegState.AWAITING_DELIVERY), collateral_insufficient=True)
    stale = value(waiting, stale_marks=1, wild_marks=1)
    assert [name for name, _ in flags(Held(waiting, stale))] == ["AWAITING DELIVERY", "UNCOVERED", "STALE", "WILD"]
    assert [name for name, _ in flags(Held(BTC, value(BTC), old=True))] == ["STALE"]


def test_totals_never_mix_modes_and_coins() -> None:
    """A line for each currency of a mode and one in USD; LIVE first."""
    helds = [Held(one, value(one, "0.005", "500")) for one in (DRY, BTC)] + [Held(USDC, value(USDC, "240", "240"))]
    rows = (realized("BTC", "0.01", "1000"), realized("USDC", "-10.8", "-10.8"))
    live, dry = totals(helds, portfolio(*rows, realized("BTC", "0.5", "50000", Mode.DRY_RUN)))
    assert (live.mode, live.open_chains, dry.mode, dry.open_chains) == (Mode.LIVE, 2, Mode.DRY_RUN, 1)
    assert [(line.currency, line.premium.text, line.unrealized.text, line.all.text) for line in live.lines] == [
        ("BTC", "0.010000", "+0.005000", "+0.010000"),
        ("USDC", "600.00", "+240.00", f"{MINUS}10.80"),
        ("USD", "$1,600.00", "+$740.00", "+$989.20"),
    ]
    assert live.missing == ()
    assert [line.all.text for line in dry.lines] == ["+0.500000", "+$50,000.00"]


def test_totals_count_what_is_missing() -> None:
    """A sum without a chain is an estimate and says whose; USD of which a part is unknown are unknown."""
    helds = [Held(BTC, value(BTC, "0.005", None)), Held(chain("unmarked"))]
    answer = portfolio(
        realized("BTC", "0.01", None, usd_missing=2, fees_incomplete=1), unresolved_refusals=1, unmatched_fills=3
    )
    (live,) = totals(helds, answer)
    coin, dollars = live.lines
    assert coin.unrealized.text == "≈ +0.005000"
    assert "1 chain left out for want of a mark" in coin.unrealized.title
    assert (dollars.unrealized.text, dollars.all.text) == (DASH, DASH)
    assert coin.all.text == "≈ +0.010000"
    assert live.missing == (
        "1 open chain without all marks: left out of unrealized",
        "1 open chain whose unrealized USD is not known for want of an index price",
        "2 chains with lines without an index price: realized USD is not known",
        "1 chain with a fill that has no fee",
        "1 refused command with fills: not in the totals",
        "3 fills without their order: not in the totals",
    )


def test_totals_before_the_ledger_has_answered() -> None:
    """What is realized is not known then; what is open is."""
    (live,) = totals([Held(BTC, value(BTC))], None)
    assert (live.lines[0].premium.text, live.lines[0].all.text) == ("0.010000", DASH)


def test_groups_sum_each_mode_and_currency_by_itself() -> None:
    """A header says how many rows it has, and what each currency of each mode comes to."""
    (header,) = header_rows([Held(BTC, value(BTC)), Held(USDC), Held(DRY, value(DRY))], "underlying")
    assert (header["name"], header["count"]) == ("BTC", 3)
    assert [text for text, _ in header["parts"]] == [
        "3 chains",
        "unrealized +0.005000 BTC",
        "of 0.010000 BTC",
        f"unrealized {DASH} (1 without mark)",
        "of 600.00 USDC",
        "dry run unrealized +0.005000 BTC",
        "of 0.010000 BTC",
    ]
    assert [header["name"] for header in header_rows([Held(BTC), Held(DRY)], "mode")] == ["DRY RUN", "LIVE"]


def test_callouts_lead_to_what_they_speak_of() -> None:
    """Refusals first; a chain that waits for its delivery is not called stale or unmarked as well."""
    flat = replace(BTC, position_id="flat", state=ChainState.FLAT, legs=())
    waiting = chain("waiting", leg(state=LegState.AWAITING_DELIVERY))
    put = chain("put", leg(instrument=contract("90000", OptionType.PUT)), collateral_insufficient=True)
    helds = [Held(flat), Held(waiting), Held(put, value(put), old=True)]
    found = callouts(helds, portfolio(unresolved_refusals=2))
    assert [(one.title, [name for name, _ in one.links]) for one in found] == [
        ("2 refused", ["see refusals"]),
        ("1 FLAT", ["flat"]),
        ("1 awaiting delivery", ["waiting"]),
        ("1 uncovered", ["put"]),
        ("1 stale mark", ["put"]),
    ]
    assert callouts([Held(BTC, value(BTC))], portfolio()) == []


def test_the_calendar_is_by_time_with_live_first() -> None:
    """Every contract of every leg, and the premium of each mode and currency."""
    later = contract("110000", expiry_time=EXPIRY.replace(month=7))
    two = chain("two", leg(), leg(instrument=later, leg_number=2))
    first, second = calendar([Held(DRY), Held(two), Held(USDC)])
    assert (first.time, second.time) == (EXPIRY, EXPIRY.replace(month=7))
    assert [(one.position_id, one.mode) for one in first.contracts] == [
        ("dollars", Mode.LIVE),
        ("two", Mode.LIVE),
        ("paper", Mode.DRY_RUN),
    ]
    assert [(mode, figure.text) for mode, figure in first.premium] == [
        (Mode.LIVE, "600.00 USDC"),
        (Mode.LIVE, "0.010000 BTC"),
        (Mode.DRY_RUN, "0.010000 BTC"),
    ]
