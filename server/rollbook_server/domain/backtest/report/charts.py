"""Charts as inline SVG, without a library.

x is in percent and y in pixels, so a chart takes the width that there is and its text keeps its size. Only lines need a
box of their own, 1,000 wide and stretched. Colours are classes of the stylesheet. Marks carry their values as a title.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from rollbook_server.domain.backtest.market import Floats, Ints
from rollbook_server.domain.backtest.report.markup import Markup, element
from rollbook_server.domain.backtest.report.numerals import number
from rollbook_server.domain.clock import DAY, Micros, micros, moment

WIDTH = 1000
BUCKETS = 360
"""Of a line; each keeps its lowest and its highest point, so that no fall is lost."""
_FOOT = 22
"""Pixels below the plot, for its dates."""
_HEAD = 14


@dataclass(frozen=True, slots=True)
class Line:
    """A series; `class_` is its colour."""

    name: str
    class_: str
    value: Floats


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels from the top, and from times to percent from the left."""

    begin: Micros
    end: Micros
    low: float
    high: float
    height: int

    def x(self, time: float) -> float:
        return round(100 * (time - self.begin) / max(self.end - self.begin, 1), 3)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.height - share * (self.height - _HEAD), 1)


def scale_of(begin: Micros, end: Micros, values: Sequence[Floats], height: int, *, zero: bool = False) -> Scale:
    """That shows all `values`, and zero if it is asked for."""
    low, high = min(float(each.min()) for each in values), max(float(each.max()) for each in values)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-9 * max(abs(high), 1e-3):
        low, high = low - max(abs(low) * 0.05, 1e-6), high + max(abs(high) * 0.05, 1e-6)
    room = 0.04 * (high - low)
    return Scale(
        begin, end, low if zero and low == 0 else low - room, high if zero and high == 0 else high + room, height
    )


def thinned(value: Floats, buckets: int = BUCKETS) -> Ints:
    """Rows of a line that show it as it is: first and last, and the lowest and highest of each bucket, in order."""
    if len(value) <= 2 * buckets:
        return np.arange(len(value))
    edges = np.linspace(0, len(value), buckets + 1).astype(np.int64)
    rows = [
        begin + row
        for begin, end in pairwise(edges)
        for row in (int(value[begin:end].argmin()), int(value[begin:end].argmax()))
    ]
    return np.unique(np.array([0, *rows, len(value) - 1]))


def lines(
    name: str,
    time: Ints,
    series: Sequence[Line],
    unit: str,
    *,
    height: int = 260,
    filled: bool = False,
    zero: bool = False,
) -> Markup:
    """Lines over time (n,); the first one is filled down from zero if asked for."""
    scale = scale_of(int(time[0]), int(time[-1]), [each.value for each in series], height, zero=zero or filled)
    drawn = []
    for each in reversed(series):
        rows = thinned(each.value)
        points = " ".join(
            f"{scale.x(time[row]) * WIDTH / 100:.1f},{scale.y(each.value[row]):.1f}" for row in rows
        ).replace(".0,", ",")
        if filled and each is series[0]:
            ground = f"{scale.y(0.0):.1f}"
            drawn.append(
                element("polygon", points=f"0,{ground} {points} {WIDTH},{ground}", class_=f"fill {each.class_}")
            )
        drawn.append(element("polyline", points=points, class_=f"line {each.class_}", data_name=each.name))
    return framed(
        name,
        scale,
        *grid(scale),
        element(
            "svg",
            *drawn,
            viewBox=f"0 0 {WIDTH} {height}",
            width="100%",
            height=height,
            preserveAspectRatio="none",
        ),
        class_="chart lines",
        data_begin=int(scale.begin / 1000),
        data_end=int(scale.end / 1000),
        data_low=f"{scale.low:.8g}",
        data_high=f"{scale.high:.8g}",
        data_head=_HEAD,
        data_places=_finer(_levels(scale)),
        data_unit=unit,
    )


def bars(name: str, heights: Floats, titles: Sequence[str], classes: Sequence[str]) -> Markup:
    """One bar for each of `heights` (n,) from zero, in order; `titles` say what each is."""
    scale = scale_of(0, len(heights), [heights], 220, zero=True)
    width = 100 / len(heights)
    ground = scale.y(0.0)
    return framed(
        name,
        scale,
        *grid(scale, dates=False),
        *(
            element(
                "rect",
                element("title", title),
                x=f"{width * (row + 0.1):.3f}%",
                width=f"{width * 0.8:.3f}%",
                y=f"{min(ground, scale.y(value)):.1f}",
                height=f"{max(abs(ground - scale.y(value)), 0.6):.1f}",
                class_=f"bar {class_}",
            )
            for row, (value, title, class_) in enumerate(zip(heights, titles, classes, strict=True))
        ),
        class_="chart",
    )


def framed(name: str, scale: Scale, *children: str, **attributes: object) -> Markup:
    """The chart itself, with its name for those who cannot see it."""
    return element(
        "svg",
        element("title", name),
        *children,
        role="img",
        aria_label=name,
        width="100%",
        height=scale.height + _FOOT,
        **attributes,
    )


def grid(scale: Scale, *, dates: bool = True) -> list[Markup]:
    """Lines at round values, their figures in the gutter that the stylesheet leaves, and dates below."""
    made = []
    levels = _levels(scale)
    places = _places(levels)
    for level in levels:
        y = scale.y(level)
        made.append(element("line", x1="0", x2="100%", y1=y, y2=y, class_="zero" if abs(level) < 1e-12 else "grid"))
        label = number(level, places)
        made.append(element("text", label, x="-8", y=round(y + 4, 1), class_="tick", text_anchor="end"))
    if dates:
        for time, text in dates_of(scale.begin, scale.end):
            x = scale.x(time)
            end = x > 93
            made.append(element("line", x1=f"{x}%", x2=f"{x}%", y1=scale.height, y2=scale.height + 4, class_="grid"))
            made.append(
                element(
                    "text",
                    text,
                    x=f"{x}%",
                    y=scale.height + 17,
                    class_="tick",
                    text_anchor="end" if end else "start" if x < 3 else "middle",
                )
            )
    return made


def _levels(scale: Scale) -> list[float]:
    return round_steps(scale.low, scale.high, 5 if scale.height > 150 else 4)


def _places(levels: list[float]) -> int:
    """Decimal places that tell round values from each other."""
    return next(places for places in range(12) if all(abs(round(each, places) - each) < 1e-9 for each in levels))


def _finer(levels: list[float]) -> int:
    """Places of a value that is read off between two levels."""
    return 0 if max(map(abs, levels)) >= 1000 else _places(levels) + 1


def round_steps(low: float, high: float, count: int) -> list[float]:
    """About `count` round values within."""
    rough = (high - low) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(each * size for each in (1, 2, 2.5, 5, 10) if each * size >= rough * 0.999)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def dates_of(begin: Micros, end: Micros) -> list[tuple[Micros, str]]:
    """Some dates within, at round places: first days of years, half-years, quarters or months, or single days."""
    days = (end - begin) / DAY
    if days <= 150:
        step = math.ceil(days / 6) * DAY
        midnights = range(begin - begin % DAY + DAY, end, step)
        return [(time, f"{moment(time):%d %b}") for time in midnights]
    months = 12 if days > 900 else 6 if days > 450 else 3 if days > 220 else 1
    text = "%Y" if months == 12 else "%b %Y"
    firsts = [
        datetime(year, month, 1, tzinfo=UTC)
        for year in range(moment(begin).year, moment(end).year + 1)
        for month in range(1, 13, months)
    ]
    return [(micros(first), f"{first:{text}}") for first in firsts if begin <= micros(first) < end]
