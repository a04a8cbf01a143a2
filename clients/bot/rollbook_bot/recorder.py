"""What a bot calls: an execution is on the disk when `record` returns, and reaches the ledger sooner or later."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import grpc

from rollbook import Client, new_request_id
from rollbook_bot.backlog import Backlog
from rollbook_bot.letters import Command, Letter
from rollbook_bot.sender import OnDead, OnRecorded, Sender
from rollbook_bot.spool import Spool

__all__ = ["Receipt", "Recorder"]

log = logging.getLogger("rollbook_bot")

LOOK = 0.05
"""Seconds between two looks of `flush`: another process may be the one that sends."""
FAREWELL = 2.0
"""Seconds that the thread gets to end; it is a daemon and holds nobody up beyond."""


class Receipt(str):
    """The request_id under which a command is sent.

    Attributes:
        on_disk: Whether it is on the disk; if not, it waits in memory and is lost with the process.
    """

    __slots__ = ("on_disk",)
    on_disk: bool

    def __new__(cls, request_id: str, on_disk: bool = True) -> Receipt:
        receipt = super().__new__(cls, request_id)
        receipt.on_disk = on_disk
        return receipt


class Recorder:
    """Records executions, late fills and settlements through a spool on the disk.

    A command is on the disk before it is sent, is sent in the order of recording under one request_id for ever, and is
    removed when the ledger has answered. The ledger may be away for hours and the bot may be killed at any moment:
    afterwards each command is in the ledger once. What the ledger refuses (InvalidArgument, which includes what is too
    large to be sent, NotFound, FailedPrecondition, AlreadyExists) becomes a dead letter, which `rollbook-bot spool`
    lists, retries and drops; the rest goes on. Everything else is tried again for ever.

    >>> with Recorder("spool", account="main") as ledger:  # doctest: +SKIP
    ...     ledger.record(execution)

    One is enough for all threads of a process. Several processes may share a spool: each records, one sends, and when
    it ends another one does. A fork makes its own.

    What happens is said to the logger "rollbook_bot": ERROR for each dead letter and for what does not pass by itself,
    CRITICAL for each command that the disk did not take, WARNING when the ledger goes away and when it is back.
    """

    def __init__(
        self,
        spool_directory: str | os.PathLike[str],
        target: str = "127.0.0.1:50051",
        account: str = "",
        *,
        max_bytes: int = 64 * 1024 * 1024,
        on_recorded: OnRecorded | None = None,
        on_dead: OnDead | None = None,
        deadline: float = 10.0,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        options: Iterable[tuple[str, Any]] = (),
    ) -> None:
        """Begins at once to send what waits from before.

        Args:
            spool_directory: A directory of its own on a local disk; made if it is not there.
            target: "host:port" of the ledger; it need not be there yet.
            account: Whose book, where a command does not say.
            max_bytes: How much room the spool may take, dead letters included.
            on_recorded: Called with each command that the ledger has, and its answer. After a kill it may be told
                again. Both callbacks run in the thread that sends, which waits for them; what they raise is logged.
            on_dead: Called with each command that becomes a dead letter (None if it cannot be read), and the error.
            deadline: Seconds for a call with the client's own attempts, above 0.
            credentials: TLS, as for `rollbook.Client`.
            token: As for `rollbook.Client`.
            options: gRPC channel options, as for `rollbook.Client`.

        Raises OSError if the directory cannot be made, and ValueError as `rollbook.Client` does.
        """
        self._account = account
        self._client = Client(
            target, account=account, deadline=deadline, credentials=credentials, token=token, options=options
        )
        self.spool = Spool(spool_directory, max_bytes)
        self._backlog = Backlog(self.spool)
        self._sender = Sender(self._client, self._backlog, on_recorded, on_dead)
        self._process = os.getpid()
        self._closed = False
        self._client.open()
        self._thread = threading.Thread(target=self._sender.run, name="rollbook-recorder", daemon=True)
        self._thread.start()
        atexit.register(self._at_exit)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.spool.directory)!r}, {self._client!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def record(self, command: Command) -> Receipt:
        """Takes an execution, late fills or a settlement, and returns its request_id when it is on the disk.

        Where the command has no request_id or account it gets them here. That takes a few milliseconds, the disk's, in
        any thread or task; it never waits for the ledger and never raises. `on_disk` of the receipt is False if the
        disk is full or broken: the command is then sent from memory, and put on the disk when there is room. What is no
        command at all becomes a dead letter, like what the ledger refuses.
        """
        request_id = ""
        try:
            request_id = new_request_id()
            letter = Letter.of(command, self._account, request_id)
            request_id = letter.request_id
            receipt = Receipt(request_id, self._backlog.put(letter))
            self._sender.wake()
        except Exception:  # a bug of ours must not end a bot that has orders in the market
            log.critical("not recorded: %r", command, exc_info=True)
            return Receipt(request_id, False)
        if self._closed and not receipt.on_disk:
            self._backlog.close()
        return receipt

    @property
    def waiting(self) -> int:
        """How many commands wait for the ledger, those of other processes in this spool among them. Raises OSError."""
        return self._backlog.waiting

    @property
    def dead(self) -> int:
        """How many dead letters there are. Raises OSError."""
        return self._backlog.dead

    @property
    def unsaved(self) -> int:
        """How many commands are in memory only, because the disk takes nothing."""
        return self._backlog.unsaved

    def flush(self, seconds: float) -> bool:
        """Waits at most that long for the ledger to judge all that waits, and says whether it has. Dead letters do not
        count: they wait for people.
        """
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):  # a disk that cannot be read may hold anything
                if not self._backlog.waiting:
                    return True
            left = end - time.monotonic()
            if left <= 0 or self._closed:
                return False
            time.sleep(min(left, LOOK))

    def close(self, seconds: float = 2.0) -> None:
        """Gives what waits that many seconds to be sent, and ends the sending. What is left stays in the spool for the
        next start. A second time does nothing.
        """
        if self._closed or os.getpid() != self._process:  # a fork has neither the thread nor the connection
            return
        if threading.current_thread() is not self._thread:
            self.flush(seconds)
        self._closed = True
        atexit.unregister(self._at_exit)
        self._sender.stop()
        self._client.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(FAREWELL)
        self._backlog.close()

    def _at_exit(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter is going
            self.close(0)
