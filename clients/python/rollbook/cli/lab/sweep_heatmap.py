"""Two fields of a sweep against each other, as a table: numbers, or a digit for each where there are too many."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from rollbook.cli.figures import MISSING
from rollbook.cli.lab.sweep_figures import plain_value, value_text
from rollbook.cli.tables import Column, fits
from rollbook.models import Heatmap, HeatmapCell, Sweep

WORST, MIDDLE, BEST = (236, 130, 80), (245, 234, 190), (84, 190, 170)
"""Orange, cream and teal: their order can also be seen by eyes that do not tell red from green."""


def heatmap_title(sweep: Sweep) -> str:
    """What a cell is."""
    unit = ", %" if sweep.rank_by.endswith("_pct") else ""
    return f"Median {sweep.rank_by}{unit}, out of sample"


def heatmap_columns(sweep: Sweep, heatmap: Heatmap, width: int) -> list[Column]:
    """A row for each value of one field, a column for each of the other, shaded from the worst to the best. Numbers
    where they fit, else digits from 0 to 9; the last columns are left out where not even those do."""
    numbers = _numbers(sweep, heatmap)
    return numbers if fits(numbers, width) else _columns(heatmap, _digits(heatmap.cells))


def heatmap_notes(sweep: Sweep, heatmap: Heatmap, width: int, *, coloured: bool) -> list[str]:
    """What the rows, columns, digits and shades are."""
    known = _known(heatmap.cells)
    notes = [f"Rows: {heatmap.row_field}; columns: {heatmap.column_field}."]
    marks = [] if fits(_numbers(sweep, heatmap), width) else [("0", "9")]
    marks += [("orange", "teal")] if coloured else []
    if marks and known and min(known) < max(known):
        worst, best = (" and ".join(pair[side] for pair in marks) for side in (0, 1))
        low, high = value_text(sweep, min(known)), value_text(sweep, max(known))
        notes.append(f"The worst, {low}, is {worst}; the best, {high}, is {best}.")
    return notes


def _numbers(sweep: Sweep, heatmap: Heatmap) -> list[Column]:
    return _columns(heatmap, [plain_value(sweep, cell.median) for cell in heatmap.cells])


def _columns(heatmap: Heatmap, texts: Sequence[str]) -> list[Column]:
    """The cells of a column are as wide as each other, so that shades have no gaps below each other."""
    known = _known(heatmap.cells)
    low, high = min(known, default=0.0), max(known, default=0.0)
    count = len(heatmap.column_values)
    rows = [value or "unset" for value in heatmap.row_values]
    columns = [Column("", rows, figure=True)]
    for place, value in enumerate(heatmap.column_values):
        head, cells = value or "unset", list(zip(texts, heatmap.cells, strict=True))[place::count]
        widest = max(len(head), *(len(text) for text, _ in cells))
        shaded = [Text(text.rjust(widest), style=_shade(cell.median, low, high)) for text, cell in cells]
        columns.append(Column(head, shaded, figure=True, spare=place))
    return columns


def _known(cells: Sequence[HeatmapCell]) -> list[float]:
    return [cell.median for cell in cells if cell.median is not None]


def _digits(cells: Sequence[HeatmapCell]) -> list[str]:
    """From 0, the worst, to 9, the best."""
    known = _known(cells)
    low, high = min(known, default=0.0), max(known, default=0.0)
    return [MISSING if cell.median is None else str(min(int(10 * _share(cell.median, low, high)), 9)) for cell in cells]


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _shade(value: float | None, low: float, high: float) -> str:
    """Where the value lies between the worst and the best."""
    if value is None:
        return "dim"
    share = 2 * _share(value, low, high)
    ends = (WORST, MIDDLE) if share < 1 else (MIDDLE, BEST)
    mixed = (round(one + (other - one) * (share % 1 if share < 2 else 1)) for one, other in zip(*ends, strict=True))
    return f"#000000 on rgb({','.join(map(str, mixed))})"
