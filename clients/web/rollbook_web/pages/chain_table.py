"""A table of chains: sorted and filtered in the browser, changed by patches. What is chosen stays in the address."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

Column = dict[str, Any]


class ChainTable:
    """The grid, and how patches come to it."""

    def __init__(
        self, label: str, columns: Sequence[Column], query: Mapping[str, str], *, narrow: Sequence[str], nothing: str
    ) -> None:
        """
        Args:
            label: What it lists, for who does not see it.
            columns: Made by `text`, `figure` and `age`.
            query: Of the address: order, filters, and what is searched for.
            narrow: Columns that a phone does not show.
            nothing: What stands there when no row fits.
        """
        self._grid = ui.aggrid(_options(columns, query, narrow, nothing), auto_size_columns=False)
        self._grid.props(f'role=region aria-label="{label}"')

    @property
    def id(self) -> int:
        """Of its element, for scripts."""
        return self._grid.id

    def apply(self, patch: str) -> None:
        """Sends what has changed: JSON of {anew, group, rows, gone, headers}."""
        _ = ui.run_javascript(f"Rollbook.rows({self._grid.id}, {patch})")


def _options(
    columns: Sequence[Column], query: Mapping[str, str], narrow: Sequence[str], nothing: str
) -> dict[str, Any]:
    return {
        "columnDefs": list(columns),
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
        ":onGridReady": f"p => Rollbook.ready(p, {json.dumps(list(narrow))})",
        "rowClassRules": {
            ":row-live": "p => p.data?.mode === 'LIVE'",
            ":row-dry": "p => p.data?.mode === 'DRY_RUN'",
        },
        "rowHeight": 34,
        "headerHeight": 36,
        "context": {"group": ""},
        "includeHiddenColumnsInQuickFilter": True,
        "quickFilterText": query.get("find", ""),
        "initialState": _state({column["colId"] for column in columns}, query),
        "enableBrowserTooltips": True,
        "ensureDomOrder": True,
        "suppressCellFocus": False,
        "suppressDragLeaveHidesColumns": True,
        "animateRows": False,
        "overlayNoRowsTemplate": "<span class='muted'>" + nothing + "</span>",
    }


def _state(names: set[str], query: Mapping[str, str]) -> dict[str, Any]:
    """What the address says about order and filters; what cannot be read is passed over."""
    state: dict[str, Any] = {"partialColumnState": True}  # else what is not said, as what is pinned, is undone
    order = [one for one in query.get("sort", "").split(",") if one.lstrip("-") in names]
    if order:
        state["sort"] = {
            "sortModel": [{"colId": one.lstrip("-"), "sort": "desc" if one[0] == "-" else "asc"} for one in order]
        }
    try:
        model = json.loads(query.get("columns", "{}"))
    except ValueError:
        model = {}
    if isinstance(model, dict) and model:
        state["filter"] = {"filterModel": {name: one for name, one in model.items() if name in names}}
    return state


def _column(name: str, title: str, width: int, why: str = "") -> dict[str, Any]:
    return {"colId": name, "headerName": title, "width": width, **({"headerTooltip": why} if why else {})}


def text(name: str, title: str, width: int, more: Mapping[str, Any] | None = None) -> Column:
    """A column of words."""
    return {
        **_column(name, title, width),
        "field": name,
        "tooltipField": name,
        "filter": "agTextColumnFilter",
        **(more or {}),
    }


def figure(name: str, title: str, width: int, why: str) -> Column:
    """A column of figures: [text, title] or [text, title, tone]. `why` says what they are."""
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


def age(name: str, title: str, width: int, why: str) -> Column:
    """A column of instants, in ms, as the time that has passed since."""
    return {
        **_column(name, title, width, why),
        ":valueGetter": "Rollbook.marked",
        ":valueFormatter": "p => p.data?.marked == null ? '\\u2013' : Rollbook.age(p.value)",
        "cellClass": "ag-right-aligned-cell",
        "headerClass": "ag-right-aligned-header",
        "filter": False,
    }


def number(name: str, title: str, width: int, why: str) -> Column:
    """A column of counts."""
    return {**_column(name, title, width, why), "field": name, "type": "rightAligned", "filter": "agNumberColumnFilter"}


CHAIN = text("chain", "Chain", 160, more={":cellRenderer": "Rollbook.link", "pinned": "left"})
MODE = text("mode", "Mode", 88, more={":cellRenderer": "Rollbook.mode"})
