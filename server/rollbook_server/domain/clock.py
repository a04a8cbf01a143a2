"""Time: whole microseconds since 1970 in UTC, and who says what time it is."""

import time
from datetime import UTC, datetime
from typing import Protocol

Micros = int
"""Microseconds since 1970-01-01T00:00:00Z."""

SECOND: Micros = 1_000_000
DAY: Micros = 86_400 * SECOND

EARLIEST: Micros = 0
LATEST: Micros = 4_102_444_800 * SECOND
"""2100-01-01: contracts name their year with two digits, and a time beyond it is a mistake of unit."""


def micros(moment: datetime) -> Micros:
    """The instant of an aware datetime."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def moment(instant: Micros) -> datetime:
    """The aware datetime in UTC of an instant."""
    seconds, rest = divmod(instant, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


class Clock(Protocol):
    """Says when a command is recorded."""

    def now(self, event: Micros = EARLIEST) -> Micros:
        """The present, for a command whose newest event is of this time."""

    def saw(self, event: Micros) -> None:
        """An event of this time was recorded."""


class WallClock:
    """The machine's clock."""

    def now(self, event: Micros = EARLIEST) -> Micros:  # noqa: ARG002 - events do not move it
        return time.time_ns() // 1_000

    def saw(self, event: Micros) -> None:
        """The machine's clock goes on by itself."""


class EventClock:
    """The newest event time seen: for demonstrations and replays of the past."""

    def __init__(self, start: Micros = EARLIEST) -> None:
        self._newest = start

    def now(self, event: Micros = EARLIEST) -> Micros:
        return max(self._newest, event)

    def saw(self, event: Micros) -> None:
        self._newest = max(self._newest, event)
