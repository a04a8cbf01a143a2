"""The table of closed chains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from rollbook_web import numbers
from rollbook_web.closed_chains import ClosedChain
from rollbook_web.closed_statistics import Delta, strategy_of
from rollbook_web.ledger_picture import ChainKey
from rollbook_web.open_rows import cell, chain_url
from rollbook_web.pages.chain_table import CHAIN, MODE, ChainTable, Column, figure, number, text
from rollbook_web.pages.parts import box, words

NARROW = (
    "mode",
    "reason",
    "account",
    "strategy",
    "contracts",
    "usd",
    "gross",
    "fees",
    "held",
    "rolls",
    "dte",
    "delta",
    "return",
)
"""Columns that a phone does not show."""

ENDED = {
    "BOUGHT_BACK": "bought back",
    "EXPIRED": "expired",
    "SETTLED": "delivered",
    "ROLL_ABANDONED": "roll given up",
    "ORDER_CANCELLED": "never filled",
}


class ClosedTable:
    """Sends what has changed of the chains that are shown."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._sent: dict[ChainKey, tuple[ClosedChain, float | None]] = {}
        with box("bar"):
            words("h2", "Closed chains")
            box("grow")
            with box("field", tag="label"):
                words("span", "Find", "unseen")
                find = ui.element("input").props('type=search placeholder="Find a chain, contract, account …" size=28')
                find.props["value"] = query.get("find", "")
        first = {"sort": "-closed"} if "sort" not in query else {}
        self._table = ChainTable(
            "Closed chains", _columns(), {**query, **first}, narrow=NARROW, nothing="No closed chain fits."
        )
        find.on("input", js_handler=f"(e) => Rollbook.find({self._table.id}, e.target.value)")

    def show(self, chains: Sequence[ClosedChain], delta: Delta) -> None:
        """Shows these."""
        now = {chain.key: (chain, delta(chain)) for chain in chains}
        changed = [each for key, each in now.items() if self._sent.get(key) != each]
        gone = [f"{account}/{name}" for account, name in self._sent.keys() - now.keys()]
        self._sent = now
        rows = [closed_row(chain, known) for chain, known in changed]
        if rows or gone:
            self._table.apply(json.dumps({"anew": False, "group": "", "rows": rows, "gone": gone, "headers": []}))


def closed_row(chain: ClosedChain, delta: float | None) -> dict[str, Any]:
    """What is written in each cell."""
    net = numbers.money(chain.net, chain.currency)
    fees = numbers.money(chain.fees, chain.currency, signed=False)
    if not chain.fees_complete or chain.fees_estimated:
        why = "from the venue's table" if chain.fees_complete else "a fill has no fee"
        net, fees = numbers.estimate(net, why), numbers.estimate(fees, why)
    closed = numbers.moment(chain.close_time)
    return {
        "id": f"{chain.account}/{chain.position_id}",
        "url": chain_url(chain.account, chain.position_id),
        "chain": chain.position_id,
        "mode": chain.mode.value,
        "closed": closed.text,
        "reason": ENDED.get(chain.close_reason.value, numbers.words(chain.close_reason)),
        "contracts": ", ".join(chain.contracts),
        "net": cell(net),
        "usd": cell(
            numbers.usd(chain.net_usd, f"{numbers.things(chain.usd_missing_lines, 'line')} without an index price")
        ),
        "kept": cell(numbers.percent(chain.premium_kept_pct, "no premium was received", money=True)),
        "gross": cell(numbers.money(chain.gross, chain.currency)),
        "fees": cell(fees),
        "held": cell(numbers.days(chain.holding_days)),
        "rolls": chain.rolls,
        "dte": cell(numbers.model(chain.days, "the expiry is not known", places=1, unit=" d", plus=False)),
        "delta": cell(numbers.model(delta, "no label and no mark at entry says it", plus=False)),
        "return": cell(
            numbers.percent(chain.return_annualised_pct, "held under one day, or collateral not known", money=True)
        ),
        "account": chain.account,
        "strategy": strategy_of(chain),
    }


def _columns() -> list[Column]:
    return [
        CHAIN,
        MODE,
        text("closed", "Closed (UTC)", 132),
        text("reason", "How", 104),
        text("contracts", "Contracts", 200),
        figure("net", "Net PnL", 136, "Fees taken off, in the settlement currency"),
        figure("usd", "in USD", 108, "Each line at its own index"),
        figure("kept", "Kept", 86, "Gross PnL over all premium received"),
        figure("gross", "Gross", 132, "Before fees"),
        figure("fees", "Fees", 132, "Charged, the delivery fee with them"),
        figure("held", "Held", 80, "From the first fill to the end"),
        number("rolls", "Rolls", 72, "Completed rolls"),
        figure("dte", "DTE at entry", 104, "Days to the expiry of leg 1 when it was opened"),
        figure(
            "delta",
            "≈ Delta at entry",
            122,
            "Estimate: the bot's label, else the venue's greeks soon after the first fill",
        ),
        figure("return", "Return p. a.", 104, "On collateral, simple"),
        text("account", "Account", 100),
        text("strategy", "Strategy", 160),
    ]
