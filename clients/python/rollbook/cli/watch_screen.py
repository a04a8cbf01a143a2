"""The screen of `rollbook watch`: drawn from what is known, as wide and as high as there is room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from rollbook.cli import figures, flags
from rollbook.cli.entries import entry_columns
from rollbook.cli.groups import by_money, several_accounts
from rollbook.cli.held import Position, Rows
from rollbook.cli.positions import WAITING, order_columns, sum_notes
from rollbook.cli.tables import LEFT_OUT, laid_out, printable
from rollbook.cli.watch_columns import USD, position_columns
from rollbook.cli.watch_state import State
from rollbook.models import Mode

FEW = 3
"""Entries that stay on a low terminal while there is something else to leave out."""
LEAST = 2
"""Rows of each table that stay in any case: below a single one there would be no sum."""
STYLE = {Mode.LIVE: "bold green", Mode.DRY_RUN: "bold yellow"}
"""Of a table's title."""


@dataclass(frozen=True)
class Screen:
    """What is known, to be drawn at an instant. On a low terminal old entries go first, then the legend, then rows; the
    sums are of all positions nevertheless."""

    where: str
    """What is watched."""
    state: State
    now: datetime
    height: int
    """Lines of the terminal."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        positions = self.state.positions(self.now)
        rows = min(sum(len(each.legs) for each in positions) + len(self.state.pending), self.height)
        entries, legend = min(len(self.state.entries), self.height), True
        while True:
            parts = Group(*self._parts(positions, options.max_width, rows, entries, legend))
            lines = console.render_lines(parts, options, pad=False)
            over = len(lines) - self.height
            if over <= 0 or not (entries or legend or rows > LEAST):
                break
            if entries > FEW:
                entries = max(entries - max(over // 3, 1), FEW)  # one may be of several lines
            elif legend:
                legend = False
            elif rows > LEAST:
                rows = max(rows - over, LEAST)
            else:
                entries, rows = 0, self.height
        for line in lines[: self.height]:
            yield from line
            yield Segment.line()

    def _parts(
        self, positions: list[Position], width: int, rows: int, entries: int, legend: bool
    ) -> Iterator[RenderableType]:
        yield self._head()
        pending = self.state.pending
        accounts = several_accounts([*(each.chain for each in positions), *pending])
        if not positions and self.state.mirror.cursor:
            yield Text("\nNothing is open.")
        left_out: dict[str, None] = {}
        for title, currency, group in by_money((each.chain, each) for each in positions):
            shown = Rows(sorted(group, key=lambda each: each.order), max(rows, LEAST))
            rows -= len(shown)
            there = self.state.server_time(self.now)
            table, _, spared = laid_out(position_columns(shown, group, currency, there, accounts), width, sums=True)
            left_out |= dict.fromkeys(spared)
            yield Text(f"\n{title}", style=STYLE.get(group[0].chain.mode, "bold"))
            yield table
            yield from _notes([*_left_out(shown.left_out), *sum_notes(group, usd=USD not in spared)])
        if legend:
            yield from _notes([f"{LEFT_OUT}: {', '.join(left_out)}."] if left_out else [])
            yield from _notes(flags.legend(flag for each in positions for flag in each.flags))
        if pending:
            few = pending[: max(rows, LEAST)]
            yield Text(f"\n{WAITING}", style="bold")
            yield laid_out(order_columns(few, accounts), width)[0]
            yield from _notes(_left_out(len(pending) - len(few)))
        if entries:
            yield Text("\nLast entries", style="bold")
            yield laid_out(entry_columns(list(self.state.entries)[-entries:]), width)[0]

    def _head(self) -> Text:
        state = self.state
        revision = f" · revision {state.mirror.cursor.revision}" if state.mirror.cursor else ""
        head = printable(f"{self.where}{revision} · ")
        if state.lost_since:
            lost = f"connection lost at {_clock(state.lost_since)}, showing figures of then, trying again"
            head.append(lost, style="bold red")
        else:
            head.append("connected" if state.mirror.cursor else "connecting", style="green")
        return head.append(f" · {_clock(self.now)} UTC")


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%H:%M:%S}"


def _left_out(rows: int) -> list[str]:
    return [f"The terminal is too low for {figures.count(rows, 'more row')}."] if rows else []


def _notes(sentences: Iterable[str]) -> Iterator[Text]:
    """A paragraph below a table."""
    text = " ".join(sentences)
    if text:
        yield Text(text, style="dim")
