"""Deribit's public answers, read strictly: what does not look as it is known to look is refused, whole.

An answer is JSON-RPC: {"result": …} or {"error": {"code", "message"}}, and "usOut", the venue's time in microseconds.
Times in it are milliseconds. Sources: docs.deribit.com, the pages of the methods named below.
"""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from rollbook_server.domain.backtest.history import PRICES_OF_PAGE, HistoryOrder
from rollbook_server.domain.backtest.outcomes import HistoryKind
from rollbook_server.domain.clock import SECOND, Micros, micros
from rollbook_server.domain.errors import FailedPrecondition, Reason

Columns = Mapping[str, list[Any]]
Query = tuple[str, Mapping[str, str | int]]
"""A method, and its parameters."""

PASSING = frozenset((10028, 10040, 10041, 10047, 10066, 11051, 13028, 13888))
"""Error codes of what passes by itself: too many requests, settlement, a full queue, maintenance, a time-out."""

_MILLI = 1_000
_EIGHT: Micros = 8 * 3_600 * SECOND


class Passing(Exception):
    """The venue cannot answer just now; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A result, and the venue's time when it was given (None: not said)."""

    result: Any
    time: Micros | None


def unknown(what: str) -> FailedPrecondition:
    """An answer that does not look as it should."""
    return FailedPrecondition(Reason.VENUE_ANSWER_UNKNOWN, f"the venue's answer is not understood: {what}")


def read_answer(body: bytes) -> Answer:
    """Raises Passing, or FailedPrecondition: VENUE_REFUSED for an error, VENUE_ANSWER_UNKNOWN for what is no answer."""
    try:
        message = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise unknown(f"it is no JSON ({str(error)[:100]})") from None
    if not isinstance(message, dict):
        raise unknown("it is no JSON object")
    told = message.get("error")
    if told is not None:
        code = told.get("code") if isinstance(told, dict) else None
        if not isinstance(told, dict) or not _whole(code):
            raise unknown("its error has no code")
        said = f"error {code}: {str(told.get('message'))[:200]}"
        if code in PASSING:
            raise Passing(said)
        raise FailedPrecondition(Reason.VENUE_REFUSED, f"the venue refused: {said}", details={"code": str(code)})
    if "result" not in message:
        raise unknown("it has no result")
    time = message.get("usOut")
    return Answer(message["result"], time if _whole(time) else None)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


# -- Bars, and the volatility index: public/get_tradingview_chart_data, public/get_volatility_index_data ---------------


def query(order: HistoryOrder, start: Micros, end: Micros) -> Query:
    """What to ask for the rows that begin within [start, end)."""
    seconds = order.interval // SECOND
    span = {"start_timestamp": start // _MILLI, "end_timestamp": end // _MILLI - 1}  # both ends count
    if order.kind is HistoryKind.BARS:
        named = {"instrument_name": order.series, "resolution": str(seconds // 60)}
        return "public/get_tradingview_chart_data", {**named, **span}
    return "public/get_volatility_index_data", {"currency": order.series, "resolution": str(seconds), **span}


def read_bars(result: Any) -> Columns:
    """Columns time (of the open), open, high, low, close, volume, in order of time."""
    status = _field(result, "status")
    if status not in ("ok", "no_data"):
        raise unknown(f"status is {status!r}")
    ticks = _times(_field(result, "ticks"), "ticks")
    columns: dict[str, list[Any]] = {"time": ticks}
    for name in ("open", "high", "low", "close", "volume"):
        values = _list(_field(result, name), name)
        if len(values) != len(ticks):
            raise unknown(f"{len(ticks)} ticks, and {len(values)} of {name}")
        columns[name] = [_number(value, name) for value in values]
    return columns


def read_volatility(result: Any) -> tuple[Columns, Micros | None]:
    """Columns time, open, high, low, close (percent), in order of time; and until where to ask for what is before
    them (None: there is nothing)."""
    rows = _list(_field(result, "data"), "data")
    for row in rows:
        if len(_list(row, "data")) != 5:
            raise unknown("a row of data has not 5 values")
    columns: dict[str, list[Any]] = {"time": _times([row[0] for row in rows], "data")}
    for place, name in enumerate(("open", "high", "low", "close"), 1):
        columns[name] = [_number(row[place], name) for row in rows]
    continuation = _field(result, "continuation")
    if continuation is not None and not _whole(continuation):
        raise unknown(f"continuation is {continuation!r}")
    return columns, None if continuation is None else continuation * _MILLI


# -- Delivery prices: public/get_delivery_prices -----------------------------------------------------------------------


def query_prices(index: str, page: int, total: int) -> Query:
    """What to ask for a page of prices, counted from the oldest, where there are `total`; the venue counts from the
    newest."""
    first, last = page * PRICES_OF_PAGE, min((page + 1) * PRICES_OF_PAGE, total)
    return "public/get_delivery_prices", {"index_name": index, "offset": total - last, "count": max(last - first, 1)}


def read_prices(result: Any) -> tuple[Columns, int]:
    """Columns time (08:00 UTC of the day) and price, oldest first; and how many there are in all."""
    total = _field(result, "records_total")
    if not _whole(total) or total < 0:
        raise unknown(f"records_total is {str(total)[:40]}")
    times, prices = list[Micros](), list[float]()
    for row in reversed(_list(_field(result, "data"), "data")):
        day = _field(row, "date")
        try:
            parsed = date.fromisoformat(day)
        except (TypeError, ValueError):
            raise unknown(f"date is {str(day)[:40]!r}") from None
        times.append(micros(datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC)) + _EIGHT)
        prices.append(_number(_field(row, "delivery_price"), "delivery_price"))
    if any(after <= before for before, after in itertools.pairwise(times)):
        raise unknown("the dates are not in order")
    return {"time": times, "price": prices}, total


# -- Instruments: public/get_instruments -------------------------------------------------------------------------------


def query_options(currency: str, *, expired: bool) -> Query:
    """What to ask for options, listed or expired."""
    said = "true" if expired else "false"
    return "public/get_instruments", {"currency": currency, "kind": "option", "expired": said}


def read_options(result: Any) -> Columns:
    """Columns instrument_name, option_type, strike, settlement_period, creation_time, expiration_time,
    min_trade_amount, contract_size, tick_size, in order of name."""
    columns: dict[str, list[Any]] = {}
    rows = sorted(_list(result, "result"), key=lambda row: str(_field(row, "instrument_name")))
    for name in ("instrument_name", "option_type", "settlement_period"):
        columns[name] = [_text(_field(row, name), name) for row in rows]
    for name in ("creation", "expiration"):
        stamp = f"{name}_timestamp"
        columns[f"{name}_time"] = [_time(_field(row, stamp), stamp) for row in rows]
    for name in ("strike", "min_trade_amount", "contract_size", "tick_size"):
        columns[name] = [_number(_field(row, name), name) for row in rows]
    return columns


# -- Values ------------------------------------------------------------------------------------------------------------


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _field(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise unknown(f"there is no {name}")
    return value[name]


def _list(value: Any, name: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise unknown(f"{name} is no list")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise unknown(f"{name} is {str(value)[:40]}")
    return value


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unknown(f"in {name} there is {str(value)[:40]!r}, which is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise unknown(f"in {name} there is a number that is too large")
    return number


def _time(value: Any, name: str) -> Micros:
    if not _whole(value) or not 0 <= value < 1 << 43:
        raise unknown(f"in {name} there is {str(value)[:40]!r}, which is no time in milliseconds")
    instant: Micros = value * _MILLI
    return instant


def _times(values: Any, name: str) -> list[Micros]:
    times = [_time(value, name) for value in _list(values, name)]
    if any(after <= before for before, after in itertools.pairwise(times)):
        raise unknown(f"the times in {name} are not in order")
    return times
