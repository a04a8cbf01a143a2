"""A program that watches through kills: what has come it keeps in a file, and after a start it goes on from there.

    python -m tests.durability.watching entries|chains TARGET FILE [MESSAGES]

Each message is a line of the file, on the disk before the next one is taken. At each bookmark it says the revision.
If a number is given, it kills itself after so many messages, at a bookmark at the latest.
"""

import asyncio
import base64
import os
import signal
import sys
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

from rollbook import AsyncClient, ChainMirror, Cursor, LedgerError, WatchChainsResponse, WatchEntriesResponse
from rollbook.v1 import watch_pb2

Message = TypeVar("Message", WatchChainsResponse, WatchEntriesResponse)


class Kept(Generic[Message]):
    """A file of messages, open for more of them."""

    def __init__(self, path: Path, messages: int) -> None:
        self._file = path.open("ab")
        self._left = messages

    def keep(self, message: Message) -> None:
        """Has the message on the disk, and says so if it is a bookmark."""
        self._file.write(base64.b64encode(message.to_proto().SerializeToString()) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        if message.bookmark and message.cursor:
            print(message.cursor.revision, flush=True)
        self._left -= 1
        if self._left == 0 or (self._left > 0 and message.bookmark):
            os.kill(os.getpid(), signal.SIGKILL)

    def forget(self) -> None:
        """Begins anew."""
        self._file.truncate(0)
        os.fsync(self._file.fileno())


def _lines(path: Path) -> list[bytes]:
    """The lines of a file; one that a kill has torn is none, and is cut off."""
    whole, _, torn = path.read_bytes().rpartition(b"\n") if path.exists() else (b"", b"", b"")
    if torn:
        os.truncate(path, path.stat().st_size - len(torn))
    return [base64.b64decode(line) for line in whole.splitlines()]


def kept_chains(path: Path) -> list[WatchChainsResponse]:
    """What a watcher of chains has kept."""
    return [WatchChainsResponse.from_proto(watch_pb2.WatchChainsResponse.FromString(line)) for line in _lines(path)]


def kept_entries(path: Path) -> list[WatchEntriesResponse]:
    """What a watcher of entries has kept."""
    return [WatchEntriesResponse.from_proto(watch_pb2.WatchEntriesResponse.FromString(line)) for line in _lines(path)]


async def watch_chains(client: AsyncClient, path: Path, messages: int) -> None:
    """Keeps what a mirror of all chains is made of."""
    mirror = ChainMirror(include_closed=True)
    for message in kept_chains(path):
        mirror.apply(message)
    kept: Kept[WatchChainsResponse] = Kept(path, messages)

    def interrupted(error: LedgerError) -> None:
        mirror.interrupted(error)
        if mirror.cursor is None:
            kept.forget()

    if mirror.cursor is None:  # killed before the first state was complete
        kept.forget()
    watch = client.watch_chains(cursor=mirror.cursor, on_interruption=interrupted, include_closed=True)
    async with aclosing(watch) as stream:
        async for message in stream:
            mirror.apply(message)
            kept.keep(message)


async def watch_entries(client: AsyncClient, path: Path, messages: int) -> None:
    """Keeps entries, each once: of a revision that a kill has cut, some come again."""
    before = kept_entries(path)
    cursor: Cursor | None = before[-1].cursor if before else None
    last = max(((entry.revision, entry.sequence) for message in before for entry in message.entries), default=(0, 0))
    kept: Kept[WatchEntriesResponse] = Kept(path, messages)
    async with aclosing(client.watch_entries(cursor=cursor)) as stream:
        async for message in stream:
            new = tuple(entry for entry in message.entries if (entry.revision, entry.sequence) > last)
            kept.keep(replace(message, entries=new))


async def main(kind: str, target: str, file: str, messages: str = "-1") -> None:
    """Watches until it is killed."""
    async with AsyncClient(target) as client:
        await {"chains": watch_chains, "entries": watch_entries}[kind](client, Path(file), int(messages))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
