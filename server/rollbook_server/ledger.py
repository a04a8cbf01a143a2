"""The ledger's use cases: a command goes to the writer, is judged, recorded and answered; a query reads a snapshot."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from rollbook_server.board import Board, ChainKey
from rollbook_server.domain.clock import Clock, Micros
from rollbook_server.domain.entries import Answer, BatchStamp
from rollbook_server.domain.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Reason,
    Refusal,
    ResourceExhausted,
    Unavailable,
)
from rollbook_server.domain.executions import (
    Execution,
    Fill,
    LateFills,
    Mark,
    Mode,
    Payload,
    Settlement,
)
from rollbook_server.domain.marks import AHEAD
from rollbook_server.domain.recording.book import Book, Judgement, Place, Scope
from rollbook_server.domain.recording.executions import judge_execution
from rollbook_server.domain.recording.expiries import judge_expiry
from rollbook_server.domain.recording.late_fills import judge_late_fills
from rollbook_server.domain.recording.settlements import expiry_of, judge_settlement
from rollbook_server.domain.valuation import Held
from rollbook_server.feed import Feed
from rollbook_server.storage import reads
from rollbook_server.storage.check import LastCheck, last_check
from rollbook_server.storage.database import Database, Job, open_database
from rollbook_server.storage.facts import to_json
from rollbook_server.storage.journal import read_head
from rollbook_server.storage.marks import prune_marks
from rollbook_server.storage.observations import (
    RefusedCommand,
    StoredRefusal,
    any_unresolved,
    keep_payloads,
    list_refusals,
    note_refusal,
    resolve_refusals,
)
from rollbook_server.storage.schemas import LEDGER
from rollbook_server.storage.sqlite import Connection
from rollbook_server.storage.store import LedgerStore

T = TypeVar("T")
Command = Execution | LateFills | Settlement


class Log(Protocol):
    """Where failures are said; one line each."""

    def error(self, event: str, **fields: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Submission:
    """A command with what belongs to it: venue messages, and how it is listed in the case that it is refused."""

    command: Command
    payloads: Sequence[Payload]
    refused: Callable[[], RefusedCommand | None]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A batch item's outcome: exactly one of both."""

    answer: Answer | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class MarksTaken:
    """What became of marks."""

    revision: int
    accepted: int
    ignored: Sequence[str]


@dataclass(frozen=True, slots=True)
class Status:
    """How far the ledger has come."""

    ledger_id: str
    revision: int
    head_hash: str
    cached_chains: int
    queued_commands: int
    last_check: LastCheck | None


Item = Submission | tuple[RefusedCommand | None, Refusal]
"""One execution of a batch: ready to be recorded, or refused on its way here."""


class Ledger:
    """A position ledger on one file. Its methods belong to one event loop; the work is done on other threads."""

    def __init__(
        self, path: Path, clock: Clock, log: Log, *, queue_size: int = 4096, single_connection: bool | None = None
    ) -> None:
        self._path = path.resolve()
        self.clock = clock
        self._log = log
        self._database: Database = open_database(
            path, LEDGER, single_connection=single_connection, queue_size=queue_size
        )
        self._store = LedgerStore(self._database.db)
        self.clock.saw(self._store.newest_time)
        self._refusing = any_unresolved(self._database.db)
        prune_marks(self._database.db)
        self._loop = asyncio.get_running_loop()
        self.feed = Feed(self._store.head.revision)
        """Wakes watchers."""
        self.board = Board()
        """What open chains are worth."""
        self.board.show(self._store.values.held())
        self.feed.publish(self.revision, self.board.version)
        self.next_expiry = self._store.book.next_expiry()
        """When the next contract that is held expires."""
        self.awaiting = self._store.book.awaiting()
        """Whether something that is held waits for its delivery."""
        self._database.start(
            self._store,
            delivered=self._deliver,
            follow=self._due,
            failure=lambda error: log.error("commit_failed", error=repr(error)),
        )

    @property
    def ledger_id(self) -> str:
        """The ledger's id, made with its file."""
        return self._store.ledger_id

    @property
    def revision(self) -> int:
        """The last committed revision."""
        return self._store.head.revision

    def close(self) -> None:
        """Writes what waits and closes the file."""
        self._database.close()

    # -- recording ----------------------------------------------------------------------------------------------

    async def record(self, submission: Submission) -> Answer:
        """Records an execution, late fills or a settlement; the answer comes after it is on disk.

        Raises Refusal; a refused command is kept with its reason.
        """
        job = self._job_of(submission)
        self._database.submit(job)
        answer: Answer = await asyncio.shield(job.future)
        return answer

    async def record_each(self, submissions: Sequence[Item]) -> list[Recorded]:
        """Records items in order, each by itself; an item that was refused on its way here keeps its place.

        Raises ResourceExhausted or Unavailable if an item was not judged: the whole can be sent again.
        """
        jobs = [self._job_of(item) for item in submissions]
        self._database.submit(*jobs)
        outcomes = await asyncio.gather(*(asyncio.shield(job.future) for job in jobs), return_exceptions=True)
        recorded: list[Recorded] = []
        for outcome in outcomes:
            if isinstance(outcome, ResourceExhausted | Unavailable):
                raise outcome
            if isinstance(outcome, Refusal):
                recorded.append(Recorded(refusal=outcome))
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                recorded.append(Recorded(answer=outcome))
        return recorded

    def _job_of(self, item: Item) -> Job:
        """What the writer does with one item of a batch."""
        future: asyncio.Future[Answer] = self._loop.create_future()
        if isinstance(item, Submission):
            submission = item
            return Job(
                run=lambda: self._record(submission),
                refused=lambda refusal: self._note(submission.refused(), refusal),
                future=future,
            )
        refused, refusal = item

        def refuse() -> Answer:
            raise refusal

        return Job(run=refuse, refused=lambda refusal: self._note(refused, refusal), future=future)

    async def record_together(self, submissions: Sequence[Submission], request_id: str) -> list[Answer]:
        """Records all items in one revision, or none. Raises the first item's Refusal, with details "index"."""
        failing: list[int] = []

        def run() -> list[Answer]:
            failing.clear()
            return self._record_together(submissions, request_id, failing)

        def refused(refusal: Refusal) -> None:
            items = [submission.refused() for submission in submissions]
            if failing:
                self._note_batch(items, failing[0], refusal)
            else:  # the batch's own id is at fault: all of it is missing
                for item in items:
                    self._note(item, refusal)

        return await self._submit(run, refused)

    async def refuse_together(self, refused: Sequence[RefusedCommand | None], failing: int, refusal: Refusal) -> None:
        """Keeps the items of an atomic batch, of which one was refused for its form."""
        await self._submit(lambda: self._note_batch(refused, failing, refusal), None)

    async def refuse(self, refused: RefusedCommand, refusal: Refusal) -> None:
        """Keeps a command that was refused before it came here, for its form."""
        await self._submit(lambda: self._note(refused, refusal), None)

    async def update_marks(self, marks: Sequence[Mark]) -> MarksTaken:
        """Takes marks; the newest mark_time of each contract wins. Raises InvalidArgument for one of the future."""
        newest = max(mark.mark_time for mark in marks)
        latest = self.clock.now(newest) + AHEAD
        for number, mark in enumerate(marks):
            if mark.mark_time > latest:
                raise InvalidArgument(
                    Reason.OUT_OF_BOUNDS,
                    "more than five minutes ahead of the server's clock: no later mark could take its place",
                    f"marks[{number}].mark_time",
                )

        def run() -> Sequence[str]:
            return self._store.values.marked(marks, self.clock.now(newest))

        ignored = await self._submit(run, None)
        return MarksTaken(self.revision, len(marks) - len(ignored), ignored)

    # -- what comes unasked -------------------------------------------------------------------------------------

    @property
    def now(self) -> Micros:
        """The present by the ledger's clock."""
        return self.clock.now()

    async def expire(self) -> None:
        """Records what has expired by now. Whatever else is recorded does so too; this is for when nothing is."""
        await self._submit(lambda: None, None)

    async def settle(self, scope: Scope, index_name: str, expiry: Micros, price: Decimal) -> None:
        """Settles what waits for a delivery price that has become known. Raises FailedPrecondition if it was settled
        at another one."""

        def run() -> None:
            if not self._store.book.unsettled(scope, "", index_name, expiry):
                return
            known = Settlement(
                request_id="",
                account=scope.account,
                mode=scope.mode,
                venue=scope.venue,
                index_name=index_name,
                expiry_time=expiry,
                delivery_price=price,
            )
            self._store.record(judge_settlement(self._store.book, known, self._store.place(self.now)), None)

        await self._submit(run, None)

    async def _submit(self, run: Callable[[], T], refused: Callable[[Refusal], None] | None) -> T:
        future: asyncio.Future[T] = self._loop.create_future()
        self._database.submit(Job(run=run, refused=refused, future=future))
        # A caller that leaves does not undo the write: it may commit, which is what request_ids are for.
        return await asyncio.shield(future)

    def _deliver(self, group: Sequence[Job]) -> None:
        values = self._store.values
        fresh, values.fresh = values.fresh, {}
        self._loop.call_soon_threadsafe(self._answer, group, fresh)

    def _answer(self, group: Sequence[Job], fresh: Mapping[ChainKey, Held]) -> None:
        """Hands each job's outcome to whoever still waits for it; watchers are woken first."""
        self.board.show(fresh)
        self.feed.publish(self.revision, self.board.version)
        for job in group:
            if job.future.done():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
                job.future.exception()  # whoever asked may be gone: then nobody retrieves it, and that is no news
            else:
                job.future.set_result(job.outcome)

    # -- on the writer's thread ---------------------------------------------------------------------------------

    def _record(self, submission: Submission, batch: BatchStamp | None = None, sequence: int = 1) -> Answer:
        command = submission.command
        kind = _kind(command)
        said = to_json(command)
        known = self._store.answered(command.account, command.request_id, kind, said)
        if known is not None:
            return known
        newest = _newest_time(command, self._store.book)
        place = self._store.place(self.clock.now(newest))
        if sequence > 1:  # the batch's revision has begun
            place = replace(place, revision=place.revision - 1, sequence=sequence)
        judgement = self._judge(command, place)
        self._store.record(judgement, said, batch if sequence == 1 else None)
        if submission.payloads:
            keep_payloads(self._database.db, submission.payloads)
        answer = judgement.entries[0].answer
        assert answer is not None
        if self._refusing:
            scope = Scope(command.account, command.mode, command.venue)
            trades = {
                (self._store.book.currency_of(scope, fill), fill.trade_id) for fill in _fills(command) if fill.trade_id
            }
            ids = [command.request_id] + ([batch.request_id] if batch is not None else [])
            resolve_refusals(self._database.db, scope, ids, trades, answer.revision)
        return answer

    def _due(self) -> list[Job]:
        """What the clock asks for after a commit: an expiry for each scope and index of which something has expired."""
        self.clock.saw(self._store.newest_time)
        problems, self._store.values.problems = self._store.values.problems, []
        for problem in problems:
            self._log.error("sample_failed", error=repr(problem))
        book, now = self._store.book, self.now
        self.next_expiry = book.next_expiry()
        if self.next_expiry is None or self.next_expiry > now:
            self.awaiting = book.awaiting()
            return []
        self.awaiting = True
        return [Job(run=partial(self._expire, *due)) for due in book.expired(now)]

    def _expire(self, scope: Scope, index_name: str, expiry: Micros) -> None:
        judgement = judge_expiry(self._store.book, scope, index_name, expiry, self._store.place(self.now))
        if judgement.entries:
            self._store.record(judgement, None)

    def _judge(self, command: Command, place: Place) -> Judgement:
        match command:
            case Execution():
                return judge_execution(self._store.book, command, place)
            case LateFills():
                return judge_late_fills(self._store.book, command, place)
            case Settlement():
                return judge_settlement(self._store.book, command, place)

    def _record_together(self, submissions: Sequence[Submission], request_id: str, failing: list[int]) -> list[Answer]:
        account = submissions[0].command.account
        contents = [to_json(submission.command) for submission in submissions]
        digest = hashlib.sha256("\n".join(contents).encode()).hexdigest()
        known = self._store.batch(account, request_id)
        if known is not None and known.digest != digest:
            raise AlreadyExists(
                Reason.REQUEST_ID_REUSED,
                f"request_id {request_id} was recorded with other executions",
                "executions",
                {"fields": "executions"},
            )
        stamp = BatchStamp(request_id=request_id, digest=digest, items=len(submissions))
        answers: list[Answer] = []
        sequence = 1
        for number, submission in enumerate(submissions):
            before = self._store.written
            try:
                answers.append(self._record(submission, stamp, sequence))
            except Refusal as refusal:
                failing.append(number)
                refusal.details["index"] = str(number)
                if refusal.field:
                    refusal.field = f"executions[{number}].{refusal.field}"
                raise
            sequence += self._store.written - before
        return answers

    def _note_batch(self, refused: Sequence[RefusedCommand | None], failing: int, refusal: Refusal) -> None:
        """The item at fault is kept with its reason, the others with BATCH_REFUSED: they are missing as well."""
        others = FailedPrecondition(
            Reason.BATCH_REFUSED,
            f"execution {failing} of its atomic batch was refused: {refusal.message}",
            details={"index": str(failing)},
        )
        for number, item in enumerate(refused):
            self._note(item, refusal if number == failing else others)

    def _note(self, refused: RefusedCommand | None, refusal: Refusal) -> None:
        if refused is None:
            return  # it does not say whose it is
        self._refusing = True
        place = self._store.place(self.clock.now())
        note_refusal(self._database.db, refused, refusal, place.now, place.revision - 1)

    # -- reading ------------------------------------------------------------------------------------------------

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Runs a query of `storage.reads` on a snapshot."""
        return await asyncio.wrap_future(self._database.read(query))

    async def chain(self, account: str, position_id: str) -> reads.ChainView:
        """One chain and all that made it. Raises NotFound."""
        view = await self.read(lambda db: reads.chain_view(db, account, position_id, self.now))
        if view is None:
            raise NotFound(Reason.POSITION_NOT_FOUND, f"account {account} has no chain {position_id}", "position_id")
        return view

    async def unsettled(self) -> list[tuple[Scope, str, Micros]]:
        """What waits for its delivery: scopes, each with an index and its expiry."""
        return await self.read(reads.unsettled)

    async def refusals(
        self, account: str, mode: Mode | None, include_resolved: bool, before_id: int | None, limit: int
    ) -> tuple[int, list[StoredRefusal]]:
        """The revision, and refused commands, newest first."""
        return await self.read(
            lambda db: (
                read_head(db).revision,
                list_refusals(db, account, mode or "", include_resolved, before_id, limit),
            )
        )

    def status(self) -> Status:
        """How far the ledger has come."""
        head = self._store.head
        return Status(
            ledger_id=self._store.ledger_id,
            revision=head.revision,
            head_hash=head.hash.hex(),
            cached_chains=self._store.book.cached_chains,
            queued_commands=self._database.queued,
            last_check=last_check(self._path, self._store.ledger_id),
        )


def _kind(command: Command) -> str:
    match command:
        case Execution():
            return "execution"
        case LateFills():
            return "fills"
        case Settlement():
            return "settlement"


def _fills(command: Command) -> Sequence[Fill]:
    return () if isinstance(command, Settlement) else command.fills


def _newest_time(command: Command, book: Book) -> Micros:
    """The newest event time that a command speaks of."""
    if isinstance(command, Settlement):
        return expiry_of(book, command)
    times = [fill.executed_time for fill in command.fills]
    if isinstance(command, Execution):
        times.append(command.executed_time)
    else:
        times += [order.update_time for order in command.orders if order.update_time is not None]
    return max(times, default=0)
