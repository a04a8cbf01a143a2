"""The totals of LIVE and DRY_RUN, each in a table of its own. Figures change in place."""

from __future__ import annotations

from rollbook.models import Mode
from rollbook_web.numbers import Figure, things
from rollbook_web.pages.parts import Number, Words, box, mode_chip, panel, words
from rollbook_web.sums import DOLLAR, Line, Totals

COLUMNS = (
    ("Open premium", "What was received for what is open now"),
    ("Unrealized", "Open premium minus marks, without fees"),
    ("Realized today", "Since 00:00 UTC, fees taken off"),
    ("30 days", "Realized in the last 30 days, fees taken off"),
    ("All", "Realized since the beginning, fees taken off"),
)


class TotalsTables:
    """A table for each mode, drawn anew only when a mode or a currency comes or goes."""

    def __init__(self) -> None:
        self._place = box("halves")
        self._shape: list[tuple[str, ...]] = []
        self._numbers: list[Number] = []
        self._counts: list[Words] = []
        self._missing: list[Words] = []

    def show(self, some: list[Totals]) -> None:
        """Shows other figures."""
        shape = [(totals.mode.value, *(line.currency for line in totals.lines)) for totals in some]
        if shape != self._shape:
            self._draw(some)
            self._shape = shape
        numbers = iter(self._numbers)
        for totals, count, missing in zip(some, self._counts, self._missing, strict=True):
            count.say(things(totals.open_chains, "open chain"))
            missing.say("Missing: " + "; ".join(totals.missing) + "." if totals.missing else "")
            for line in totals.lines:
                for figure in _figures(line):
                    next(numbers).show(figure)

    def _draw(self, some: list[Totals]) -> None:
        self._place.clear()
        self._numbers, self._counts, self._missing = [], [], []
        with self._place:
            for totals in some:
                self._draw_mode(totals)

    def _draw_mode(self, totals: Totals) -> None:
        live = totals.mode is Mode.LIVE
        with panel().classes("of-live" if live else "of-dry").props(f'aria-label="Totals {totals.mode.value}"'):
            with box("bar"):
                mode_chip(totals.mode)
                words("h2", "Totals" if live else "Totals without money at stake")
                box("grow")
                self._counts.append(words("span", "", "muted"))
            with box("scroll"), box("plain-table", "totals", tag="table"):
                with box(tag="thead"), box(tag="tr"):
                    words("th", "Currency").props("scope=col")
                    for title, why in COLUMNS:
                        words("th", title, "r", title=why).props("scope=col")
                with box(tag="tbody"):
                    for line in totals.lines:
                        self._draw_line(line)
            self._missing.append(words("p", "", "muted", "small"))

    def _draw_line(self, line: Line) -> None:
        dollars = line.currency == DOLLAR
        with box(*(("sum",) if dollars else ()), tag="tr"):
            why = "Each line at the index of its own moment; a USDC counts as a USD" if dollars else ""
            words("th", "in USD" if dollars else line.currency, title=why).props("scope=row")
            for figure, (title, _) in zip(_figures(line), COLUMNS, strict=True):
                number = Number(figure, "td")
                number.classes("r").props(f'data-label="{title}"')
                self._numbers.append(number)


def _figures(line: Line) -> tuple[Figure, ...]:
    return line.premium, line.unrealized, line.today, line.month, line.all
