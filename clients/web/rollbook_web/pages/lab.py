"""The view Lab: the form of a backtest, and the queue of all runs."""

from __future__ import annotations

from nicegui import ui

from rollbook import AsyncLab, BacktestSpec, Dataset, LedgerError, Refused, Unconfirmed, new_request_id
from rollbook_web.connection import Connection
from rollbook_web.pages import lab_form
from rollbook_web.pages.following import while_open
from rollbook_web.pages.frame import frame
from rollbook_web.pages.lab_fields import BOTH
from rollbook_web.pages.parts import box, empty, panel, words
from rollbook_web.pages.press import Press
from rollbook_web.pages.queue_grid import QueueGrid, QueueRows
from rollbook_web.pages.spec_form import SpecForm
from rollbook_web.pages.synthetic import ask_for_market

MOST_DATASETS = 500
COMMANDS = "rollbook data import bars.parquet --kind bars --underlying BTC\nrollbook data synthetic --underlying BTC"


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    rows = QueueRows(connection.lab_picture)

    @ui.page("/lab", title="Lab · Rollbook")
    async def lab(again: str = "", sweep: str = "", point: int = 0) -> None:
        with frame("Lab", connection.lab_picture):
            with box("lab"):
                with panel().props('aria-label="Backtests"'):
                    QueueGrid(connection, rows)
                with panel("New backtest").classes("lab-form"):
                    form = box("stack")
            with form:
                while_open(lambda: NewBacktest(connection.lab).begin(again, sweep, point))


class NewBacktest:
    """The form with what is around it: data to run on, what was refused, and the button."""

    def __init__(self, lab: AsyncLab) -> None:
        self._lab = lab
        self._unanswered: tuple[BacktestSpec, str] | None = None
        self._again: tuple[dict[str, str], str] | None = None
        """What is to be run again as it was, and the engine that made it."""

    async def begin(self, again: str, sweep: str, point: int) -> None:
        """Stands in the page, filled in with a run or a sweep's point that is to be run again."""
        try:
            datasets = await self._datasets()
        except LedgerError as error:
            command = 'pip install "rollbook-server[lab]"' if error.reason == "LAB_UNAVAILABLE" else ""
            empty("The lab does not answer", error.message, command)
            return
        self._empty = empty("There is no data yet", "Read a file on the server's disk, or make a market up:", COMMANDS)
        self._empty.set_visibility(not datasets)
        self._form = SpecForm(datasets, {"Data": lambda: Press("Make a synthetic market …", self._make, "aside")})
        self._complaint = words("p", "", "complaint").props("role=alert")
        with box("bar"):
            self._run = Press("Run backtest", self._start, "primary")
        await self._fill(again, sweep, point)

    async def _datasets(self) -> list[Dataset]:
        return list((await self._lab.list_datasets(page_size=MOST_DATASETS)).datasets)

    async def _fill(self, again: str, sweep: str, point: int) -> None:
        try:
            if again:
                run = await self._lab.get_backtest(again)
                self._take(run.spec or BacktestSpec(), run.engine_version)
            elif sweep and point:
                engine = (await self._lab.get_sweep(sweep)).sweep
                async for each in self._lab.iterate_sweep_points(sweep, page_size=500):
                    if each.number == point and each.spec is not None:
                        self._take(each.spec, engine.engine_version if engine is not None else "")
                        break
        except LedgerError as error:
            self._complaint.say(f"It could not be filled in: {error.message}")

    def _take(self, spec: BacktestSpec, engine_version: str) -> None:
        self._form.take(spec)
        self._again = self._form.said, engine_version

    async def _make(self) -> None:
        if await ask_for_market(self._lab):
            datasets = await self._datasets()
            self._form.use(datasets)
            self._empty.set_visibility(not datasets)

    async def _start(self) -> None:
        said = self._form.said
        spec, wrong = lab_form.read(said)
        self._form.complain(wrong)
        self._complaint.say("Not sent: some fields say what cannot be read." if wrong else "")
        if wrong:
            return
        self._run.allow(False)
        try:
            await self._send(spec, both=said.get("exit_style") == BOTH)
        except Refused as error:
            self._unanswered = None
            if error.reason == "ENGINE_CHANGED":
                self._again = None
                self._complaint.say(f"{error.message}. Press again to run it with this one: its figures may be others.")
                return
            path, sentence = lab_form.refused(error)
            self._form.complain({path: sentence} if path else {})
            self._complaint.say("The server refused a field: see there." if path else f"Refused: {sentence}")
        except Unconfirmed as error:
            self._complaint.say(f"No answer: {error.message}. Press again: whatever became of this, it is queued once.")
        finally:
            self._run.allow(True)

    async def _send(self, spec: BacktestSpec, *, both: bool) -> None:
        if self._unanswered is None or self._unanswered[0] != spec:
            self._unanswered = spec, new_request_id()
        request_id = self._unanswered[1]
        if both:
            runs = await self._lab.create_exit_styles(spec, group_id=request_id)
            ui.navigate.to(f"/lab/compare?ids={','.join(run.backtest_id for run in runs)}")
        else:
            unchanged = self._again is not None and self._again[0] == self._form.said
            engine_version = self._again[1] if self._again is not None and unchanged else ""
            run = await self._lab.create_backtest(spec, request_id=request_id, engine_version=engine_version)
            ui.navigate.to(f"/lab/{run.backtest_id}")
        self._unanswered = None
