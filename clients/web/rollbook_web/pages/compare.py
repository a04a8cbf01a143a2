"""The view that sets runs side by side: what differs in their specs, their curves, and their figures."""

from __future__ import annotations

from collections.abc import Iterator

from nicegui import ui

from rollbook import Backtest, CompareBacktestsResponse, LedgerError
from rollbook_web.connection import Connection
from rollbook_web.numbers import Figure, unknown
from rollbook_web.pages import lab_charts, lab_markup, lab_queue, run_figures
from rollbook_web.pages.charts import Chart
from rollbook_web.pages.following import follow
from rollbook_web.pages.frame import frame
from rollbook_web.pages.lab_fields import FIELDS, word_of
from rollbook_web.pages.parts import box, empty, panel
from rollbook_web.pages.run_figures import Told
from rollbook_web.pages.tables import Row, Table

MANY = (2, 20)


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/lab/compare", title="Compare · Rollbook")
    async def compare(ids: str = "") -> None:
        wanted = [each for each in ids.split(",") if each]
        with frame("Lab", connection.lab_picture, heading="Backtests side by side"):
            body = box("stack")
            await ui.context.client.connected()
            with body:
                if not MANY[0] <= len(wanted) <= MANY[1]:
                    _choose("Mark 2 to 20 runs in the lab, and compare them.")
                    return
                try:
                    found = await connection.lab.compare_backtests(wanted)
                except LedgerError as error:
                    _choose(error.message)
                    return
                SideBySide(connection, found)


def _choose(why: str) -> None:
    empty("Nothing to compare", why, "rollbook backtest compare ID ID", link=("All backtests", "/lab"))


class SideBySide:
    """The runs, brought up to date while they go on."""

    def __init__(self, connection: Connection, found: CompareBacktestsResponse) -> None:
        self._picture = connection.lab_picture
        self._found = {run.backtest_id: run for run in found.backtests}
        self._seen = -1
        names = [lab_markup.link(f"/lab/{key}", name) for key, name in named(list(self._found.values())).items()]
        with panel():
            ui.html(lab_markup.table(differences(found), heads=names), sanitize=False)
        with panel("Equity against the benchmark"):
            self._chart = Chart({}, "There is no bar yet.", height=300)
        with panel():
            self._figures = ui.html("", sanitize=False)
        self._names = names
        follow(self._picture, self._show)

    def _show(self) -> None:
        touched = max((self._picture.touched.get(key, 0) for key in self._found), default=0)
        if touched <= self._seen:
            return
        self._seen = touched
        runs = [self._picture.backtests.get(key, run) for key, run in self._found.items()]
        self._figures.set_content(lab_markup.table(side_by_side(runs), heads=self._names))
        told = [Told(run) for run in runs]
        in_coin = not all(each.linear for each in told)
        drawn = [
            (name, each.status.equity)
            for name, each in zip(named(runs).values(), told, strict=True)
            if each.status.equity
        ]
        unit = "coin" if in_coin else "USD"
        said = "; ".join(
            f"{name}: {run_figures.tiles(each)[0].figure.text}"
            for name, each in zip(named(runs).values(), told, strict=True)
        )
        self._chart.redraw(
            lab_charts.against(drawn, in_coin),
            f"Equity less benchmark in {unit}, in percent of the capital. Last {said}.",
        )


def named(runs: list[Backtest]) -> dict[str, str]:
    """What the runs are called, by id; equal names are told apart by number."""
    names = [lab_queue.name_of(run) for run in runs]
    return {
        run.backtest_id: name if names.count(name) == 1 else f"{name} ({place})"
        for place, (run, name) in enumerate(zip(runs, names, strict=True), 1)
    }


def differences(found: CompareBacktestsResponse) -> Table:
    """What differs in the specs."""
    rows: list[Row] = [
        (
            FIELDS[each.field].label if each.field in FIELDS else each.field,
            tuple(
                Figure(word_of(each.field, value), each.field) if value else unknown("unset: off, or not used")
                for value in each.values
            ),
        )
        for each in found.differences
    ]
    note = "" if rows else "Nothing: they are the same run."
    return Table("What differs in their specifications", ("",), tuple(rows), note)


def side_by_side(runs: list[Backtest]) -> Table:
    """The figures of several runs: each row one figure, each column one run."""
    told = [Told(run) for run in runs]
    found: dict[str, list[Figure]] = {}
    for place, each in enumerate(told):
        for name, figure in _figures(each):
            row = found.setdefault(name, [unknown("this run has no such figure") for _ in told])
            row[place] = figure
    rows: list[Row] = [("State", tuple(Figure(lab_queue.state_of(run)) for run in runs))]
    return Table("Figures", ("",), (*rows, *((name, tuple(row)) for name, row in found.items())))


def _figures(told: Told) -> Iterator[tuple[str, Figure]]:
    """All figures of a run; of those in two currencies the coin's first, whatever its contracts settle in."""
    for table in (run_figures.account(told), run_figures.chains(told)):
        for name, cells in table.rows:
            in_coin, in_usd = reversed(cells) if told.linear else cells
            yield f"{name}, coin", in_coin
            yield f"{name}, USD", in_usd
    for table in (run_figures.activity(told), run_figures.hangs_on(told), run_figures.shares(told)):
        for name, (figure,) in table.rows:
            yield name, figure
