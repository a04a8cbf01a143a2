"""The screen of `rollbook backtest watch`: drawn from what is known, as wide and as high as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from rollbook.cli.lab.chains import chain_columns, currency_of
from rollbook.cli.lab.curve import curve_columns
from rollbook.cli.lab.head import about, progress_bar, progress_parts, status_of, title
from rollbook.cli.lab.metrics import (
    SOME_FACTS,
    SOME_PERFORMANCE,
    fact_columns,
    performance_columns,
    spec_of,
    style_of,
)
from rollbook.cli.lab.watch_state import State
from rollbook.cli.tables import beside, laid_out, printable
from rollbook.models import Backtest

BESIDE_THE_CURVE = 34
"""Columns of the words and figures beside a line of equity."""
SHORTEST_CURVE, LONGEST_CURVE = 10, 80


@dataclass(frozen=True)
class Screen:
    """What is known, to be drawn at an instant. On a low terminal old chains go first, then metrics, then equity."""

    where: str
    """Which server."""
    state: State
    now: datetime
    height: int
    """Lines of the terminal."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        chains, detail = self.height, 2
        while True:
            parts = Group(*self._parts(options.max_width, chains, detail))
            lines = console.render_lines(parts, options, pad=False)
            over = len(lines) - self.height
            if over <= 0 or not (chains or detail):
                break
            if chains:
                chains = max(min(chains, self._most_chains) - max(over, 1), 0)
            else:
                detail -= 1
        for line in lines[: self.height]:
            yield from line
            yield Segment.line()

    @property
    def _most_chains(self) -> int:
        return max((len(status_of(run).last_chains) for run in self.state.runs), default=0)

    def _parts(self, width: int, chains: int, detail: int) -> Iterator[RenderableType]:
        runs = self.state.runs
        yield self._head(runs)
        if not runs:
            return
        for run in runs:
            yield from self._progress(run, width, several=len(runs) > 1)
            points = status_of(run).equity
            if points and detail:
                room = min(max(width - BESIDE_THE_CURVE, SHORTEST_CURVE), LONGEST_CURVE)
                yield laid_out(curve_columns(points, spec_of(run).strategy, spec_of(run).underlying, room), width)[0]
        if detail > 1 and any(status_of(run).metrics for run in runs):
            yield Text()
            yield beside(performance_columns(runs, SOME_PERFORMANCE), fact_columns(runs, SOME_FACTS), width)[0]
        for run in runs if chains else []:
            last = status_of(run).last_chains[-chains:]
            if last:
                which = f", {style_of(run)}" if len(runs) > 1 else ""
                yield Text(f"\nLast chains{which}", style="bold")
                yield laid_out(chain_columns(last[::-1], currency_of(spec_of(run))), width)[0]

    def _head(self, runs: Sequence[Backtest]) -> Text:
        head = printable(" · ".join([self.where, *(title(run) for run in runs if len(runs) == 1)]))
        head.append(" · ")
        if self.state.lost_since:
            lost = f"connection lost at {_clock(self.state.lost_since)}, showing figures of then, trying again"
            head.append(lost, style="bold red")
        else:
            head.append("connected" if runs else "connecting", style="green")
        return head.append(f" · {_clock(self.now)} UTC")

    def _progress(self, run: Backtest, width: int, *, several: bool) -> Iterator[RenderableType]:
        yield Text()
        if several:
            yield printable(Text(title(run, styled=True), style="bold"))
        yield printable(Text(about(run), style="dim"))
        yield progress_bar(run, width)
        waited = 0.0 if self.state.lost_since else self.state.waited(run, self.now)
        parts = progress_parts(run, waited)
        if parts:
            yield printable(" · ".join(parts))
        if status_of(run).error:
            yield printable(Text(status_of(run).error, style="red"))


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%H:%M:%S}"
