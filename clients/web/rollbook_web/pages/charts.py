"""Charts in the colours of the page. They are SVG, whose colours are the page's variables: dark and light need nothing
more, and a reader can have a text in their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nicegui import ui

from rollbook_web.pages.parts import Words, box

SERIES = tuple(f"var(--series-{number})" for number in range(1, 7))
"""Colours of series, in their order; "var(--gain)", "var(--loss)" and "var(--muted)" serve as well."""
MOST_POINTS = 20_000
"""A series keeps its newest points."""


class Chart:
    """A chart that is drawn once and appended to."""

    def __init__(self, options: Mapping[str, Any], summary: str, *, height: int = 260) -> None:
        """
        Args:
            options: Of ECharts. Axes, legend and tooltip get the page's colours; say `name` with the unit for axes.
            summary: What it shows, in a sentence with figures, for who does not see it.
            height: In pixels.
        """
        with box("chart", tag="figure").style("margin: 0"):
            self._echart = ui.echart(_themed(options), renderer="svg").style(f"height: {height}px")
            self._echart.props("aria-hidden=true")
            self._summary = Words("figcaption", summary)
            self._summary.classes("unseen")

    def append(self, points: Mapping[int, Sequence[Sequence[object]]], summary: str = "") -> None:
        """More points, by the number of their series."""
        if any(points.values()):
            more = json.dumps([[series, some] for series, some in points.items()])
            _ = ui.run_javascript(f"Rollbook.append({self._echart.id}, {more}, {MOST_POINTS})")
        if summary:
            self._summary.say(summary)

    def redraw(self, options: Mapping[str, Any], summary: str) -> None:
        """Draws something else."""
        self._echart.options.clear()
        self._echart.options.update(_themed(options))
        self._summary.say(summary)


def _themed(options: Mapping[str, Any]) -> dict[str, Any]:
    themed: dict[str, Any] = {
        "animation": False,
        "color": list(SERIES),
        "textStyle": {"fontFamily": "Roboto, system-ui, sans-serif", "color": "var(--text)"},
        "grid": {"left": 8, "right": 16, "top": 30, "bottom": 4, "containLabel": True},
        **options,
    }
    for axis in ("xAxis", "yAxis"):
        if axis in themed:
            themed[axis] = [_axis(each, axis) for each in _each(themed[axis])]
    tooltip = {"trigger": "axis", "confine": True, "className": "chart-tip", "axisPointer": _POINTER}
    themed["tooltip"] = tooltip | dict(options.get("tooltip", {}))
    if "legend" in themed:
        legend = {
            "textStyle": {"color": "var(--text)"},
            "inactiveColor": "var(--muted)",
            "type": "plain",
            "top": 0,
            "right": 0,
        }
        themed["legend"] = legend | {"icon": "roundRect", "itemWidth": 12, "itemHeight": 4} | dict(themed["legend"])
    themed["series"] = [_series(each) for each in _each(themed.get("series", []))]
    return themed


_TIMES = {
    "year": "{yyyy}",
    "month": "{MMM} {yyyy}",
    "day": "{d} {MMM}",
    "hour": "{HH}:{mm}",
    "minute": "{HH}:{mm}",
    "second": "{HH}:{mm}:{ss}",
    "millisecond": "{HH}:{mm}:{ss}",
    "none": "{HH}:{mm}",
}
_POINTER = {"lineStyle": {"color": "var(--muted)", "type": "dashed"}, "label": {"show": False}}


def _axis(axis: Mapping[str, Any], which: str) -> dict[str, Any]:
    own: dict[str, Any] = {
        "axisLine": {"lineStyle": {"color": "var(--line)"}},
        "axisTick": {"show": False},
        "axisLabel": {"color": "var(--muted)", "fontSize": 11, "hideOverlap": True},
        "nameTextStyle": {"color": "var(--muted)", "fontSize": 11, **({"align": "left"} if which == "yAxis" else {})},
        "splitLine": {"show": which == "yAxis", "lineStyle": {"color": "var(--grid)"}},
    }
    if which == "yAxis":
        own["scale"] = True
    if axis.get("type") == "time":
        own["axisLabel"]["formatter"] = _TIMES
    for name, value in axis.items():
        own[name] = own[name] | value if isinstance(value, Mapping) and isinstance(own.get(name), dict) else value
    return own


def _series(series: Mapping[str, Any]) -> dict[str, Any]:
    # Emphasis and blur would be computed from the colour, which is a variable here.
    return {"showSymbol": False, "emphasis": {"disabled": True}, **series}


def _each(some: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [some] if isinstance(some, Mapping) else list(some)
