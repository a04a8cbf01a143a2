"""The queue of the lab as a live table: rows are added, changed and removed one by one, as the lab's stream says."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from rollbook_web.connection import Connection
from rollbook_web.live import LabPicture
from rollbook_web.numbers import things
from rollbook_web.pages import lab_queue, steering
from rollbook_web.pages.following import follow
from rollbook_web.pages.parts import box, empty, words
from rollbook_web.pages.press import Press

TALLEST = 14
"""Rows, beyond which the table scrolls within itself."""


class QueueRows:
    """Rows of runs, each made once for all open pages."""

    def __init__(self, picture: LabPicture) -> None:
        self._picture = picture
        self._made: dict[str, tuple[int, dict[str, Any]]] = {}

    def of(self, backtest_id: str) -> dict[str, Any]:
        """The row of a run that is there."""
        version = self._picture.touched[backtest_id]
        known = self._made.get(backtest_id)
        if known is None or known[0] != version:
            known = version, lab_queue.row(self._picture.backtests[backtest_id])
            self._made[backtest_id] = known
        return known[1]

    def all(self) -> list[dict[str, Any]]:
        """All of them, newest first."""
        self._made = {key: made for key, made in self._made.items() if key in self._picture.backtests}
        return sorted((self.of(key) for key in self._picture.backtests), key=lambda each: -each["order"])


class QueueGrid:
    """The table with what can be done with the runs that are marked in it."""

    def __init__(self, connection: Connection, rows: QueueRows) -> None:
        self._picture = connection.lab_picture
        self._made = rows
        self._calls = steering.of_runs(connection.lab)
        self._ready = False
        self._seen = 0
        self._shown: set[str] = set()
        self._marked: list[str] = []
        with box("bar"):
            words("h2", "Backtests")
            self._count = words("span", "", "muted", "small", "grow")
            ui.link("Sweeps", "/lab/sweeps")
        with box("bar").props('role="toolbar" aria-label="With the marked runs"'):
            self._buttons = {action: self._button(action) for action in self._calls}
            self._compare = Press("Compare", self._show_side_by_side)
        self._empty = empty(
            "No backtest yet",
            "Fill in the form and run it, or queue a spec from a terminal:",
            "rollbook backtest run spec.yaml --watch",
        )
        self._empty.set_visibility(False)  # until it is known
        self._grid = ui.aggrid(_OPTIONS).classes("queue")
        self._grid.on("selectionChanged", self._mark)
        self._grid.on("gridReady", self._begin, args=[])
        follow(self._picture, self._show)

    def _begin(self) -> None:
        """The browser has made the table: what was sent to it before is lost, so it begins with all."""
        self._ready, self._seen = True, 0
        self._show()

    def _show(self) -> None:
        """Brings the table to the picture's state by what has changed since the last time."""
        if not self._ready:
            return
        picture, seen = self._picture, self._seen
        self._seen = picture.version
        there = set(picture.backtests)
        if seen == 0:
            _ = self._grid.run_grid_method("setGridOption", "rowData", self._made.all())
        else:
            new = sorted(there - self._shown, key=lambda key: self._made.of(key)["order"], reverse=True)
            changes = {
                "add": [self._made.of(key) for key in new],
                "addIndex": 0,
                "update": [self._made.of(key) for key in there & self._shown if picture.touched[key] > seen],
                "remove": [{"id": key} for key in self._shown - there],
            }
            if changes["add"] or changes["update"] or changes["remove"]:
                _ = self._grid.run_grid_method("applyTransaction", changes)
        if there != self._shown or not seen:
            self._shown = there
            self._grid.style(f"height: {52 + 36 * max(1, min(len(there), TALLEST))}px")
            self._grid.set_visibility(bool(there))
            self._empty.set_visibility(not there and picture.complete)
            self._count.say(things(len(there), "run") if there else "")
        self._allow()

    async def _mark(self) -> None:
        self._marked = [each["id"] for each in await self._grid.get_selected_rows()]
        self._allow()

    def _allow(self) -> None:
        """Only what can be done with all that are marked can be pressed."""
        marked = [self._picture.backtests[key] for key in self._marked if key in self._picture.backtests]
        for action, button in self._buttons.items():
            states = lab_queue.STEERED[action]
            button.allow(bool(marked) and all(run.status and run.status.state in states for run in marked))
        self._compare.allow(2 <= len(marked) <= 20)

    def _button(self, action: str) -> Press:
        return Press(action, lambda: self._steer(action))

    async def _steer(self, action: str) -> None:
        ids = [key for key in self._marked if key in self._picture.backtests]
        names = (
            f'the run "{lab_queue.name_of(self._picture.backtests[ids[0]])}"' if len(ids) == 1 else f"{len(ids)} runs"
        )
        await steering.steer(self._calls, action, ids, names)

    def _show_side_by_side(self) -> None:
        there = [key for key in self._marked if key in self._picture.backtests]
        oldest_first = sorted(there, key=lambda key: self._made.of(key)["order"])
        ui.navigate.to(f"/lab/compare?ids={','.join(oldest_first)}")


def _column(field: str, name: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "headerName": name, "sortable": True, "resizable": True, **more}


def _markup(field: str) -> dict[str, Any]:
    """The cell shows the row's own markup; sorting and filters go by the value."""
    return {":cellRenderer": f"params => params.data.{field}_html"}


_NARROW = "innerWidth < 640"
_WIDE = {":hide": "innerWidth < 900"}
"""On a phone there is no room for it; the run's own page has it."""

_OPTIONS: dict[str, Any] = {
    "columnDefs": [
        _column("name", "Backtest", flex=1, minWidth=112, filter="agTextColumnFilter", **_markup("name")),
        _column("state", "State", width=92, **_markup("state")),
        _column("progress", "Progress", **{":width": f"{_NARROW} ? 80 : 150"}, **_markup("progress")),
        _column("eta", "Left", width=110, **_WIDE),
        _column("result", "Against benchmark", width=150, type="rightAligned", **_markup("result"), **_WIDE),
        _column("created", "Created (UTC)", width=140, **_WIDE),
    ],
    "rowData": [],
    ":getRowId": "params => params.data.id",
    "rowHeight": 36,
    "headerHeight": 36,
    "rowSelection": {"mode": "multiRow", "checkboxes": True, "headerCheckbox": True, "enableClickSelection": False},
    "selectionColumnDef": {"width": 40},
    "suppressCellFocus": False,
    "animateRows": False,
    "enableCellTextSelection": True,
}
