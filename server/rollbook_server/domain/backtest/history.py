"""A venue's public history: what can be fetched of it, and the pages that it is fetched in.

A page is a stretch of absolute time (or of absolute numbers, counted from the oldest), whatever a fetch asks for. So
pages that are kept serve every later fetch, and one that was broken off goes on at the first page that is not there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rollbook_server.domain.backtest.outcomes import HistoryKind
from rollbook_server.domain.clock import SECOND, Micros
from rollbook_server.domain.errors import InvalidArgument, Reason

ROWS_OF_PAGE = 1_000
"""Bars or values: below what the venue gives at once, so that no answer is cut off unnoticed."""
PRICES_OF_PAGE = 500
MOST_PAGES = 10_000
"""Of one fetch: 19 years of minutes."""

_HOUR, _DAY = 3_600, 86_400
_BAR_SECONDS = (60, 180, 300, 600, 900, 1_800, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)
_VOLATILITY_SECONDS = (60, _HOUR, 12 * _HOUR)
INTERVALS: Mapping[HistoryKind, Sequence[int]] = {
    HistoryKind.BARS: _BAR_SECONDS,
    HistoryKind.VOLATILITY: _VOLATILITY_SECONDS,
}
"""Seconds. No days: the venue's are not days of UTC, and their stamps do not say when they are known."""

_SERIES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""It names a folder, too: nothing that leads out of one."""


@dataclass(frozen=True, slots=True)
class Venue:
    """Where history is fetched from: the address of its API, requests a second, and seconds to wait for an answer."""

    url: str
    rate: float
    patience: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryOrder:
    """What is to be fetched: of BARS and VOLATILITY what begins within [start, end) and is over."""

    kind: HistoryKind
    underlying: str
    series: str = ""
    """The instrument, or index, or currency, by the venue's name."""
    interval: Micros = 0
    start: Micros | None = None
    end: Micros | None = None

    @property
    def where(self) -> str:
        """The folder of its pages, below that of all history."""
        parts = [self.kind.lower(), self.series, *([f"{self.interval // SECOND}s"] if self.interval else [])]
        return "/".join(parts)

    @property
    def page(self) -> Micros:
        """How long a page is."""
        return ROWS_OF_PAGE * self.interval

    def pages(self) -> Sequence[Micros]:
        """The beginnings of the pages that it takes, in order."""
        assert self.start is not None
        assert self.end is not None
        return range(self.start - self.start % self.page, self.end, self.page)


def settled(order: HistoryOrder, now: Micros) -> HistoryOrder:
    """The order with what it leaves open filled in. Raises InvalidArgument."""
    usual = {
        HistoryKind.BARS: f"{order.underlying}_USDC",
        HistoryKind.VOLATILITY: order.underlying,
        HistoryKind.DELIVERY_PRICES: f"{order.underlying.lower()}_usd",
        HistoryKind.INSTRUMENTS: order.underlying,
    }[order.kind]
    if order.series and not _SERIES.fullmatch(order.series):
        raise InvalidArgument(Reason.MALFORMED_TEXT, "must be a name of the venue, like BTC-PERPETUAL", "series")
    order = replace(order, series=order.series or usual)
    known = INTERVALS.get(order.kind)
    if known is None:
        for field, said in (
            ("interval_seconds", order.interval or None),
            ("start_time", order.start),
            ("end_time", order.end),
        ):
            if said is not None:
                raise InvalidArgument(Reason.CONTRADICTION, f"all {order.kind} are fetched, always", field)
        return order
    order = replace(order, interval=order.interval or _HOUR * SECOND)
    if order.interval // SECOND not in known:
        listed = ", ".join(map(str, known))
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"of {order.kind} there are {listed}", "interval_seconds")
    if order.start is None:
        raise InvalidArgument(Reason.MISSING_FIELD, "start_time is required", "start_time")
    order = replace(order, end=now if order.end is None else min(order.end, now))
    assert order.end is not None
    assert order.start is not None
    if order.start >= order.end:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "must be before end_time, and before now", "start_time")
    if len(order.pages()) > MOST_PAGES:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"more than {MOST_PAGES} requests at once", "start_time")
    return order
