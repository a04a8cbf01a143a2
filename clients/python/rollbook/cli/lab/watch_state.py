"""What a watch of runs knows at an instant, and how an event changes it; and the streams that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from rollbook import Lab
from rollbook.cli.lab.head import ENDED, status_of
from rollbook.cli.streams import Streams
from rollbook.errors import LedgerError
from rollbook.models import Backtest, LabCursor, WatchBacktestsResponse


@dataclass(frozen=True)
class Said:
    """A message of the watch of one run."""

    backtest_id: str
    message: WatchBacktestsResponse


@dataclass(frozen=True)
class Interruption:
    """The watch of one run has broken off, and will be tried again."""

    backtest_id: str
    error: LedgerError


Event: TypeAlias = Said | Interruption


class Feed(Streams[Event]):
    """Each run by a stream of its own: a lab may hold many more."""

    def __init__(self, lab: Lab, ids: Sequence[str], interval_ms: int) -> None:
        super().__init__(lab, [self._reader(lab, backtest_id, interval_ms) for backtest_id in ids])

    def _reader(self, lab: Lab, backtest_id: str, interval_ms: int) -> Callable[[], None]:
        def tell(error: LedgerError) -> None:
            self.put(Interruption(backtest_id, error))

        def read() -> None:
            for message in lab.watch_backtests(backtest_id, on_interruption=tell, interval_ms=interval_ms):
                self.put(Said(backtest_id, message))

        return read


class State:
    """The runs as they are, and since when the server has not been heard."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids
        self._runs: dict[str, Backtest] = {}
        self._told: dict[str, datetime] = {}
        self._lost: dict[str, datetime] = {}
        self.cursor: LabCursor | None = None

    @property
    def runs(self) -> list[Backtest]:
        """Those that are known, in the order in which they were asked for."""
        return [self._runs[each] for each in self._ids if each in self._runs]

    @property
    def lost_since(self) -> datetime | None:
        """When the connection was lost; None while there is one."""
        return min(self._lost.values(), default=None)

    @property
    def is_over(self) -> bool:
        """Whether all runs have ended, or are gone."""
        return len(self.runs) == len(self._ids) and all(has_ended(run) for run in self.runs)

    def apply(self, event: Event, now: datetime) -> None:
        """Takes in what has come at this instant."""
        if isinstance(event, Interruption):
            self._lost.setdefault(event.backtest_id, now)
            return
        self._lost.pop(event.backtest_id, None)
        self.cursor = event.message.cursor or self.cursor
        for run in event.message.backtests:
            self._runs[run.backtest_id] = run
            self._told[run.backtest_id] = now

    def waited(self, run: Backtest, now: datetime) -> float:
        """Seconds since the server spoke of a run: what it said was left is less by them."""
        return (now - self._told.get(run.backtest_id, now)).total_seconds()


def has_ended(run: Backtest) -> bool:
    """Whether nothing will change any more."""
    return status_of(run).state in ENDED or run.delete_time is not None
