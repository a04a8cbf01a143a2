"""The views of sweeps: all of them, and one with its best points and its heatmap.

A sweep has no stream (docs/decisions/0019): while one goes on, a page that shows it looks again once a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nicegui import ui

from rollbook import BacktestState, GetSweepResponse, LedgerError
from rollbook_web.connection import Connection
from rollbook_web.numbers import Figure, moment, percent
from rollbook_web.pages import lab_charts, lab_markup, lab_queue, steering, sweep_figures
from rollbook_web.pages.charts import Chart
from rollbook_web.pages.following import while_open
from rollbook_web.pages.frame import frame
from rollbook_web.pages.lab_queue import STEERED
from rollbook_web.pages.parts import box, empty, panel, words
from rollbook_web.pages.press import Press

AGAIN = 1.0
"""Seconds until the next look at what goes on."""
BEST = 20
NEWEST = 100
COMMAND = "rollbook backtest sweep spec.yaml --grid selection.max_delta=0.2,0.3,0.45 --grid exits.take_profit=0.5,0.7"


def add(connection: Connection) -> None:
    """Adds the views to the app."""

    @ui.page("/lab/sweeps", title="Sweeps · Rollbook")
    async def sweeps() -> None:
        with frame("Lab", connection.lab_picture, heading="Sweeps"), box("stack") as body:
            look(AllSweeps(connection, body).look)

    @ui.page("/lab/sweeps/{sweep_id}", title="Sweep · Rollbook")
    async def sweep(sweep_id: str) -> None:
        with frame("Lab", connection.lab_picture, heading="Sweep"), box("stack") as body:
            OneSweep(connection, sweep_id, body)


def look(once: Callable[[], Awaitable[bool]]) -> None:
    """Looks as soon as the browser is there, and again for as long as it says that something goes on."""

    async def looking() -> None:
        while await once():  # noqa: ASYNC110  a sweep has no event to wait for
            await asyncio.sleep(AGAIN)

    while_open(looking)


class AllSweeps:
    """The newest sweeps."""

    def __init__(self, connection: Connection, body: ui.element) -> None:
        self._lab, self._body = connection.lab, body
        with body, panel():
            self._list = ui.html("", sanitize=False)

    async def look(self) -> bool:
        """Reads them, and says whether one goes on."""
        try:
            found = (await self._lab.list_sweeps(page_size=NEWEST)).sweeps
        except LedgerError as error:
            self._list.set_content(lab_markup.said(error.message))
            return error.reason != "LAB_UNAVAILABLE"
        if not found:
            self._body.clear()
            with self._body:
                empty("No sweep yet", "A sweep runs one spec with many values of some fields:", COMMAND)
            return False
        rows = [
            [
                Figure(sweep_figures.state_of(each)),
                Figure(", ".join(axis.field for axis in each.axes)),
                moment(each.create_time),
                Figure(sweep_figures.progress(each)),
                percent(sweep_figures.progress_pct(each), places=0),
            ]
            for each in found
        ]
        links = [lab_markup.link(f"/lab/sweeps/{each.sweep_id}", sweep_figures.title_of(each)) for each in found]
        heads = ("State", "Fields", "Created (UTC)", "Points", "Done")
        self._list.set_content(lab_markup.listing("Sweeps", heads, rows, left=4, links=links, first="Sweep"))
        return any(map(sweep_figures.goes_on, found))


class OneSweep:
    """A sweep with all that it says."""

    def __init__(self, connection: Connection, sweep_id: str, body: ui.element) -> None:
        self._lab, self._id, self._body = connection.lab, sweep_id, body
        self._fields: tuple[str, str] | None = None
        self._calls = steering.of_sweeps(connection.lab)
        self._name = sweep_id
        with body:
            self._build()
        look(self._look)

    def _build(self) -> None:
        with panel().props('aria-label="State"'):
            with box("bar"):
                self._title = words("h2", "")
                self._state = ui.html("", sanitize=False, tag="span")
                words("span", "", "grow")
                self._buttons = {action: self._button(action) for action in self._calls}
            self._bar = ui.html("", sanitize=False)
            self._doing = words("p", "", "muted", "small").props("aria-live=polite")
            self._about = words("p", "", "muted")
            self._error = words("p", "", "complaint").props("role=alert")
        with panel("What choosing was worth"):
            self._verdict = words("p", "")
            words(
                "p",
                "The best of many points is lucky, out of sample too. What choosing was worth is what the point made "
                "that its in-sample part chose.",
                "muted",
                "small",
            )
            self._walked = ui.html("", sanitize=False)
        with panel("Heatmap") as self._heat:
            self._axes = box("bar")
            self._chart = Chart({}, "No point has a value yet.", height=320)
            self._said = words("p", "", "muted", "small")
        with panel():
            self._best = ui.html("", sanitize=False)
        with panel():
            self._swept = ui.html("", sanitize=False)

    def _button(self, action: str) -> Press:
        async def press() -> None:
            if not await steering.steer(self._calls, action, [self._id], f'the sweep "{self._name}"'):
                return
            if action == "Delete":
                ui.navigate.to("/lab/sweeps")
            elif await self._look() and action == "Resume":
                look(self._look)

        return Press(action, press)

    async def _look(self) -> bool:
        """Reads it, and says whether it goes on."""
        try:
            found = await self._lab.get_sweep(self._id, best=BEST, heatmap_fields=self._fields or ())
        except LedgerError as error:
            if error.reason == "SWEEP_NOT_FOUND":
                self._body.clear()
                with self._body:
                    why = "It was deleted, or the address is wrong."
                    empty("There is no such sweep", why, link=("Sweeps", "/lab/sweeps"))
                return False
            self._doing.say(error.message)
            return True
        if found.sweep is None:
            return False
        self._show(found)
        return sweep_figures.goes_on(found.sweep)

    def _show(self, found: GetSweepResponse) -> None:
        sweep = found.sweep
        assert sweep is not None
        self._name = sweep_figures.title_of(sweep)
        state = sweep_figures.state_of(sweep)
        self._title.say(self._name)
        self._state.set_content(lab_queue.chip(state))
        self._bar.set_content(lab_queue.bar(sweep_figures.progress_pct(sweep), state, long=True))
        self._bar.set_visibility(sweep.state is not BacktestState.SUCCEEDED)
        self._doing.say(sweep_figures.progress(sweep))
        self._about.say(sweep_figures.about(sweep))
        self._error.say(sweep.error)
        self._error.set_visibility(bool(sweep.error))
        for action, button in self._buttons.items():
            button.set_visibility(sweep.state in STEERED[action])
        self._verdict.say(sweep_figures.verdict(found))
        if found.walk_forward is not None:
            folds = [sweep_figures.fold_cells(sweep, each) for each in found.walk_forward.folds]
            self._walked.set_content(lab_markup.listing("Walk forward", sweep_figures.FOLD_HEADS, folds, left=5))
        self._show_heat(found)
        numbers = [each.number for each in found.best]
        chosen = found.chosen.number if found.chosen is not None else 0
        self._best.set_content(
            lab_markup.listing(
                "Best points out of sample",
                sweep_figures.heads(sweep),
                [sweep_figures.cells(sweep, each) for each in found.best],
                none="No point is done yet.",
                left=1 + len(sweep.axes),
                links=[
                    lab_markup.link(f"/lab?sweep={self._id}&point={number}", f"Point {number}", "Run it again …")
                    for number in numbers
                ],
                first="Run again",
                picked=numbers.index(chosen) if chosen in numbers else -1,
            )
        )
        axes = [[Figure(field), Figure(values)] for field, values in sweep_figures.axes(sweep)]
        self._swept.set_content(lab_markup.listing("What is swept", ("Field", "Values"), axes, left=2))

    def _show_heat(self, found: GetSweepResponse) -> None:
        heat, sweep = found.heatmap, found.sweep
        assert sweep is not None
        self._heat.set_visibility(heat is not None)
        if heat is None:
            return
        fields = [axis.field for axis in sweep.axes if len(axis.values) > 1]
        if self._fields is None:
            self._fields = heat.row_field, heat.column_field
            if len(fields) > 2:
                with self._axes:
                    for place, name in enumerate(("Rows", "Columns")):
                        ui.select(
                            {field: lab_charts.label_of(field) for field in fields},
                            label=name,
                            value=self._fields[place],
                            on_change=lambda event, place=place: self._choose(place, event.value),
                        ).props("dense outlined options-dense behavior=menu")

        def figure(value: float) -> Figure:
            return sweep_figures.value(sweep, value, "")

        said = lab_charts.heatmap_summary(heat, figure)
        self._chart.redraw(lab_charts.heatmap(heat, figure), said)
        self._said.say(f"{sweep.rank_by}, the median of each cell out of sample. {said}")

    async def _choose(self, place: int, field: str) -> None:
        assert self._fields is not None
        row, column = self._fields
        chosen = (field, column) if place == 0 else (row, field)
        if chosen[0] == chosen[1]:
            ui.notify("Rows and columns are two different fields.")
            return
        self._fields = chosen
        await self._look()
