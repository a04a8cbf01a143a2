"""The table of open chains: sorted, filtered and grouped in the browser, changed by patches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nicegui import ui

from rollbook_web.board import Board
from rollbook_web.groups import GROUPS
from rollbook_web.numbers import SIGMA
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
        self._grid = ui.aggrid(_options(query), auto_size_columns=False)
        self._grid.props('aria-label="Open chains"')
        if query.get("find"):
            find.props["value"] = query["find"]
        find.on("input", js_handler=f"(e) => Rollbook.find({self._grid.id}, e.target.value)")
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
        _ = ui.run_javascript(f"Rollbook.rows({self._grid.id}, {patch})")


def _options(query: Mapping[str, str]) -> dict[str, Any]:
    return {
        "columnDefs": _columns(),
        "defaultColDef": {"sortable": True, "resizable": True, "suppressMovable": True, "minWidth": 60},
        "rowData": [],
        ":getRowId": "p => p.data.id",
        ":alwaysPassFilter": "node => node.data?.group !== undefined",
        ":isFullWidthRow": "p => p.rowNode.data?.group !== undefined",
        ":fullWidthCellRenderer": "Rollbook.header",
        ":postSortRows": "Rollbook.grouped",
        ":onCellKeyDown": "Rollbook.open",
        ":onFilterChanged": "Rollbook.keepFilter",
        ":onSortChanged": "Rollbook.keepSort",
        ":onGridReady": f"p => Rollbook.ready(p, {json.dumps(NARROW)})",
        "rowClassRules": {
            ":row-live": "p => p.data?.mode === 'LIVE'",
            ":row-dry": "p => p.data?.mode === 'DRY_RUN'",
        },
        "rowHeight": 34,
        "headerHeight": 36,
        "context": {"group": ""},
        "quickFilterText": query.get("find", ""),
        "initialState": _state(query),
        "enableBrowserTooltips": True,
        "ensureDomOrder": True,
        "suppressCellFocus": False,
        "suppressDragLeaveHidesColumns": True,
        "animateRows": False,
        "overlayNoRowsTemplate": "<span class='muted'>No open chain fits.</span>",
    }


def _state(query: Mapping[str, str]) -> dict[str, Any]:
    """What the address says about order and filters; what cannot be read is passed over."""
    state: dict[str, Any] = {}
    order = [one for one in query.get("sort", "").split(",") if one.lstrip("-") in _names()]
    if order:
        state["sort"] = {
            "sortModel": [{"colId": one.lstrip("-"), "sort": "desc" if one[0] == "-" else "asc"} for one in order]
        }
    try:
        model = json.loads(query.get("columns", "{}"))
    except ValueError:
        model = {}
    if isinstance(model, dict) and model:
        state["filter"] = {"filterModel": {name: one for name, one in model.items() if name in _names()}}
    return state


def _names() -> set[str]:
    return {column["colId"] for column in _columns()}


def _columns() -> list[dict[str, Any]]:
    return [
        _text("chain", "Chain", 150, more={":cellRenderer": "Rollbook.link", "pinned": "left"}),
        _text("mode", "Mode", 88, more={":cellRenderer": "Rollbook.mode"}),
        _text(
            "flags",
            "State",
            130,
            more={
                ":valueGetter": "p => (p.data?.flags ?? []).map((one) => one[0]).join(' ')",
                ":cellRenderer": "Rollbook.flags",
            },
        ),
        _text("contract", "Holds", 190),
        _figure(
            "pnl", "Unrealized", 132, "Premium of what is open minus its mark, in the settlement currency, without fees"
        ),
        _figure("usd", "in USD", 104, "Premium at the index of each fill minus the mark at today's index"),
        _figure("captured", "Captured", 92, "Unrealized PnL over the premium of what is open now"),
        _figure("dte", "DTE", 74, "Days until the next expiry of what is open"),
        _figure("net", "Realized", 132, "Net of fees, the opening fee of what is open in it"),
        _figure("chain_pnl", "Chain PnL", 132, "Realized and unrealized: what the chain has come to"),
        _figure("buy_back", "Buy back", 128, "What closing all of it at the best ask would cost now, without fees"),
        _figure("yield", "≈ Yield left", 100, "Estimate: 365 * buy-back cost / (collateral * days), simple, per year"),
        _figure(
            "distance", "To strike", 92, "How far the index is from the nearest strike; positive is out of the money"
        ),
        _figure(
            "sigma",
            f"≈ {SIGMA}",
            82,
            "Estimate: the same in standard deviations until expiry, at the mark's volatility",
        ),
        _figure("delta", "≈ Delta", 82, "Estimate: the position's delta in coins, from the venue's greeks"),
        {
            **_column("marked", "Mark age", 92, "Since the oldest mark that the value is made of"),
            ":valueGetter": "Rollbook.marked",
            ":valueFormatter": "p => p.data?.marked == null ? '\\u2013' : Rollbook.age(p.value)",
            "cellClass": "ag-right-aligned-cell",
            "headerClass": "ag-right-aligned-header",
            "filter": False,
        },
        _text("account", "Account", 100),
        _text("strategy", "Strategy", 150),
        {
            **_column("rolls", "Rolls", 70, "Completed rolls"),
            "field": "rolls",
            "type": "rightAligned",
            "filter": "agNumberColumnFilter",
        },
    ]


def _column(name: str, title: str, width: int, why: str = "") -> dict[str, Any]:
    return {"colId": name, "headerName": title, "width": width, **({"headerTooltip": why} if why else {})}


def _text(name: str, title: str, width: int, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        **_column(name, title, width),
        "field": name,
        "tooltipField": name,
        "filter": "agTextColumnFilter",
        **(more or {}),
    }


def _figure(name: str, title: str, width: int, why: str) -> dict[str, Any]:
    return {
        **_column(name, title, width, why),
        ":valueGetter": f"p => Rollbook.number(p.data?.{name})",
        ":valueFormatter": f"p => Rollbook.text(p.data?.{name})",
        ":tooltipValueGetter": f"p => Rollbook.title(p.data?.{name})",
        "cellClassRules": {
            f":{tone}": f"p => p.data?.{name}?.[2] === '{tone}'" for tone in ("gain", "loss", "unknown")
        },
        "type": "rightAligned",
        "filter": "agNumberColumnFilter",
    }
