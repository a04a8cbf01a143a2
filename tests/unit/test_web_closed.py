"""What the view Closed shows, from facts: choice, statistics, curves, CSV."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from rollbook import ChainState, CloseReason, LegState, Mode, PositionChain
from rollbook_web.closed_chains import ClosedChain, closed_chain
from rollbook_web.closed_csv import as_csv
from rollbook_web.closed_statistics import WAYS, Choice, cumulative, group, groups
from rollbook_web.numbers import DASH, MINUS
from tests.support.chains import OPENED, chain, leg


def over(name: str, net: str, usd: str | None, *, days: int = 5, **more: Any) -> PositionChain:
    """A chain that was bought back."""
    fields: dict[str, Any] = {
        "state": ChainState.CLOSED, "close_reason": CloseReason.BOUGHT_BACK, "net_pnl": Decimal(net),
        "gross_pnl": Decimal(net), "net_pnl_usd": None if usd is None else Decimal(usd),
        "total_premium": Decimal("0.01"),
        "close_time": OPENED + timedelta(days=days), "holding_days": Decimal(days),
    }  # fmt: skip
    sold = leg(state=LegState.CLOSED, open_quantity=Decimal(0), open_credit=Decimal(0))
    return chain(name, sold, **fields | more)


def closed(*args: Any, **more: Any) -> ClosedChain:
    """The same as the page keeps it."""
    made = closed_chain(over(*args, **more))
    assert made is not None
    return made


def no_delta(_: ClosedChain) -> float | None:
    return None


def test_only_what_was_filled_and_is_over_counts() -> None:
    """A chain whose orders were cancelled is in no statistic."""
    assert closed_chain(chain()) is None
    assert closed_chain(over("never", "0", "0", legs=(), close_reason=CloseReason.ORDER_CANCELLED)) is None
    made = closed("done", "0.005", "500")
    assert (made.days, made.delta, made.contracts) == (24 + 23 / 24, None, ("BTC-27JUN25-100000-C",))
    assert closed("said", "0.005", "500", labels={"delta": "-0.22"}).delta == 0.22
    assert closed("nonsense", "0.005", "500", labels={"delta": "22"}).delta is None


def test_the_address_chooses() -> None:
    """Both days are included, what cannot be read is passed over, and one mode is always chosen."""
    choice = Choice.of({"account": "main", "since": "2025-06-07", "until": "2025-06-07", "underlying": "BTC"})
    assert choice == Choice(Mode.LIVE, "main", "BTC", "", date(2025, 6, 7), date(2025, 6, 7))
    assert Choice.of({"since": "soon", "mode": "ALL"}) == Choice()
    assert choice.takes(closed("in", "1", "1"))
    for out in ({"days": 4}, {"days": 6}, {"account": "other"}, {"mode": Mode.DRY_RUN}, {"underlying": "ETH"}):
        assert not choice.takes(closed("out", "1", "1", **out)), out
    assert Choice.of({"strategy": "covered call · weekly"}).takes(closed("named", "1", "1", strategy_name="weekly"))


def test_statistics_keep_currencies_apart_and_count_the_unknown() -> None:
    """A win is in the chain's own currency, even if it is a loss in dollars. USD are unknown with any of them."""
    chains = [
        closed("a", "0.002", "-420"),
        closed("b", "-0.001", "-90", fees_estimated=True),
        closed("c", "30", "30", settlement_currency="USDC"),
        closed("d", "0", "0"),
    ]
    made = group("All", chains)
    assert (made.chains.text, made.won.text, made.won.title) == ("4", "50 %", "2 of 4")
    assert [figure.text for figure in made.net] == ["≈ +0.001000 BTC", "+30.00 USDC"]
    assert made.net_usd.text == f"≈ {MINUS}$480.00"
    assert made.kept.text == DASH
    unknown = group("All", [*chains, closed("e", "1", None)])
    assert (unknown.net_usd.text, unknown.net_usd.title) == (DASH, "1 chain with lines without an index price")
    assert group("BTC", chains[:1]).kept.text == "20.0 %"


def test_groups_stand_in_their_own_order() -> None:
    """Months the newest first, buckets by size, what is not known last."""
    chains = [
        closed("a", "1", "1", num_rolls=2), closed("b", "1", "1", days=40),
        closed("c", "1", "1", num_rolls=9, open_time=OPENED + timedelta(days=24)),
    ]  # fmt: skip
    deltas = {"a": 0.22, "b": 0.07}

    def delta(one: ClosedChain) -> float | None:
        return deltas.get(one.position_id)

    names = {way: [one.name for one in groups(chains, way, delta)] for way in WAYS}
    assert names == {
        "strategy": ["covered call"],
        "month": ["2025-07", "2025-06"],
        "delta": ["below 0.10", "0.20 to 0.25", "not known"],
        "days": ["below 2 d", "14 to 30 d"],
        "rolls": ["0", "2", "4 and more"],
    }


def test_curves_add_up_as_chains_closed() -> None:
    """By currency; in USD without the chains of which they are not known."""
    lines = cumulative([closed("a", "0.1", "100"), closed("b", "-0.3", None), closed("c", "0.1", "50")])
    assert [value for _, value in lines["BTC"]] == [0.1, -0.2, -0.1]
    assert [value for _, value in lines["USD"]] == [100.0, 150.0]


def test_csv_is_exact_and_harmless() -> None:
    """All digits, nothing where nothing is known, and no cell that a spreadsheet would run."""
    exact = "0.123456789012345678901234567890"
    chains = [closed("a", exact, None, strategy_name="=HYPERLINK(1)"), closed("b", "-1", "-5")]
    first, second = csv.DictReader(io.StringIO(as_csv(chains, no_delta)))
    assert (first["net_pnl"], first["net_pnl_usd"], first["delta_at_entry_estimate"]) == (exact[:-1], "", "")
    assert first["strategy_name"] == "'=HYPERLINK(1)"
    assert second["net_pnl"] == "-1"
