"""What the open chains of a book were worth, minute by minute, and now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui

from rollbook.errors import LedgerError
from rollbook.models import Mode, ValueSample
from rollbook_web import numbers
from rollbook_web.connection import Connection
from rollbook_web.pages.charts import Chart
from rollbook_web.pages.parts import box, words
from rollbook_web.sums import Live, Portfolios, live

MOST = 5_000
"""Samples that are drawn, the newest."""
PAUSE = timedelta(seconds=5)
"""Between two points that are appended."""

Book = tuple[str, Mode, str]
"""Account, mode, currency."""


class ValueOverTime:
    """A chart of one book, and the choice of it. What is chosen stays in the address."""

    def __init__(self, connection: Connection, chosen: str) -> None:
        self._connection = connection
        self._wanted = chosen
        self._book: Book | None = None
        self._books: list[Book] = []
        self._chart: Chart | None = None
        self._appended: datetime | None = None
        with box("field", tag="label"):
            words("span", "Of which book", "unseen")
            self._select = ui.element("select").style("align-self: flex-start; max-width: 100%")
        self._select.on(
            "change", self._choose, js_handler="(e) => { Rollbook.keep('value', e.target.value); emit(e.target.value) }"
        )
        self._place = box()
        self._nothing = words("p", "No value was kept yet: it begins with the first mark.", "muted")

    async def refresh(self, portfolios: Portfolios | None) -> None:
        """Draws it the first time, and appends the present value afterwards."""
        if portfolios is None:
            return
        rows = sorted(portfolios.whole.rows, key=lambda row: (row.mode is not Mode.LIVE, -row.open_chains, row.account))
        books: list[Book] = [(row.account, row.mode, row.settlement_currency) for row in rows]
        if set(books) != set(self._books):
            self._books = books
            self._offer()
        if self._book is None and books:
            await self._draw(next((book for book in books if _name(book) == self._wanted), books[0]))
        else:
            self._append()

    def _offer(self) -> None:
        self._select.clear()
        with self._select:
            for book in self._books:
                account, mode, currency = book
                option = words("option", f"{account} · {mode.value.replace('_', ' ')} · {currency}")
                option.props(f'value="{_name(book)}"')
                if _name(book) == self._wanted or book == self._book:
                    option.props("selected")

    async def _choose(self, event: Any) -> None:
        for book in self._books:
            if _name(book) == str(event.args):
                await self._draw(book)

    async def _draw(self, book: Book) -> None:
        account, mode, currency = book
        samples: list[ValueSample] = []
        try:
            async for sample in self._connection.ledger.iterate_valuations(
                account=account, mode=mode, settlement_currency=currency, newest_first=True, page_size=500
            ):
                samples.append(sample)
                if len(samples) == MOST:
                    break
        except LedgerError:
            return  # the bar on top says that the server is away; the next change tries again
        samples.reverse()
        self._book, self._appended = book, None
        self._place.clear()
        with self._place:
            self._chart = Chart(_options(samples, currency), _summary(samples, book))
            self._nothing.set_visibility(not samples)
        self._append()

    def _append(self) -> None:
        """The present value, if enough time has passed."""
        now = datetime.now(UTC)
        if self._chart is None or self._book is None or (self._appended and now - self._appended < PAUSE):
            return
        account, mode, currency = self._book
        helds = self._connection.board.held().values()
        sums = live(helds, lambda held: (held.chain.account, held.chain.mode.value, held.chain.settlement_currency))
        worth = sums.get((account, mode.value, currency), Live())
        if not worth.valued:
            return
        self._appended = now
        self._nothing.set_visibility(False)
        at, value = now.timestamp() * 1000, float(worth.unrealized)
        self._chart.append({0: [[at, None if worth.unmarked else value]], 1: [[at, value if worth.unmarked else None]]})


def _name(book: Book) -> str:
    account, mode, currency = book
    return f"{account}.{mode.value}.{currency}"


def _options(samples: list[ValueSample], currency: str) -> dict[str, Any]:
    line = {"type": "line", "showSymbol": len(samples) < 30, "symbolSize": 5}
    return {
        "useUTC": True,
        "legend": {},
        "xAxis": {"type": "time"},
        "yAxis": {"type": "value", "name": currency},
        "series": [
            {**line, "name": "Unrealized", "data": [_point(one, whole=True) for one in samples]},
            {
                **line,
                "name": "of marked chains only",
                "data": [_point(one, whole=False) for one in samples],
                "color": "var(--muted)",
                "lineStyle": {"type": "dashed"},
            },
        ],
    }


def _point(sample: ValueSample, *, whole: bool) -> list[float | None]:
    """A value that lacks a chain stands on a line of its own. One that lacks all of them is a 0, and no value."""
    assert sample.time is not None
    shown = sample.unrealized_pnl is not None and bool(sample.missing_marks) is not whole
    if sample.missing_marks and not sample.unrealized_pnl:
        shown = False
    return [sample.time.timestamp() * 1000, float(sample.unrealized_pnl or 0) if shown else None]


def _summary(samples: list[ValueSample], book: Book) -> str:
    account, mode, currency = book
    if not samples:
        return f"No values yet of {account}, {mode.value}, {currency}."
    first, last = samples[0], samples[-1]
    return (
        f"Unrealized PnL of the open chains of {account}, {mode.value}, in {currency}: from "
        f"{numbers.money(first.unrealized_pnl, currency).text} at {numbers.moment(first.time).text} UTC to "
        f"{numbers.money(last.unrealized_pnl, currency).text} at {numbers.moment(last.time).text} UTC."
        + (f" Only the newest {MOST:,} values are drawn." if len(samples) == MOST else "")
    )
