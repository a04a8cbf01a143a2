"""All closed chains, read once for all open pages and kept up by the watch."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from rollbook import AsyncClient
from rollbook.errors import LedgerError
from rollbook.models import ChainState, CloseReason, Mode, PositionChain
from rollbook_web.ageing import ChainKey
from rollbook_web.ledger_picture import LedgerPicture

DAY = timedelta(days=1)
AT_ONCE = 50
"""First values that are asked for together."""
SOON = timedelta(minutes=15)
"""The first value kept of a chain says its delta at entry, if it came as soon after the first fill."""


@dataclass(frozen=True, slots=True)
class ClosedChain:
    """What lists and statistics of closed chains need. Money is exact, in `currency` unless its name ends in _usd.

    Attributes:
        days: To the expiry of leg 1 when it was opened.
        delta: Of one option at entry, without its sign. An estimate, by the venue's greeks; None if nobody said.
    """

    account: str
    position_id: str
    mode: Mode
    strategy: str
    strategy_name: str
    underlying: str
    currency: str
    open_time: datetime
    close_time: datetime
    close_reason: CloseReason
    contracts: tuple[str, ...]
    rolls: int
    gross: Decimal
    fees: Decimal
    fees_complete: bool
    fees_estimated: bool
    net: Decimal
    net_usd: Decimal | None
    usd_missing_lines: int
    premium: Decimal
    premium_kept_pct: Decimal | None
    realized_pct: Decimal | None
    holding_days: Decimal | None
    return_annualised_pct: Decimal | None
    days: float | None
    delta: float | None
    coins: Decimal
    """Of leg 1, all that was ever opened."""
    revision: int

    @property
    def key(self) -> ChainKey:
        """What names it."""
        return self.account, self.position_id


def closed_chain(chain: PositionChain) -> ClosedChain | None:
    """None for a chain that is not closed, or whose orders never filled: that one is in no statistic."""
    if chain.state is not ChainState.CLOSED or not chain.legs or chain.open_time is None or chain.close_time is None:
        return None
    first = chain.legs[0]
    expiry = first.instrument.expiry_time if first.instrument else None
    zero = Decimal(0)
    return ClosedChain(
        chain.account,
        chain.position_id,
        chain.mode,
        chain.strategy.value,
        chain.strategy_name,
        chain.underlying,
        chain.settlement_currency,
        chain.open_time,
        chain.close_time,
        chain.close_reason,
        tuple(leg.instrument.symbol for leg in chain.legs if leg.instrument),
        chain.num_rolls,
        chain.gross_pnl or zero,
        chain.fees or zero,
        chain.fees_complete,
        chain.fees_estimated,
        chain.net_pnl or zero,
        chain.net_pnl_usd,
        chain.usd_missing_lines,
        chain.total_premium or zero,
        chain.premium_kept_pct,
        chain.realized_pnl_pct,
        chain.holding_days,
        chain.return_on_collateral_annualised_pct,
        None if expiry is None else (expiry - chain.open_time) / DAY,
        _labelled_delta(chain),
        (first.opened_quantity or zero) * ((first.instrument.multiplier if first.instrument else None) or 1),
        chain.revision,
    )


def _labelled_delta(chain: PositionChain) -> float | None:
    """As the bot said it: its label "delta"."""
    with contextlib.suppress(KeyError, ValueError):
        delta = abs(float(chain.labels["delta"]))
        return delta if delta <= 1 else None
    return None


class ClosedChains:
    """Keeps them. `version` grows with every change."""

    def __init__(self, ledger: AsyncClient, picture: LedgerPicture) -> None:
        self.version = 0
        self._ledger = ledger
        self._picture = picture
        self._chains: dict[ChainKey, ClosedChain] = {}
        self._begun = -1
        """The beginning of the picture that they are of; -1 while nobody has asked."""
        self._deltas: dict[ChainKey, float | None] = {}
        """Of chains whose first value was asked for."""
        self._lock = asyncio.Lock()
        self._asking: asyncio.Task[None] | None = None
        picture.listeners.append(self._take)

    async def all(self) -> list[ClosedChain]:
        """By their end, the first to close first. Raises LedgerError if they cannot be read now."""
        if self._begun != self._picture.begun:
            async with self._lock:
                if self._begun != self._picture.begun:
                    await self._load()
        return sorted(self._chains.values(), key=lambda chain: (chain.close_time, chain.account, chain.position_id))

    async def _load(self) -> None:
        begun = self._picture.begun
        self._chains.clear()
        self._begun = begun  # from here on the watch is listened to
        try:
            async for chain in self._ledger.iterate_chains(states=(ChainState.CLOSED,), page_size=500):
                self._put(chain)
        except LedgerError:
            self._begun = -1
            raise
        self._ask_for_deltas()

    def _take(self, chain: PositionChain) -> None:
        """Of the watch."""
        if self._begun == self._picture.begun:
            self._put(chain)
            self._ask_for_deltas()

    def _put(self, chain: PositionChain) -> None:
        """The newer revision wins: list and watch may cross."""
        key = (chain.account, chain.position_id)
        kept = self._chains.get(key)
        if kept is not None and kept.revision >= chain.revision:
            return
        closed = closed_chain(chain)
        if closed is not None:
            self._chains[key] = closed
        elif kept is not None:
            del self._chains[key]  # a late fill has opened it again
        else:
            return
        self.version += 1

    def delta(self, chain: ClosedChain) -> float | None:
        """At entry, as its label or its first value says."""
        return chain.delta if chain.delta is not None else self._deltas.get(chain.key)

    def _ask_for_deltas(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._read_deltas())

    async def _read_deltas(self) -> None:
        """The first value of each chain whose bot did not say the delta; asked for once."""
        while True:
            wanted = [one for one in self._chains.values() if one.delta is None and one.key not in self._deltas]
            if not wanted:
                return
            try:
                found = await asyncio.gather(*(self._first_delta(one) for one in wanted[:AT_ONCE]))
            except LedgerError:
                return  # the next change tries again
            self._deltas.update(found)
            self.version += 1

    async def _first_delta(self, chain: ClosedChain) -> tuple[ChainKey, float | None]:
        page = await self._ledger.list_valuations(
            account=chain.account, position_id=chain.position_id, before_time=chain.open_time + SOON, page_size=1
        )
        sample = page.samples[0] if page.samples else None
        if sample is None or sample.delta is None or not chain.coins:
            return chain.key, None
        delta = abs(sample.delta) / float(chain.coins)
        return chain.key, delta if delta <= 1 else None
