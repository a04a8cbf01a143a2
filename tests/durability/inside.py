"""A ledger within this process, on a real file: commands go in as a server decodes them, and groups can be composed."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from rollbook import ExecutionResult, RecordExecutionsRequest, RecordFillsRequest, RecordSettlementRequest
from rollbook_server.domain.clock import Clock, EventClock
from rollbook_server.domain.entries import Answer
from rollbook_server.ledger import Ledger, Submission
from rollbook_server.rpc import decode
from rollbook_server.storage.reads import EntryPage, list_entries
from rollbook_server.storage.sqlite import Connection
from tests.support.load import Command

T = TypeVar("T")


class Lines:
    """Keeps what the ledger logs."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, event: str, **fields: object) -> None:
        self.errors.append(f"{event} {fields}")


@asynccontextmanager
async def opened(
    path: Path,
    clock: Clock | None = None,
    *,
    log: Lines | None = None,
    queue_size: int = 4096,
    single_connection: bool | None = None,
) -> AsyncIterator[Ledger]:
    """A ledger on a file, closed at the end; on the clock of events unless one is given."""
    ledger = Ledger(
        path, clock or EventClock(), log or Lines(), queue_size=queue_size, single_connection=single_connection
    )
    try:
        yield ledger
    finally:
        ledger.close()


def submission(command: ExecutionResult | RecordFillsRequest | RecordSettlementRequest) -> Submission:
    """The command as the server decodes it."""
    match command:
        case ExecutionResult():
            return decode.submission("execution", command.to_proto())
        case RecordFillsRequest():
            return decode.submission("fills", command.to_proto())
        case RecordSettlementRequest():
            return decode.submission("settlement", command.to_proto())


async def record(ledger: Ledger, command: Command) -> list[Answer]:
    """Records a command; of a batch whose items stand alone, the answers of those that were recorded."""
    if not isinstance(command, RecordExecutionsRequest):
        return [await ledger.record(submission(command))]
    items = [submission(execution) for execution in command.executions]
    if command.atomic:
        return await ledger.record_together(items, command.request_id)
    return [outcome.answer for outcome in await ledger.record_each(items) if outcome.answer is not None]


async def on_writer(ledger: Ledger, run: Callable[[Connection], T]) -> T:
    """Runs something on the writer's connection, as a command of its own group or of the one that is waiting."""
    return await ledger._submit(lambda: run(ledger._database.db), None)


@asynccontextmanager
async def one_group(ledger: Ledger) -> AsyncIterator[None]:
    """Holds the writer, so that all commands that begin within are committed together."""
    held, going_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        going_on.wait()

    holding = asyncio.ensure_future(ledger._submit(hold, None))
    await asyncio.to_thread(held.wait)
    try:
        yield
        for _ in range(4):  # a batch begins its items in a turn of its own
            await asyncio.sleep(0)
    finally:
        going_on.set()
        await holding


async def together(ledger: Ledger, calls: Sequence[Any]) -> list[Any]:
    """Runs calls whose commands are committed as one group: their answers or exceptions."""
    async with one_group(ledger):
        tasks = [asyncio.ensure_future(call) for call in calls]
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def all_entries(ledger: Ledger) -> EntryPage:
    """The whole journal."""
    return await ledger.read(lambda db: list_entries(db, "", "", 0, False, None, None, 1_000_000))


def request_ids(page: EntryPage) -> list[str]:
    """The request_id of each command in the journal, once per command."""
    said = [getattr(entry.body, "said", None) for entry in page.entries]
    return [command.request_id for command in said if command is not None]
