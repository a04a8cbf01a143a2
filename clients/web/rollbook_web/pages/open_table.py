"""The table of open chains: sorted, filtered and grouped in the browser, changed by patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from rollbook_web.board import Board
from rollbook_web.groups import GROUPS
from rollbook_web.numbers import SIGMA
from rollbook_web.pages.chain_table import CHAIN, MODE, ChainTable, Column, age, figure, number, text
from rollbook_web.pages.parts import box, words

NARROW = [
    "mode",
    "flags",
    "account",
    "strategy",
    "contract",
    "usd",
    "net",
    "chain_pnl",
    "buy_back",
    "yield",
    "sigma",
    "delta",
    "rolls",
]
"""Columns that a phone does not show."""


class OpenTable:
    """The table with its search and its groups. What is chosen stays in the address."""

    def __init__(self, board: Board, query: Mapping[str, str]) -> None:
        self._board = board
        self._group = query.get("group", "") if query.get("group", "") in GROUPS else ""
        self._sent = 0
        """The version that the browser has."""
        with box("bar"):
            words("h2", "Open chains")
            box("grow")
            with box("field", tag="label"):
                words("span", "Find", "unseen")
                find = ui.element("input").props('type=search placeholder="Find a chain, contract, account …" size=28')
            with box("field", tag="label"):
                words("span", "Group by", "unseen")
                with ui.element("select") as select:
                    for key, name in {
                        "": "No groups",
                        **{key: f"Group by {name}" for key, (name, _) in GROUPS.items()},
                    }.items():
                        option = words("option", name).props(f'value="{key}"')
                        if key == self._group:
                            option.props("selected")
        self._table = ChainTable("Open chains", _columns(), query, narrow=NARROW, nothing="No open chain fits.")
        if query.get("find"):
            find.props["value"] = query["find"]
        find.on("input", js_handler=f"(e) => Rollbook.find({self._table.id}, e.target.value)")
        select.on(
            "change",
            self._regroup,
            js_handler="(e) => { Rollbook.keep('group', e.target.value); emit(e.target.value) }",
        )

    def _regroup(self, event: Any) -> None:
        group = str(event.args)
        self._group = group if group in GROUPS else ""
        self._sent = 0
        self.refresh()

    def refresh(self) -> None:
        """Sends what has changed."""
        version = self._board.picture.version
        if version == self._sent:
            return
        patch = self._board.patch(self._sent, self._group)
        self._sent = version
        self._table.apply(patch)


def _columns() -> list[Column]:
    return [
        CHAIN,
        MODE,
        text(
            "flags",
            "State",
            130,
            more={
                ":valueGetter": "p => (p.data?.flags ?? []).map((one) => one[0]).join(' ')",
                ":cellRenderer": "Rollbook.flags",
            },
        ),
        text("contract", "Holds", 190),
        figure(
            "pnl", "Unrealized", 132, "Premium of what is open minus its mark, in the settlement currency, without fees"
        ),
        figure("usd", "in USD", 104, "Premium at the index of each fill minus the mark at today's index"),
        figure("captured", "Captured", 92, "Unrealized PnL over the premium of what is open now"),
        figure("dte", "DTE", 74, "Days until the next expiry of what is open"),
        figure("net", "Realized", 132, "Net of fees, the opening fee of what is open in it"),
        figure("chain_pnl", "Chain PnL", 132, "Realized and unrealized: what the chain has come to"),
        figure("buy_back", "Buy back", 128, "What closing all of it at the best ask would cost now, without fees"),
        figure("yield", "≈ Yield left", 100, "Estimate: 365 * buy-back cost / (collateral * days), simple, per year"),
        figure(
            "distance", "To strike", 92, "How far the index is from the nearest strike; positive is out of the money"
        ),
        figure(
            "sigma",
            f"≈ {SIGMA}",
            82,
            "Estimate: the same in standard deviations until expiry, at the mark's volatility",
        ),
        figure("delta", "≈ Delta", 82, "Estimate: the position's delta in coins, from the venue's greeks"),
        age("marked", "Mark age", 92, "Since the oldest mark that the value is made of"),
        text("account", "Account", 100),
        text("strategy", "Strategy", 150),
        number("rolls", "Rolls", 70, "Completed rolls"),
    ]
