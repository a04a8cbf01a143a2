"""Statistics of closed chains as a table, and their cumulative PnL as charts."""

from __future__ import annotations

from collections.abc import Sequence

from rollbook_web import numbers
from rollbook_web.closed_chains import ClosedChain
from rollbook_web.closed_statistics import Group, cumulative, group
from rollbook_web.pages.charts import Chart
from rollbook_web.pages.parts import Number, box, words

COLUMNS = (
    ("Chains", ""),
    ("Won", "Chains with a profit in their own currency"),
    ("Net PnL", "By currency, fees taken off; coins are never added"),
    ("in USD", "Each line at its own index; unknown if one has none"),
    ("Premium kept", "Gross PnL over all premium received"),
    ("Held", "On average, from the first fill to the end"),
    ("Rolls", "On average"),
)


def draw_groups(shown: tuple[str, list[Group], list[ClosedChain]]) -> None:
    """A line for each group, and one for all."""
    title, groups, chains = shown
    if not chains:
        words("p", "No closed chain fits what is chosen above.", "muted")
        return
    with box("plain-table", tag="table"):
        with box(tag="thead"), box(tag="tr"):
            words("th", title).props("scope=col")
            for name, why in COLUMNS:
                words("th", name, "r", title=why).props("scope=col")
        with box(tag="tbody"):
            for one in groups:
                _line(one)
            with box("sum", tag="tr"):
                _cells(group("All", chains))


def _line(one: Group) -> None:
    with box(tag="tr"):
        _cells(one)


def _cells(one: Group) -> None:
    words("th", one.name).props("scope=row")
    for figure in (one.chains, one.won):
        Number(figure, "td").classes("r")
    with box("r", tag="td"):
        for figure in one.net:
            Number(figure, "div")
    for figure in (one.net_usd, one.kept, one.held, one.rolls):
        Number(figure, "td").classes("r")


def draw_cumulative(chains: Sequence[ClosedChain]) -> None:
    """A chart for each currency, and one in USD."""
    lines = cumulative(chains)
    unknown = sum(chain.net_usd is None for chain in chains)
    if not lines:
        words("p", "Nothing to draw.", "muted")
    for currency in sorted(lines, key=lambda name: (name == "USD", name)):
        points = lines[currency]
        of = f"{numbers.things(len(points), 'chain')}"
        if currency == "USD" and unknown:
            of += f"; {unknown:,} without USD left out"
        first, last = points[0], points[-1]
        with box("stack").style("gap: 4px"):
            words("h3", f"{currency} · {of}")
            Chart(
                {
                    "useUTC": True,
                    "xAxis": {"type": "time"},
                    "yAxis": {"type": "value", "name": currency},
                    "series": [
                        {
                            "type": "line",
                            "step": "end",
                            "name": f"net PnL, {currency}",
                            "data": [[time.timestamp() * 1000, round(value, 8)] for time, value in points],
                            "showSymbol": len(points) < 30,
                            "symbolSize": 4,
                            "areaStyle": {"opacity": 0.08},
                        }
                    ],
                },
                f"Cumulative net PnL in {currency} of {of}: {first[1]:,.6g} on {numbers.day(first[0]).text}, "
                f"{last[1]:,.6g} on {numbers.day(last[0]).text}.",
                height=200,
            )
