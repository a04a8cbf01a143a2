"""Returns by month, as a table whose cells are coloured by size."""

import numpy as np

from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.backtest.report.markup import Markup, element, table
from rollbook_server.domain.backtest.report.numerals import number

NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHADES = (0.15, 0.45, 0.8)
"""Parts of the 90th percentile of all months from which on a cell is darker."""


def monthly(time: Ints, value: Floats, first: float) -> dict[tuple[int, int], float]:
    """The return of each (year, month) in UTC, in percent: from the last value of the month before (`first` for the
    first) to its own. A close at 00:00 belongs to the month before."""
    month = (time - 1).astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    last = np.append(np.flatnonzero(np.diff(month)), len(month) - 1)
    ends = np.concatenate(([first], value[last]))
    if not (ends > 0).all():
        return {}
    return {
        (1970 + int(month[row]) // 12, int(month[row]) % 12 + 1): 100 * float(now / before - 1)
        for row, before, now in zip(last, ends[:-1], ends[1:], strict=True)
    }


def heat_table(
    caption: str, ours: dict[tuple[int, int], float], theirs: dict[tuple[int, int], float], name: str
) -> Markup:
    """Years by months, the year's return, and that of the benchmark."""
    largest = float(np.quantile(np.abs(list(ours.values())), 0.9)) if ours else 0.0
    rows = []
    for year in sorted({year for year, _ in ours}):
        cells: list[str] = [f"{year}"]
        cells += [_cell(ours.get((year, month)), largest) for month in range(1, 13)]
        cells += [element("td", _compounded(ours, year), class_="year"), _compounded(theirs, year)]
        rows.append(cells)
    return table(caption, ["Year", *NAMES, "Year", name], rows, class_="heat")


def _cell(value: float | None, largest: float) -> Markup:
    if value is None:
        return element("td", "", class_="empty")
    size = sum(abs(value) >= share * largest for share in SHADES) if largest else 0
    sign = "gain" if value > 0 else "loss"
    return element("td", number(value, 1), class_=f"{sign}-{size}" if size else None)


def _compounded(months: dict[tuple[int, int], float], year: int) -> str:
    growth = np.prod([1 + each / 100 for (of, _), each in months.items() if of == year])
    return number(100 * float(growth - 1), 1)
