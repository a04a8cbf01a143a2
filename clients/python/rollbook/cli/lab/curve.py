"""Equity as a line of text: a sign for each stretch of time, as high as the account was."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from rollbook.cli.lab import numbers
from rollbook.cli.tables import Column
from rollbook.models import EquityPoint, StrategyKind

SIGNS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int, low: float, high: float) -> str:
    """The values in so many signs, between low and high; of several in one sign the last is shown.

    Fewer values than signs fill fewer signs.
    """
    count = min(width, len(values))
    kept = [values[(number + 1) * len(values) // count - 1] for number in range(count)]
    return "".join(_sign(value, low, high) for value in kept)


def _sign(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return " "
    share = (value - low) / (high - low) if high > low else 0.5
    return SIGNS[min(max(int(share * len(SIGNS)), 0), len(SIGNS) - 1)]


def curve_columns(points: Sequence[EquityPoint], strategy: StrategyKind, coin: str, width: int) -> list[Column]:
    """Equity and the same capital left alone, in USD on one scale; below what lies between them, on its own scale and
    in what the capital was: coins for calls, else cash.
    """
    in_coin = strategy is StrategyKind.COVERED_CALL
    unit = coin if in_coin else "USD"
    equity = [point.equity_usd for point in points]
    hodl = [point.hodl_usd for point in points]
    ahead = [point.equity_coin - point.hodl_coin if in_coin else point.equity_usd - point.hodl_usd for point in points]
    low, high = min(equity + hodl), max(equity + hodl)
    return [
        Column("", ["Equity", "HODL", "Ahead"]),
        Column(
            "",
            [
                Text(sparkline(equity, width, low, high), style="cyan"),
                sparkline(hodl, width, low, high),
                Text(sparkline(ahead, width, min(ahead), max(ahead)), style="green" if ahead[-1] >= 0 else "red"),
            ],
        ),
        Column(
            "",
            [
                f"{numbers.amount(equity[-1], 'USD')} USD",
                f"{numbers.amount(hodl[-1], 'USD')} USD",
                _with_unit(numbers.gain(ahead[-1], unit), unit),
            ],
            figure=True,
        ),
        Column(
            "",
            [
                numbers.gain_percent(_change(equity)),
                numbers.gain_percent(_change(hodl)),
                "",
            ],
            figure=True,
        ),
    ]


def _with_unit(figure: Text, unit: str) -> Text:
    return Text(f"{figure} {unit}", style=figure.style)


def _change(values: Sequence[float]) -> float | None:
    return (values[-1] / values[0] - 1) * 100 if values[0] else None
