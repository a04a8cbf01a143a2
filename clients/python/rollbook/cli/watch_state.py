"""What `rollbook watch` knows at an instant, and how an event changes it."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from rollbook import ChainMirror
from rollbook.cli import flags
from rollbook.cli.held import Position
from rollbook.cli.positions import STATES
from rollbook.cli.watch_feed import Event, Interruption
from rollbook.models import ChainState, LedgerEntry, PositionChain, WatchChainsResponse, WatchEntriesResponse
from rollbook.payloads import positions_of


class State:
    """The chains with their values, the last entries, and since when the server has not been heard."""

    def __init__(self, entries: int) -> None:
        self.mirror = ChainMirror()
        self.entries: deque[LedgerEntry] = deque(maxlen=entries)
        self._ahead = timedelta(0)
        """What the server's clock is ahead of ours, as it last said."""
        self._lost: dict[type, datetime] = {}

    @property
    def lost_since(self) -> datetime | None:
        """When the connection was lost; None while there is one."""
        return min(self._lost.values(), default=None)

    @property
    def pending(self) -> list[PositionChain]:
        """The chains that wait for their first fill."""
        return [chain for chain in self.mirror.chains.values() if chain.state is ChainState.PENDING]

    def apply(self, event: Event, now: datetime) -> None:
        """Takes in what has come at this instant."""
        match event:
            case Interruption(stream=stream):
                self._interrupted(event)
                self._lost.setdefault(stream, now)
                return
            case WatchChainsResponse():
                self.mirror.apply(event)
                for value in event.valuations[-1:]:
                    self._ahead = value.valued_time - now if value.valued_time else self._ahead
            case WatchEntriesResponse():
                self.entries.extend(event.entries)
        self._lost.pop(type(event), None)

    def _interrupted(self, event: Interruption) -> None:
        if event.stream is WatchChainsResponse:
            self.mirror.interrupted(event.error)
        elif event.begins_anew:
            self.entries.clear()

    def server_time(self, now: datetime) -> datetime:
        """What the server's clock says: ages and days to expiry are told by it, and grow between its messages."""
        return now + self._ahead

    def positions(self, now: datetime) -> list[Position]:
        """What is open, with what to know before its figures are believed."""
        chains = [chain for chain in self.mirror.chains.values() if chain.state in STATES]
        there = self.server_time(now)
        return [
            Position(chain, value, flags.of_position(chain, value, there))
            for chain, value in positions_of(chains, self.mirror.valuations.values())
        ]
