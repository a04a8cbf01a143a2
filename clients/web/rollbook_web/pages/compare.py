"""The view that sets runs side by side: what differs in their specs, their curves, and their figures."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from rollbook import CompareBacktestsResponse, LedgerError
from rollbook_web.connection import Connection
from rollbook_web.pages import compare_figures, lab_charts, lab_markup
from rollbook_web.pages.charts import Chart
from rollbook_web.pages.following import follow, while_open
from rollbook_web.pages.frame import frame
from rollbook_web.pages.parts import box, empty, panel
from rollbook_web.pages.told import Told

LEAST, MOST = 2, 20


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/lab/compare", title="Compare · Rollbook")
    async def compare(ids: str = "") -> None:
        wanted = [each for each in ids.split(",") if each]
        with frame("Lab", connection.lab_picture, heading="Backtests side by side"), box("stack"):
            while_open(lambda: _compare(connection, wanted))


async def _compare(connection: Connection, wanted: Sequence[str]) -> None:
    if not LEAST <= len(wanted) <= MOST:
        _nothing(f"Mark {LEAST} to {MOST} runs in the lab, and compare them; or in a terminal:")
        return
    try:
        found = await connection.lab.compare_backtests(wanted)
    except LedgerError as error:
        _nothing(error.message)
        return
    SideBySide(connection, found)


def _nothing(why: str) -> None:
    empty("Nothing to compare", why, "rollbook backtest compare ID ID", link=("All backtests", "/lab"))


class SideBySide:
    """The runs, brought up to date while they go on."""

    def __init__(self, connection: Connection, found: CompareBacktestsResponse) -> None:
        self._picture = connection.lab_picture
        self._found = {run.backtest_id: run for run in found.backtests}
        self._seen = -1
        names = zip(self._found, compare_figures.names_of(found.backtests), strict=True)
        self._heads = [lab_markup.link(f"/lab/{key}", name) for key, name in names]
        _place().set_content(lab_markup.table(compare_figures.differences(found), heads=self._heads))
        with panel("Equity against the benchmark"):
            self._chart = Chart({}, "There is no bar yet.", height=300)
        self._figures = [_place() for _ in compare_figures.side_by_side(found.backtests)]
        follow(self._picture, self._show)

    def _show(self) -> None:
        touched = max((self._picture.touched.get(key, 0) for key in self._found), default=0)
        if touched <= self._seen:
            return
        self._seen = touched
        runs = [self._picture.backtests.get(key, run) for key, run in self._found.items()]
        for place, table in zip(self._figures, compare_figures.side_by_side(runs), strict=True):
            place.set_content(lab_markup.table(table, heads=self._heads))
        told = [Told(run) for run in runs]
        in_coin = not all(each.linear for each in told)
        curves = zip(compare_figures.names_of(runs), (each.status.equity for each in told), strict=True)
        self._chart.redraw(
            lab_charts.against([(name, points) for name, points in curves if points], in_coin=in_coin),
            f"Equity less benchmark in {'coin' if in_coin else 'USD'}, in percent of the capital. By now: "
            f"{compare_figures.last(runs)}.",
        )


def _place() -> ui.html:
    with panel():
        return ui.html("", sanitize=False).classes("side-by-side")
