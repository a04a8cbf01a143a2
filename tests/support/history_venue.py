"""Deribit's public history over HTTP, on a port of this machine: it answers in the venue's form, with made-up figures,
and misbehaves where it is told to.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

FIRST_BAR = datetime(2021, 1, 4, 7, tzinfo=UTC)
"""There are no bars before."""
GAP = (datetime(2021, 3, 1, 5, tzinfo=UTC), datetime(2021, 3, 2, 9, tzinfo=UTC))
IDLE = datetime(2021, 2, 2, 2, tzinfo=UTC)
"""Nobody traded in this hour."""
MOST = 1_000
"""Values of the volatility index in one answer."""

Fault = Callable[["Request"], None]


def ms(moment: datetime) -> int:
    """As the venue counts time."""
    return int(moment.timestamp() * 1_000)


def price(tick: int) -> float:
    """Of the bar that opens then."""
    return 30_000 + tick // 60_000 * 7_919 % 4_001 * 0.5


class HistoryVenue:
    """Serves in a thread of its own. `faults` are used up by the next requests, one each; None is none."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.faults: list[Fault | None] = []
        self.prices = [
            (datetime(2022, 1, 1, tzinfo=UTC) + timedelta(days=day), 40_000 + 12.25 * day) for day in range(1_203)
        ]
        venue = self

        class Handler(Request):
            of = venue

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/v2"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def result(self, method: str, said: dict[str, str]) -> Any:
        """What a method gives."""
        match method:
            case "get_tradingview_chart_data":
                return self._bars(said)
            case "get_volatility_index_data":
                return self._volatility(said)
            case "get_delivery_prices":
                newest_first = self.prices[::-1]
                first = int(said["offset"])
                shown = newest_first[first : first + int(said["count"])]
                data = [{"date": day.strftime("%Y-%m-%d"), "delivery_price": paid} for day, paid in shown]
                return {"data": data, "records_total": len(self.prices)}
            case "get_instruments":
                return [_option("BTC-31DEC21-40000-C" if said["expired"] == "true" else "BTC-25MAR22-50000-P")]
        raise AssertionError(method)

    def _bars(self, said: dict[str, str]) -> Any:
        step = int(said["resolution"]) * 60_000
        ticks = [tick for tick in _ticks(said, step) if not ms(GAP[0]) <= tick < ms(GAP[1])]
        names = ("open", "high", "low", "close", "volume", "cost")
        if not ticks:
            return {"status": "no_data", "ticks": [], **{name: [] for name in names}}
        opens, closes = [price(tick - step) for tick in ticks], [price(tick) for tick in ticks]
        volume = [0 if tick == ms(IDLE) else 3.5 for tick in ticks]
        high = [max(pair) + 0.5 for pair in zip(opens, closes, strict=True)]
        low = [min(pair) - 0.5 for pair in zip(opens, closes, strict=True)]
        values = (opens, high, low, closes, volume, [1.0] * len(ticks))
        return {"status": "ok", "ticks": ticks, **dict(zip(names, values, strict=True))}

    def _volatility(self, said: dict[str, str]) -> Any:
        step = int(said["resolution"]) * 1_000
        ticks = _ticks(said, step)
        shown = ticks[-MOST:]
        data = [[tick, 60.5, 62, 59.25, 50 + tick // step % 400 / 10] for tick in shown]
        return {"data": data, "continuation": shown[0] if len(ticks) > MOST else None}


def _ticks(said: dict[str, str], step: int) -> list[int]:
    start = max(int(said["start_timestamp"]), ms(FIRST_BAR))
    return list(range(-(-start // step) * step, int(said["end_timestamp"]) + 1, step))


def _option(name: str) -> dict[str, Any]:
    return {
        "instrument_name": name, "kind": "option", "option_type": "call" if name.endswith("C") else "put",
        "strike": float(name.split("-")[2]), "settlement_period": "month", "creation_timestamp": 1_632_988_800_000,
        "expiration_timestamp": 1_640_937_600_000, "min_trade_amount": 0.1, "contract_size": 1, "tick_size": 0.0005,
        "base_currency": "BTC", "is_active": True, "state": "open",
    }  # fmt: skip


class Request(BaseHTTPRequestHandler):
    """One request, and ways to answer it badly."""

    of: HistoryVenue

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Says nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        method, said = parts.path.rpartition("/")[2], dict(parse_qsl(parts.query))
        self.method, self.said = method, said
        self.of.asked.append((method, said))
        fault = self.of.faults.pop(0) if self.of.faults else None
        if fault is not None:
            fault(self)
        else:
            self.give(self.of.result(method, said))

    def give(self, result: Any) -> None:
        """A result."""
        now = self.of.now or datetime.now(UTC)
        self.send({"jsonrpc": "2.0", "result": result, "usIn": 1, "usOut": ms(now) * 1_000, "testnet": False})

    def send(self, message: Any, status: int = 200, *, cut: int = 0, headers: dict[str, str] | None = None) -> None:
        """A message, or bytes; without its last `cut` bytes."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) - cut])


def fails(status: int, message: Any = b"<html>no</html>", **headers: str) -> Fault:
    """Answers with a status."""
    return lambda request: request.send(message, status, headers=headers)


def error(code: int, status: int = 400) -> Fault:
    """Answers with an error of the venue."""
    message = {"jsonrpc": "2.0", "error": {"code": code, "message": "said so"}, "usOut": 1}
    return lambda request: request.send(message, status)


def cut(request: Request) -> None:
    """Breaks off in the middle."""
    result = request.of.result(request.method, request.said)
    request.send({"jsonrpc": "2.0", "result": result}, cut=40)
