"""A worker as a process of its own. It dies with the server, and a new one takes the place of one that was killed."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_CONTEXT = multiprocessing.get_context("forkserver")
"""To fork this process would copy the threads of gRPC in the middle of what they do."""
_CONTEXT.set_forkserver_preload(["rollbook_server.domain.backtest.engine"])


class Log(Protocol):
    """Where it is said which process works."""

    def info(self, event: str, **fields: object) -> None: ...


class WorkerDied(Exception):
    """The process ended in the middle of its work: killed, or out of memory."""


class WorkerProcess:
    """One process, started when there is work. One call at a time."""

    def __init__(self, log: Log, work: str) -> None:
        self._log, self._work = log, work
        self._pool: ProcessPoolExecutor | None = None
        self._pid = 0

    async def run(self, function: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """What a function of a module returns, or raises. Raises WorkerDied; the next call gets a new process."""
        try:
            pool = self._pool
            if pool is None:
                # On a thread: it waits until the fork server has loaded what is compiled.
                started = await asyncio.to_thread(_start)
                pool = started[0]
                self._pool, self._pid = started
                self._log.info("worker_started", pid=self._pid, work=self._work)
            future: Future[T] = pool.submit(function, *args, **more)
            return await asyncio.wrap_future(future)
        except BrokenProcessPool as error:
            await self.close()
            raise WorkerDied("the worker process died") from error

    async def close(self) -> None:
        """Ends the process, whatever it does."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)


def _start() -> tuple[ProcessPoolExecutor, int]:
    pool = ProcessPoolExecutor(1, mp_context=_CONTEXT, initializer=_begin)
    pid = pool.submit(os.getpid).result()
    # Our copy of the end that the worker writes into: with it open, half an answer of a worker that is killed never
    # ends, and the pool would wait for the rest for ever. The pool has no call for this.
    pool._result_queue._writer.close()  # type: ignore[attr-defined]
    return pool, pid


def _begin() -> None:
    """A worker's first act: Ctrl-C is the server's to hear, and without a server there is nothing to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_server, daemon=True).start()


def _end_with_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(1)
