"""What the reader is told while the bot runs: a line per day, and below it the events worth one."""

from collections import Counter
from datetime import date, datetime
from enum import StrEnum

from rich.console import Console
from rich.table import Table


class Event(StrEnum):
    """What is counted per day."""

    OPENED = "opened"
    ADDED = "added"
    ROLLED = "rolled"
    HALVED = "halved"
    BOUGHT_BACK = "bought back"
    SETTLED = "settled"
    WAITED = "waited for a quote"


class Story:
    """Collects a day's events and prints them when the next day begins."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._day: date | None = None
        self._snapshots = 0
        self._counts: Counter[Event] = Counter()
        self._lines: list[tuple[datetime, str]] = []
        self._told: set[str] = set()

    def snapshot(self, time: datetime) -> None:
        """The market's next instant."""
        if time.date() != self._day:
            self.end_day()
            self._day = time.date()
        self._snapshots += 1

    def count(self, event: Event) -> None:
        """One more of them."""
        self._counts[event] += 1

    def tell(self, time: datetime, text: str) -> None:
        """An event that is worth a line."""
        self._lines.append((time, text))

    def tell_first(self, time: datetime, kind: str, text: str) -> None:
        """An event that is worth a line the first time that one of its kind happens."""
        if kind not in self._told:
            self._told.add(kind)
            self.tell(time, text)

    def end_day(self) -> None:
        """Print the day."""
        if self._day is not None:
            counts = ", ".join(f"{event} {self._counts[event]}" for event in Event if self._counts[event])
            head = f"{self._day.day:2} {self._day:%b}"
            self._console.print(f"[bold]{head}[/]  {self._snapshots} snapshots: {counts or 'nothing to do'}")
            lines = Table.grid(padding=(0, 2, 0, 0))
            lines.add_column(width=12, justify="right")
            for time, text in self._lines:
                lines.add_row(f"{time:%H:%M}", text)
            if self._lines:
                self._console.print(lines)
        self._snapshots = 0
        self._counts.clear()
        self._lines.clear()
