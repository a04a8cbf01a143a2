"""Charts of the lab as ECharts options: equity against the benchmark, drawdown, and the heatmap of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rollbook import EquityPoint, Heatmap
from rollbook_web.numbers import DASH, Figure, percent, things
from rollbook_web.pages.lab_fields import word_of
from rollbook_web.pages.lab_numbers import money

Options = dict[str, Any]
Curve = list[list[float]]

OURS, OTHER, FALL = "var(--series-1)", "var(--muted)", "var(--loss)"
"""Our curve, the benchmark's, and how deep ours fell."""
TEXT = {"fontFamily": "system-ui, sans-serif", "color": "var(--text)"}
"""A family that can be measured: else labels are laid out by another font's widths, and overlap."""


_TIMES = {"type": "time", "axisLabel": {"alignMinLabel": "left", "alignMaxLabel": "right"}}
"""The last label has its room, too."""


def equity(points: Sequence[EquityPoint], coin: str, unit: str, benchmark: str) -> Options:
    """Equity and its benchmark over time, in the coin or in USD."""
    ours, other = curves(points, coin, unit)
    return {
        "textStyle": TEXT,
        "legend": {"data": ["Equity", benchmark], "left": 0},
        "grid": {"left": 8, "right": 16, "top": 48, "bottom": 4, "containLabel": True},
        "tooltip": {":valueFormatter": _formatter(4 if unit == coin else 0, unit)},
        "xAxis": _TIMES,
        "yAxis": {"type": "value", "name": unit},
        "series": [_line("Equity", OURS, ours, 2.0), _line(benchmark, OTHER, other)],
    }


def drawdown(points: Sequence[EquityPoint], coin: str, unit: str) -> Options:
    """How far equity was below its highest point until then, in percent of that."""
    ours, _ = curves(points, coin, unit)
    return {
        "textStyle": TEXT,
        "tooltip": {":valueFormatter": _formatter(2, "%")},
        "xAxis": _TIMES,
        "yAxis": {"type": "value", "max": 0, "name": "% below the peak"},
        "series": [_line("Drawdown", FALL, falls(ours)) | {"areaStyle": {"color": FALL, "opacity": 0.15}}],
    }


def against(runs: Sequence[tuple[str, Sequence[EquityPoint]]], *, in_coin: bool) -> Options:
    """Of several runs: equity less benchmark, in percent of the capital."""
    series = []
    for name, points in runs:
        curve = []
        for point in points:
            ours, other = (point.equity_coin, point.hodl_coin) if in_coin else (point.equity_usd, point.hodl_usd)
            first = points[0].hodl_coin if in_coin else points[0].hodl_usd
            curve.append([_at(point), _short(100 * (ours - other) / first) if first else 0.0])
        series.append({"name": name, "type": "line", "data": curve, "lineStyle": {"width": 1.8}})
    return {
        "textStyle": TEXT,
        "legend": {"data": [name for name, _ in runs], "left": 0, "type": "scroll"},
        "grid": {"left": 8, "right": 16, "top": 48, "bottom": 4, "containLabel": True},
        "tooltip": {":valueFormatter": _formatter(2, "%")},
        "xAxis": _TIMES,
        "yAxis": {"type": "value", "name": "% of the capital"},
        "series": series,
    }


def summary(points: Sequence[EquityPoint], coin: str, unit: str, benchmark: str) -> str:
    """The curves in sentences, for those who do not see them."""
    if not points:
        return "There is no bar yet."
    ours, other = curves(points, coin, unit)
    first, last = points[0].time, points[-1].time
    deepest = min(fall for _, fall in falls(ours))
    assert first is not None
    assert last is not None
    return (
        f"From {first:%Y-%m-%d} to {last:%Y-%m-%d} equity went from {_said(ours[0][1], unit)} to "
        f"{_said(ours[-1][1], unit)}, {benchmark} to {_said(other[-1][1], unit)}. As drawn, the deepest fall from a "
        f"peak is {percent(abs(deepest)).text}."
    )


def heatmap(found: Heatmap, figure: Callable[[float], Figure]) -> Options:
    """Two fields against each other; each cell is the median of its points out of sample, with its figure in it.

    `figure` writes a median. How strong a cell's colour is says how good it is.
    """
    rows = [_value(found.row_field, value) for value in found.row_values]
    columns = [_value(found.column_field, value) for value in found.column_values]
    known = [cell.median for cell in found.cells if cell.median is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    cells = []
    for place, cell in enumerate(found.cells):
        row, column = divmod(place, max(len(columns), 1))
        text = DASH if cell.median is None else figure(cell.median).text
        share = None if cell.median is None else (cell.median - low) / (high - low) if high > low else 0.0
        cells.append(
            {
                "value": [column, row, DASH if cell.median is None else cell.median],
                "visualMap": False,
                "itemStyle": {"color": _strength(share)},
                "label": {"formatter": text},
                "tooltip": {"formatter": f"{_cell(found, place)}: median {text}, {things(cell.points, 'point')} done"},
            }
        )
    named = {"nameLocation": "middle", "splitLine": {"show": False}}
    return {
        "textStyle": TEXT,
        "grid": {"left": 24, "right": 8, "top": 8, "bottom": 24, "containLabel": True},
        "tooltip": {"trigger": "item"},
        "xAxis": {"type": "category", "data": columns, "name": label_of(found.column_field), "nameGap": 26, **named},
        "yAxis": {"type": "category", "data": rows, "name": label_of(found.row_field), "nameGap": 44, **named}
        | {"nameTextStyle": {"align": "center"}},
        "visualMap": {"show": False, "min": 0, "max": 1},
        "series": [
            {
                "type": "heatmap",
                "data": cells,
                "label": {"show": True, "fontSize": 13, "color": "var(--text)"},
                "itemStyle": {"borderColor": "var(--panel)", "borderWidth": 2},
            }
        ],
    }


def heatmap_summary(found: Heatmap, figure: Callable[[float], Figure]) -> str:
    """The heatmap in a sentence."""
    known = [(cell.median, place) for place, cell in enumerate(found.cells) if cell.median is not None]
    if not known:
        return "No point has a value yet."
    (low, worst), (high, best) = min(known), max(known)
    least, most = f"{figure(low).text} ({_cell(found, worst)})", f"{figure(high).text} ({_cell(found, best)})"
    return f"The median goes from {least} to {most}."


def label_of(path: str) -> str:
    """A field's own name, without its part: target delta."""
    return path.rpartition(".")[2].replace("_", " ")


def curves(points: Sequence[EquityPoint], coin: str, unit: str) -> tuple[Curve, Curve]:
    """Equity and benchmark as [milliseconds, amount], in the coin or in USD."""
    in_coin = unit == coin
    return (
        [[_at(each), _short(each.equity_coin if in_coin else each.equity_usd)] for each in points],
        [[_at(each), _short(each.hodl_coin if in_coin else each.hodl_usd)] for each in points],
    )


def falls(curve: Curve) -> Curve:
    """How far a curve is below its highest point until then, in percent of that."""
    peak, found = float("-inf"), []
    for time, value in curve:
        peak = max(peak, value)
        found.append([time, _short(100 * (value / peak - 1)) if peak > 0 else 0.0])
    return found


def _strength(share: float | None) -> str:
    """The accent's colour on the ground of the page, the stronger the better; a figure in it stays legible."""
    return "var(--grid)" if share is None else f"color-mix(in srgb, var(--accent) {8 + 42 * share:.0f}%, var(--panel))"


def _cell(found: Heatmap, place: int) -> str:
    row, column = divmod(place, max(len(found.column_values), 1))
    pairs = ((found.row_field, found.row_values[row]), (found.column_field, found.column_values[column]))
    return ", ".join(f"{label_of(path)} {_value(path, value)}" for path, value in pairs)


def _value(path: str, value: str) -> str:
    return word_of(path, value) or "unset"


def _at(point: EquityPoint) -> float:
    assert point.time is not None
    return round(point.time.timestamp() * 1000)


def _short(value: float) -> float:
    """A point of a chart needs no more digits, and they are sent to each page."""
    return float(f"{value:.8g}")


def _said(value: float, unit: str) -> str:
    return money(value, unit, signed=False).text


def _line(name: str, colour: str, data: Curve, width: float = 1.4) -> Options:
    return {
        "name": name,
        "type": "line",
        "data": data,
        "lineStyle": {"width": width, "color": colour},
        "itemStyle": {"color": colour},
    }


def _formatter(places: int, unit: str) -> str:
    digits = f"{{minimumFractionDigits: {places}, maximumFractionDigits: {places}}}"
    return f"value => value == null ? '' : Number(value).toLocaleString('en-US', {digits}) + ' {unit}'"
