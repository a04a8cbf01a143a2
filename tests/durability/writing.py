"""A writer through whatever happens, and what the ledger held at each revision that he wrote."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

from rollbook import (
    Action,
    AsyncClient,
    Mode,
    PositionChain,
    RecordExecutionsRequest,
    RecordSettlementRequest,
    Side,
)
from tests.support.load import EXPIRY, Command, Desk, send

Chains = dict[tuple[str, str], PositionChain | None]
"""By (account, position_id); None is a chain that nobody has seen as it was then."""

PATIENCE = 60
"""Seconds after which something that must come will not come any more."""


class Level:
    """A number that only rises, to be waited for."""

    def __init__(self, number: int = -1) -> None:
        self.number = number
        self._risen = asyncio.Event()

    def rise(self, number: int) -> None:
        """It is this high now."""
        self.number = max(number, self.number)
        self._risen.set()
        self._risen = asyncio.Event()

    async def reaches(self, number: int) -> None:
        """Waits until it is this high."""
        async with asyncio.timeout(PATIENCE):
            while self.number < number:
                await self._risen.wait()


class History:
    """Each state that each chain was in, as the only writer has read it back after each of his commands."""

    def __init__(self) -> None:
        self.level = Level(0)
        """The revision up to which it is known."""
        self._states: dict[tuple[str, str], list[tuple[int, PositionChain | None]]] = {}

    def learn(self, revisions: Collection[int], chains: Iterable[PositionChain]) -> None:
        """What a command has changed, in these revisions of its own, or right after them: all that is traded here has
        expired, which the server records unasked before it answers."""
        newest = max(revisions, default=0)
        for chain in chains:
            states = self._states.setdefault((chain.account, chain.position_id), [])
            if chain.revision not in revisions:
                states.append((min(revisions), None))
            states.append((chain.revision, chain))
            newest = max(newest, chain.revision)
        self.level.rise(newest)

    async def at(self, revision: int, *, include_closed: bool) -> Chains:
        """The chains at a revision, as soon as it is known."""
        await self.level.reaches(revision)
        found: Chains = {}
        for key, states in self._states.items():
            known = next((known for known in reversed(states) if known[0] <= revision), None)
            if known is not None and (include_closed or known[1] is None or known[1].state != "CLOSED"):
                found[key] = known[1]
        return found


class Writer:
    """Writes one command after the other; what is unanswered when the server dies, the client sends again."""

    def __init__(self, client: AsyncClient, seed: int) -> None:
        self.history = History()
        self.answered = Level(0)
        """Commands."""
        self.settling = Level(0)
        """Large settlements, counted when they are sent."""
        self._client = client
        self._seed = seed
        self._random = random.Random(f"writer/{seed}")
        self._desk = Desk("desk", seed)
        self._settle_next = False
        self._enough = False

    async def write(self) -> None:
        """Writes until it is enough; first of all the clock is moved beyond all that will be traded."""
        await self._client.record_settlement(
            RecordSettlementRequest(
                request_id=self._desk.id(),
                account=self._desk.account,
                mode=Mode.LIVE,
                index_name="nobody_usd",
                expiry_time=datetime(2025, 10, 31, 8, tzinfo=UTC),
                delivery_price=Decimal(1),
            )
        )
        self.history.learn([1], [])
        for number, command in enumerate(self._commands(), 1):
            await self._record(command)
            self.answered.rise(number)
            if self._enough:
                return

    def stop(self) -> None:
        """The command under way is the last one."""
        self._enough = True

    async def settles(self) -> None:
        """Has it make a large settlement; comes back when that is sent."""
        self._settle_next = True
        await self.settling.reaches(self.settling.number + 1)

    async def _record(self, command: Command) -> None:
        recorded = await send(self._client, command)
        if recorded.position_ids and len(recorded.position_ids) > 100:  # all of an account
            account = _account(command)
            chains = [chain async for chain in self._client.iterate_chains(account=account, page_size=500)]
            assert len(chains) == len(recorded.position_ids)
        else:
            views = [self._client.get_chain(name, account=self._desk.account) for name in recorded.position_ids]
            chains = [view.chain for view in await asyncio.gather(*views) if view.chain is not None]
        self.history.learn(recorded.revisions.values(), chains)

    def _commands(self) -> Iterator[Command]:
        """What the desk does all day, and between it chains that close bit by bit, and large settlements."""
        usual = self._desk.commands()
        for number in itertools.count():
            if self._settle_next:
                self._settle_next = False
                yield from self._settled(self.settling.number + 1)
            elif self._random.random() < 0.1:
                yield from self._bit_by_bit(f"bits-{number}")
            else:
                yield next(usual)

    def _bit_by_bit(self, name: str) -> Iterator[Command]:
        symbol = f"ETH-{EXPIRY}-{self._random.randrange(2_000, 6_000)}-C"
        yield self._desk.open(name, symbol, "0.9")
        for _ in range(3):
            yield self._desk.execution(Action.CLOSE, name, [self._desk.fill(symbol, Side.BUY, "0.3")])

    def _settled(self, number: int) -> Iterator[Command]:
        """Some hundred chains of an account of their own are opened, together or one by one, and settled together."""
        desk = Desk(f"large-{number}", self._seed)
        coin = f"L{number}"
        opened = tuple(
            desk.open(f"{coin}-{place}", f"{coin}_USDC-{EXPIRY}-{100_000 + place % 7}-C")
            for place in range(self._random.randrange(210, 280))
        )
        together = self._random.random() < 0.5
        yield RecordExecutionsRequest(executions=opened, atomic=together, request_id=desk.id() if together else "")
        self.settling.rise(number)
        yield RecordSettlementRequest(
            request_id=desk.id(),
            account=desk.account,
            mode=Mode.LIVE,
            index_name=f"{coin}_usdc".lower(),
            expiry_time=datetime(2025, 9, 26, 8, tzinfo=UTC),
            delivery_price=Decimal(self._random.randrange(90_000, 130_000)),
        )


def _account(command: Command) -> str:
    return command.executions[0].account if isinstance(command, RecordExecutionsRequest) else command.account
