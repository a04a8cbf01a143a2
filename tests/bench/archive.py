"""A ledger with a long past, made once and kept: one decision in five trades, every chain is closed.

All of it goes through the ledger's own judgement and storage, in large groups and without waiting for the disk.
"""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path

from rollbook_server.domain.clock import SECOND, EventClock, micros
from rollbook_server.domain.executions import (
    Action,
    Execution,
    ExecutionStatus,
    Fill,
    FillSource,
    Mode,
    Side,
    StrategyKind,
)
from rollbook_server.ledger import Ledger, Submission
from rollbook_server.rpc import decode
from rollbook_server.storage import facts, journal, schemas
from tests.support.load import MORNING, Desk

PER_CHAIN = 10
ACCOUNTS = 10
_GROUP = 1_000


class _Quiet:
    """The log of somebody who does not expect errors."""

    def error(self, event: str, **fields: object) -> None:
        raise RuntimeError(f"{event} {fields}")


def _executions(chains: int) -> Iterator[Execution]:
    """Of each chain ten executions: sold, eight times looked at, bought back."""
    start = micros(MORNING)
    for number in range(chains):
        now = start + number * SECOND
        symbol = f"BTC-{25 + number % 2}SEP26-{60_000 + number % 80 * 1_000}-C"
        base = Execution(
            request_id="",
            account=f"account-{number % ACCOUNTS}",
            venue="deribit",
            mode=Mode.LIVE,
            strategy=StrategyKind.COVERED_CALL,
            action=Action.OPEN,
            status=ExecutionStatus.EXECUTED,
            executed_time=now,
            position_id=f"chain-{number}",
            decision_id=f"decision-{number}",
            trigger="delta",
        )
        fill = Fill(
            source=FillSource.VENUE_TRADE,
            symbol=symbol,
            side=Side.SELL,
            quantity=Decimal("0.5"),
            price=Decimal(100 + number % 97) / 10_000,
            executed_time=now,
            trade_id=f"{number}-1",
            fee=Decimal("0.00015"),
            index_price=Decimal(100_000 + number % 1_000),
        )
        yield replace(base, request_id=_id(number, 0), fills=(fill,))
        skipped = replace(base, action=Action.ROLL, status=ExecutionStatus.SKIPPED, reason="nothing better to be had")
        for look in range(1, PER_CHAIN - 1):
            yield replace(skipped, request_id=_id(number, look), position_id="")
        bought = replace(fill, side=Side.BUY, trade_id=f"{number}-2", executed_time=now + SECOND)
        yield replace(base, request_id=_id(number, PER_CHAIN), action=Action.CLOSE, fills=(bought,))


def _id(chain: int, part: int) -> str:
    # Random as real ones are: ids in order would make the index of requests better than it is.
    return str(uuid.UUID(bytes=hashlib.md5(f"{chain}/{part}".encode(), usedforsecurity=False).digest(), version=4))


def _record_all(ledger: Ledger, group: list[Submission]) -> None:
    for each in group:
        ledger._record(each)


async def _make(path: Path, entries: int, progress: Callable[[int], None]) -> None:
    ledger = Ledger(path, EventClock(), _Quiet())
    try:
        # No disk is worth waiting for here: a file that is not finished is not kept.
        ledger._database.db.execute("PRAGMA synchronous = OFF")
        executions = _executions(entries // PER_CHAIN)
        sample = decode.submission("execution", Desk("sample", 1).rolled()[0].to_proto())
        # How they would be listed if they were refused: none is.
        while group := [Submission(each, (), sample.refused) for each in islice(executions, _GROUP)]:
            await ledger._submit(partial(_record_all, ledger, group), None)
            progress(len(group))
    finally:
        ledger.close()


def archive(folder: Path, entries: int, progress: Callable[[int], None]) -> Path:
    """The ledger of so many entries and a tenth as many closed chains; made in `folder` unless it is there."""
    form = hashlib.sha256()
    for module in (schemas, journal, facts):
        assert module.__file__ is not None
        form.update(Path(module.__file__).read_bytes())
    path = folder / f"{entries}-{form.hexdigest()[:12]}" / "ledger.db"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name("draft.db")
    for part in path.parent.glob("draft.db*"):
        part.unlink()
    asyncio.run(_make(draft, entries, progress))
    draft.rename(path)
    draft.with_name("draft.db.lock").unlink()
    return path
