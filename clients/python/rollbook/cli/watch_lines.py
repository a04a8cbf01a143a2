"""What `rollbook watch` prints where it cannot draw: a line for each entry, change and value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from rollbook.cli import figures
from rollbook.cli.closed import ENDED
from rollbook.cli.entries import details, flagged, what
from rollbook.cli.flags import of_position
from rollbook.cli.held import Position, contract, signed_quantity
from rollbook.cli.tables import printable
from rollbook.cli.watch_columns import pnl_of
from rollbook.cli.watch_feed import Event
from rollbook.cli.watch_state import State
from rollbook.models import (
    ChainState,
    ChainValuation,
    LedgerEntry,
    PositionChain,
    WatchChainsResponse,
    WatchEntriesResponse,
)
from rollbook.payloads import open_legs


def lines(event: Event, state: State, now: datetime) -> Iterator[str]:
    """What an event says, once the state has taken it in."""
    match event:
        case WatchEntriesResponse():
            yield from map(_entry, event.entries)
        case WatchChainsResponse():
            values = state.mirror.valuations
            for chain in event.chains:
                value = values.get((chain.account, chain.position_id))
                # What holds something is told with its value, which follows.
                if not chain.open_quantity or (value and value.revision >= chain.revision):
                    yield _chain(chain, value or ChainValuation(), state, now)
            for value in event.valuations:
                valued = state.mirror.chains.get((value.account, value.position_id))
                if valued:
                    yield _chain(valued, value, state, now)


def _chain(chain: PositionChain, value: ChainValuation, state: State, now: datetime) -> str:
    held = [f"{_plain(signed_quantity(leg, leg.open_quantity))} {contract(leg).symbol}" for leg in open_legs(chain)]
    is_open = chain.state in (ChainState.OPEN, ChainState.FLAT)
    told = of_position(chain, value, state.server_time(now)) if is_open else []
    captured = value.premium_captured_pct
    return _line(
        figures.second(now),
        "chain",
        chain.account,
        chain.position_id,
        f"{chain.mode} {chain.state}",
        ENDED.get(chain.close_reason, ""),
        ", ".join(held),
        f"PnL {_plain(pnl_of(Position(chain, value, told)), '+')} {chain.settlement_currency}" if chain.legs else "",
        figures.percent(captured, "captured") if captured is not None else "",
        ", ".join(told),
    )


def _entry(entry: LedgerEntry) -> str:
    return _line(
        figures.second(entry.event_time),
        f"entry {entry.revision}.{entry.sequence}",
        entry.account,
        entry.position_id,
        what(entry),
        "; ".join(details(entry)),
        *flagged(entry),
    )


def _line(*parts: str) -> str:
    """Two spaces between what is there; what a bot wrote over several lines is one."""
    return "  ".join(" ".join(str(printable(part)).split()) for part in parts if part)


def _plain(figure: Decimal | None, sign: str = "-") -> str:
    return figures.exact([figure], sign=sign)[0]
