"""Sends what waits, in order, for as long as it takes."""

from __future__ import annotations

import errno
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

import grpc

from rollbook import (
    AlreadyExists,
    Client,
    DeadlineExceeded,
    ExecutionResult,
    FailedPrecondition,
    InvalidArgument,
    LedgerError,
    NotFound,
    RecordExecutionResponse,
    RecordFillsRequest,
    RecordFillsResponse,
    RecordSettlementResponse,
    Unavailable,
)
from rollbook.errors import from_refusal
from rollbook_bot.backlog import Backlog
from rollbook_bot.dead_letters import Cause
from rollbook_bot.letters import Command, Letter, Unsendable

__all__ = ["Answer", "OnDead", "OnRecorded"]

Answer: TypeAlias = RecordExecutionResponse | RecordFillsResponse | RecordSettlementResponse
OnRecorded: TypeAlias = Callable[[Command, Answer], object]
"""Told of each command that the ledger has."""
OnDead: TypeAlias = Callable[[Command | None, LedgerError | Unsendable], object]
"""Told of each dead letter; without the command if it cannot be read."""

log = logging.getLogger("rollbook_bot")

REFUSALS = (InvalidArgument, NotFound, FailedPrecondition, AlreadyExists)
"""The same again would meet the same answer. Whatever else a call ends with may pass, if only when somebody mends a
token or updates a server: it is tried for ever."""
MOST, LARGEST = 500, 3_000_000
"""Executions and bytes of one call; the server takes 500 and 4 MiB. Bytes are those of the files, which are longer."""
POLL = 0.25
"""Seconds until we look for what other processes have put into the spool."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before the second attempt; each later pause is twice as long, up to the longest. The client itself tries
again more often, until its deadline."""
UNREADABLE = {errno.EIO, errno.EACCES, errno.EPERM, errno.EISDIR}
"""What opening a file can end with because of the file, not of the moment."""


class Sender:
    """The work of a recorder's thread. `run` returns after `stop`, and at nothing else."""

    def __init__(
        self, client: Client, backlog: Backlog, on_recorded: OnRecorded | None, on_dead: OnDead | None
    ) -> None:
        self._client = client
        self._backlog = backlog
        self._on_recorded = on_recorded
        self._on_dead = on_dead
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._failures = 0
        self._failing: grpc.StatusCode | None = None
        self._failing_since = 0.0
        self._one_by_one = 0
        self._waited_for_lock = False

    def wake(self) -> None:
        """Something was put into the backlog."""
        self._woken.set()

    def stop(self) -> None:
        """Ends `run`; what is under way is ended by closing the client."""
        self._stopped.set()
        self._woken.set()

    def run(self) -> None:
        """Sends until it is stopped."""
        while not self._stopped.is_set():
            try:
                self._woken.clear()
                self._backlog.tidy()
                if not (self._may_send() and self._send_next()):
                    self._woken.wait(POLL)
            except LedgerError as error:
                if not self._stopped.is_set():
                    self._stopped.wait(self._failed(error))
            except Exception as error:
                if not self._stopped.is_set():
                    log.exception("sending goes on in a moment, after %s", type(error).__name__)
                    self._stopped.wait(self._pause())
        self._backlog.spool.sender.give()

    def _may_send(self) -> bool:
        """Whether this is the process that sends: two would mix up the order."""
        if self._backlog.spool.sender.take():
            return True
        if not self._waited_for_lock:
            self._waited_for_lock = True
            log.info("another process sends what is in %s, until it ends", self._backlog.spool.directory)
        return False

    def _send_next(self) -> bool:
        """Sends one command, or as many executions as may go together. False if nothing waits."""
        names = self._backlog.head(MOST)
        letters: list[tuple[str, Command]] = []
        size = 0
        for name in names:
            try:
                data = self._read(name)
                if data is None:
                    continue
                size += len(data)
                if letters and size > LARGEST:
                    break
                command = Letter.decode(data).sendable()
            except Unsendable as error:
                if letters:
                    break  # its turn comes after what is before it
                self._bury(name, None, error)
                return True
            if letters and not isinstance(command, ExecutionResult):
                break
            letters.append((name, command))
            if not isinstance(command, ExecutionResult) or self._one_by_one:
                break
        if letters:
            self._send(letters)
        return bool(names)

    def _read(self, name: str) -> bytes | None:
        """A file, or None if it was settled by somebody else. Raises Unsendable if it will never be read."""
        try:
            return self._backlog.read(name)
        except FileNotFoundError:
            self._backlog.gone(name)
            return None
        except OSError as error:
            if error.errno in UNREADABLE:
                raise Unsendable("DAMAGED", f"the file cannot be read: {error.strerror}") from error
            raise

    def _send(self, letters: list[tuple[str, Command]]) -> None:
        if len(letters) > 1:
            self._send_together(letters)
            return
        ((name, command),) = letters
        try:
            answer = self._record(command)
        except REFUSALS as refusal:
            self._back()
            self._bury(name, command, refusal)
        except (TypeError, ValueError) as error:  # raised by the client before anything was sent
            self._bury(name, command, Unsendable("UNWRITABLE", f"{type(error).__name__}: {error}"))
        else:
            self._back()
            self._recorded(name, command, answer)
        self._one_by_one = max(self._one_by_one - 1, 0)

    def _record(self, command: Command) -> Answer:
        if isinstance(command, ExecutionResult):
            return self._client.record_execution(command)
        if isinstance(command, RecordFillsRequest):
            return self._client.record_fills(command)
        return self._client.record_settlement(command)

    def _send_together(self, letters: list[tuple[str, Command]]) -> None:
        """Many executions in one call; each is judged by itself."""
        executions = [command for _, command in letters if isinstance(command, ExecutionResult)]
        try:
            answer = self._client.record_executions(executions)
        except (DeadlineExceeded, Unavailable):
            raise
        except (LedgerError, TypeError, ValueError):  # one of them may be the reason: alone it cannot stop the others
            self._one_by_one = len(letters)
            if self._stopped.is_set():
                raise
            return
        self._back()
        failure: LedgerError | None = None
        for (name, command), result in zip(letters, answer.results, strict=True):
            if result.recorded is not None:
                self._recorded(name, command, result.recorded)
                continue
            if result.refused is None:
                raise TypeError("an answer that says neither recorded nor refused: is there a newer rollbook?")
            error = from_refusal(result.refused, command)
            if isinstance(error, REFUSALS):
                self._bury(name, command, error)
            else:
                failure = failure or error
        if failure is not None:
            raise failure

    # What became of it

    def _recorded(self, name: str, command: Command, answer: Answer) -> None:
        # Told before it is forgotten: killed in between, the bot is told again, not never.
        if self._on_recorded is not None:
            self._tell(self._on_recorded, command, answer)
        self._backlog.recorded(name)

    def _bury(self, name: str, command: Command | None, error: LedgerError | Unsendable) -> None:
        log.error("%s is a dead letter and NOT in the ledger: %s — see `rollbook-bot spool list`", name, error)
        if self._on_dead is not None:
            self._tell(self._on_dead, command, error)
        self._backlog.refused(name, Cause.of(error))

    def _tell(self, callback: Callable[..., object], *said: object) -> None:
        try:
            callback(*said)
        except BaseException:  # SystemExit among them: it would end this thread without a word
            log.exception("%r failed", callback)

    # When it does not work

    def _failed(self, error: LedgerError) -> float:
        """Says it once, and how many seconds to wait."""
        if self._failing is not error.code:
            if self._failing is None:
                self._failing_since = time.monotonic()
            self._failing = error.code
            passes = isinstance(error, DeadlineExceeded | Unavailable)
            log.log(
                logging.WARNING if passes else logging.ERROR,
                "the ledger takes nothing: %s — %s wait in %s and are sent when it does",
                str(error).partition("; whether it is recorded")[0],
                self._waiting(),
                self._backlog.spool.directory,
            )
        return self._pause()

    def _pause(self) -> float:
        pause = min(FIRST_PAUSE * 2 ** min(self._failures, 10), LONGEST_PAUSE)
        self._failures += 1
        return random.uniform(pause / 2, pause)

    def _back(self) -> None:
        """The ledger has answered."""
        self._failures = 0
        if self._failing is not None:
            self._failing = None
            seconds = time.monotonic() - self._failing_since
            log.warning("the ledger is back after %.0f s, %s wait to be sent", seconds, self._waiting())

    def _waiting(self) -> str:
        try:
            return str(self._backlog.waiting)
        except OSError:
            return "some"
