"""What a watch of runs prints where it cannot draw: a line for each change of state, and for each part of the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rollbook.cli.figures import count, second
from rollbook.cli.lab import numbers
from rollbook.cli.lab.head import progress_parts, state_text, status_of, title
from rollbook.cli.lab.metrics import metrics_of, spec_of
from rollbook.cli.lab.watch_state import Event, Said, has_ended
from rollbook.cli.tables import printable
from rollbook.models import Backtest, BacktestPerformance

PART = 5.0
"""Percent between two lines of a run that does the same."""


class Lines:
    """Remembers what it has said of each run."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, float]] = {}

    def of(self, event: Event, now: datetime) -> Iterator[str]:
        """What an event says that is worth a line."""
        for run in event.message.backtests if isinstance(event, Said) else ():
            state, progress = str(state_text(run)), status_of(run).progress_pct
            known, told = self._said.get(run.backtest_id, ("", 0.0))
            if state != known or progress >= told + PART or has_ended(run):
                self._said[run.backtest_id] = (state, progress)
                yield _line(run, now)


def _line(run: Backtest, now: datetime) -> str:
    """Two spaces between what is there."""
    came, coin = metrics_of(run), spec_of(run).underlying
    in_coin, in_usd = came.coin or BacktestPerformance(), came.usd or BacktestPerformance()
    parts = [
        second(now),
        title(run, styled=True),
        "deleted" if run.delete_time else str(state_text(run)),
        f"{status_of(run).progress_pct:.1f} %",
        *progress_parts(run),
        count(came.closed_chains, "chain") if came.closed_chains is not None else "",
        f"{numbers.gain(in_coin.net_profit, coin)} {coin}" if in_coin.net_profit is not None else "",
        f"{numbers.gain(in_usd.net_profit, numbers.USD)} USD" if in_usd.net_profit is not None else "",
        status_of(run).error,
    ]
    return "  ".join(" ".join(str(printable(part)).split()) for part in parts if part)
