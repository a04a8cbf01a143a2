"""Somebody who watches the bot's book, on a connection of their own: what they hold must be what the ledger holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from rollbook import AsyncClient, ChainMirror, ChainState, LedgerEntry, LedgerError
from tests.demo.story import Story

PATIENCE = 60
"""Seconds until the last change must have come."""


class Watcher:
    """A mirror of the open chains with their values, and every entry of the journal."""

    def __init__(self, ledger: AsyncClient, story: Story) -> None:
        self._ledger, self._story = ledger, story
        self.mirror = ChainMirror()
        self.entries: list[LedgerEntry] = []
        self.valuations = 0
        self.interruptions = 0
        self._seen = asyncio.Condition()
        self._upto = 0

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watches while the bot trades."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._chains()), group.create_task(self._entries())]
            yield
            for task in tasks:
                task.cancel()

    async def _chains(self) -> None:
        changes = self._ledger.watch_chains(valuation_interval_ms=100, on_interruption=self._interrupted)
        async with aclosing(changes) as stream:
            async for message in stream:
                self.mirror.apply(message)
                self.valuations += len(message.valuations)
                async with self._seen:
                    self._seen.notify_all()

    async def _entries(self) -> None:
        async with aclosing(self._ledger.watch_entries()) as stream:
            async for message in stream:
                self.entries += message.entries
                for entry in message.entries:
                    if entry.expiry is not None and entry.event_time is not None:
                        self._story.tell_first(
                            entry.event_time,
                            "expiry",
                            f"{entry.position_id}: {', '.join(entry.expiry.symbols)} has expired. The server says so "
                            "by itself; it waits for its delivery price",
                        )
                self._upto = message.cursor.revision if message.cursor else self._upto
                async with self._seen:
                    self._seen.notify_all()

    def _interrupted(self, error: LedgerError) -> None:
        self.interruptions += 1
        self.mirror.interrupted(error)

    async def differences(self) -> list[str]:
        """Waits for the last revision; then what is not as the ledger has it: nothing, that is."""
        revision = (await self._ledger.get_server_status()).revision
        async with asyncio.timeout(PATIENCE), self._seen:
            await self._seen.wait_for(
                lambda: (
                    self._upto >= revision
                    and self.mirror.cursor is not None
                    and self.mirror.cursor.revision >= revision
                )
            )
        states = (ChainState.PENDING, ChainState.OPEN, ChainState.FLAT)
        chains = {
            (chain.account, chain.position_id): chain async for chain in self._ledger.iterate_chains(states=states)
        }
        found = [
            f"{name} is not as the server has it"
            for account, name in sorted({*chains, *self.mirror.chains})
            if chains.get((account, name)) != self.mirror.chains.get((account, name))
        ]
        entries = [entry async for entry in self._ledger.iterate_entries(page_size=500)]
        if entries != self.entries:
            found.append(f"{len(self.entries)} entries were seen, the journal has {len(entries)}")
        return found

    def summary(self) -> str:
        """What was seen, in a line."""
        revision = self.mirror.cursor.revision if self.mirror.cursor else 0
        return (
            f"{len(self.entries)} entries, each once and in order; {self.valuations:,} valuations; "
            f"{len(self.mirror.chains)} open chains at revision {revision}"
        )
