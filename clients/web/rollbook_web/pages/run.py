"""The view of one run: live while it runs, and all that came of it."""

from __future__ import annotations

import asyncio
import json
from functools import partial

from nicegui import app, background_tasks, ui
from starlette.responses import HTMLResponse, Response

from rollbook import Backtest, BacktestState, EquityPoint, LedgerError, TrainingFormat, TrainingRows, specs
from rollbook_web.connection import Connection
from rollbook_web.pages import lab_charts, lab_markup, lab_queue, run_figures, run_rows, steering
from rollbook_web.pages.charts import Chart
from rollbook_web.pages.following import follow
from rollbook_web.pages.frame import frame
from rollbook_web.pages.parts import box, empty, panel, words
from rollbook_web.pages.press import Press
from rollbook_web.pages.told import Told, kind_of, warnings
from rollbook_web.problems import problem_of

MOST_POINTS = 2_000
"""Of the equity of a run that has ended."""
MOST_CYCLES = 50
NEWEST = 20
"""Decisions and chains that are shown."""


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/lab/{backtest_id}", title="Backtest · Rollbook")
    async def run(backtest_id: str) -> None:
        known = connection.lab_picture.backtests.get(backtest_id)
        heading = "Backtest" if known is None else lab_queue.name_of(known)
        with frame("Lab", connection.lab_picture, heading=heading):
            OneRun(connection, backtest_id)

    @app.get("/lab/{backtest_id}/report")
    async def report(backtest_id: str) -> Response:
        """The report of a run that has ended, to be read here: it asks nobody for anything."""
        try:
            return HTMLResponse(await connection.lab.get_backtest_report(backtest_id))
        except LedgerError as error:
            return problem_of(error)


class OneRun:
    """What stands on the page, brought up to date by what has changed."""

    def __init__(self, connection: Connection, backtest_id: str) -> None:
        self._lab, self._picture, self._id = connection.lab, connection.lab_picture, backtest_id
        self._seen, self._gone = 0, False
        self._points: tuple[EquityPoint, ...] = ()
        self._whole = False
        self._loading: asyncio.Task[None] | None = None
        self._unit = ""
        self._calls = steering.of_runs(connection.lab)
        self._missing = box("stack")
        self._body = box("stack")
        self._body.set_visibility(False)
        with self._body:
            self._build()
        follow(self._picture, self._show)

    # -- what stands there -----------------------------------------------------------------------------------------

    def _build(self) -> None:
        with panel() as head:
            head.props('aria-label="State"')
            with box("bar"):
                self._state = ui.html("", sanitize=False, tag="span")
                self._kind = words("span", "", "kind")
                self._buttons = {action: self._button(action) for action in self._calls}
                ui.link("Run again …", f"/lab?again={self._id}").classes("plain")
            self._bar = ui.html("", sanitize=False)
            self._doing = words("p", "", "muted", "small").props("aria-live=polite")
            self._error = words("p", "", "complaint").props("role=alert")
            with box("bar") as self._files:
                ui.link("Open report", f"/lab/{self._id}/report", new_tab=True).classes("plain primary")
                ui.link("Download report", f"/api/backtests/{self._id}/download").classes("plain")
        self._warnings = box("callouts", tag="ul")
        self._tiles = ui.html("", sanitize=False, tag="dl").classes("tiles")
        with panel("Equity").classes("with-units"):
            self._units = box("two").props('role=group aria-label="Currency"')
            self._equity = Chart({}, "There is no bar yet.", height=300)
            self._falls = Chart({}, "", height=150)
            self._thinned = words("p", "", "muted", "small")
        with box("halves"):
            with box("stack", "apart"):
                self._account, self._hangs, self._shares = self._table(), self._table(), self._table()
            with box("stack", "apart"):
                self._chains, self._activity = self._table(), self._table()
                self._exports()
        with panel() as self._cycles_panel:
            self._cycles = ui.html("", sanitize=False)
        self._cycles_panel.set_visibility(False)
        self._recent_chains, self._recent_steps = self._table(), self._table()
        with panel(), ui.element("details"):
            words("summary", "The whole specification")
            self._spec = words("pre", "", "spec-text", "mono").props("tabindex=0")

    def _exports(self) -> None:
        with panel("Training data") as self._training:
            words("p", "What the run knew, did and got at each decision; or of each contract that it could sell.")
            for rows, name in ((TrainingRows.EXAMPLES, "Decisions"), (TrainingRows.CANDIDATES, "Candidates")):
                with box("bar"):
                    words("span", name, "muted")
                    for kind in (TrainingFormat.CSV, TrainingFormat.JSONL, TrainingFormat.PARQUET):
                        path = f"/api/backtests/{self._id}/training?rows={rows}&format={kind}"
                        ui.link(kind.value, path).props(f'download aria-label="{name} as {kind.value}"')
            words("p", "It is made when it is asked for: of a long run that takes a while.", "muted", "small")

    def _button(self, action: str) -> Press:
        async def press() -> None:
            run = self._picture.backtests.get(self._id)
            name = lab_queue.name_of(run) if run is not None else self._id
            if await steering.steer(self._calls, action, [self._id], f'the run "{name}"') and action == "Delete":
                ui.navigate.to("/lab")

        return Press(action, press)

    def _table(self) -> ui.html:
        with panel():
            return ui.html("", sanitize=False)

    # -- bringing it up to date ------------------------------------------------------------------------------------

    def _show(self) -> None:
        picture = self._picture
        run = picture.backtests.get(self._id)
        if run is None:
            self._show_missing()
            return
        if picture.touched[self._id] <= self._seen:
            return
        first, self._seen = not self._seen, picture.version
        told = Told(run)
        if first:
            self._missing.clear()
            self._body.set_visibility(True)
            self._begin(run, told)
        self._show_state(run, told)
        self._show_figures(told)
        if not self._whole:
            self._points = told.status.equity
            self._draw(told)
        if told.ended and not self._whole:
            self._whole = True
            self._loading = background_tasks.create(self._load(told), name=f"equity of {self._id}")

    def _show_missing(self) -> None:
        if not self._picture.complete or self._gone:  # nobody knows yet, or it is said
            return
        self._gone, known = True, bool(self._seen)
        self._body.set_visibility(False)
        self._missing.clear()
        with self._missing:
            text = "It was deleted, with all its results." if known else "It was deleted, or the address is wrong."
            empty("There is no such backtest", text, link=("All backtests", "/lab"))

    def _begin(self, run: Backtest, told: Told) -> None:
        """What does not change."""
        self._kind.say(kind_of(run.spec))
        self._spec.say(specs.to_json(told.spec))
        ui.page_title(f"{lab_queue.name_of(run)} · Rollbook")
        self._unit = told.ours[0][1]
        for unit in (told.unit, "USD"):
            with self._units:
                Press(unit, partial(self._choose, unit))
        self._mark_unit()

    def _show_state(self, run: Backtest, told: Told) -> None:
        status = told.status
        self._state.set_content(lab_queue.row(run)["state_html"])
        self._bar.set_content(lab_queue.bar(status.progress_pct, lab_queue.state_of(run), long=True))
        self._doing.say(lab_queue.doing(status))
        self._error.say(status.error)
        self._error.set_visibility(bool(status.error))
        self._bar.set_visibility(status.state is not BacktestState.SUCCEEDED)
        self._files.set_visibility(told.ended)
        self._training.set_visibility(told.ended and not told.wheel)  # what a sale was worth hangs on what followed it
        for action, button in self._buttons.items():
            button.set_visibility(status.state in lab_queue.STEERED[action])

    def _show_figures(self, told: Told) -> None:
        warned = warnings(told)
        if len(self._warnings.default_slot.children) != len(warned):
            self._warnings.clear()
            with self._warnings:
                for text in warned:
                    words("li", text)
        self._tiles.set_content("".join(lab_markup.tile(each) for each in run_figures.tiles(told)))
        for place, made in (
            (self._account, run_figures.account(told)),
            (self._chains, run_figures.chains(told)),
            (self._hangs, run_figures.hangs_on(told)),
            (self._activity, run_figures.activity(told)),
            (self._shares, run_figures.shares(told)),
        ):
            place.set_content(lab_markup.table(made))
        unit = told.settled or told.unit
        chains = [run_rows.chain_cells(each, unit) for each in reversed(told.status.last_chains[-NEWEST:])]
        steps = [run_rows.step_cells(each) for each in reversed(told.status.last_steps[-NEWEST:])]
        self._recent_chains.set_content(
            lab_markup.listing("Newest chains", run_rows.CHAIN_HEADS, chains, left=4, none="No chain yet.")
        )
        self._recent_steps.set_content(
            lab_markup.listing("Newest decisions", run_rows.STEP_HEADS, steps, left=3, none="No decision yet.")
        )

    async def _load(self, told: Told) -> None:
        """The equity of a run that has ended, finer than its status has it."""
        try:
            page = await self._lab.list_equity_points(self._id, max_points=MOST_POINTS, page_size=MOST_POINTS)
        except LedgerError:
            return  # what the status has is drawn already
        self._points = page.points
        with self._units:
            self._draw(told)
        if told.wheel:
            await self._load_cycles()

    async def _load_cycles(self) -> None:
        """The newest turns of a wheel that has ended."""
        try:
            cycles = [each async for each in self._lab.iterate_backtest_cycles(self._id, page_size=500)]
        except LedgerError:
            return
        rows = [run_rows.cycle_cells(each) for each in reversed(cycles[-MOST_CYCLES:])]
        self._cycles.set_content(
            lab_markup.listing("Newest cycles", run_rows.CYCLE_HEADS, rows, left=3, none="No put was sold.")
        )
        self._cycles_panel.set_visibility(True)

    def _choose(self, unit: str) -> None:
        self._unit = unit
        self._mark_unit()
        run = self._picture.backtests.get(self._id)
        if run is not None:
            self._draw(Told(run))

    def _mark_unit(self) -> None:
        for button in self._units.default_slot.children:
            button.props(f"aria-pressed={json.dumps(button.text == self._unit)}")  # type: ignore[attr-defined]

    def _draw(self, told: Told) -> None:
        points, unit = self._points, self._unit
        said = lab_charts.summary(points, told.unit, unit, told.benchmark)
        self._equity.redraw(lab_charts.equity(points, told.unit, unit, told.benchmark), said)
        self._falls.redraw(lab_charts.drawdown(points, told.unit, unit), "")
        drawn = f"≈ Drawn from {len(points):,} points; the figures are of every bar."
        self._thinned.say(drawn if points else "There is no bar yet.")
