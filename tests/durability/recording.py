"""A bot that records what desks trade, as a process that is told what to do, limited and killed."""

from __future__ import annotations

import logging
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from rollbook import RecordExecutionsRequest
from rollbook_bot import Command, Recorder
from tests.support.load import Desk

PATIENCE = 60.0


def commands(account: str) -> Iterator[tuple[Command, bool]]:
    """What a desk records, one by one and the same each time, and whether the ledger will refuse it."""
    for command in Desk(account, 1).commands():
        if isinstance(command, RecordExecutionsRequest):
            for number, execution in enumerate(command.executions):
                yield execution, not command.atomic and number == 2
        else:
            yield command, False


def main(spool: str, target: str, *accounts: str) -> None:
    """The bot: told N, each desk records its next N commands; told "flush", it says when nothing waits."""
    logging.basicConfig(level=logging.CRITICAL, format="%(message)s")
    desks = {account: commands(account) for account in accounts}
    talking = threading.Lock()

    def say(*words: object) -> None:
        with talking:  # one write a line: a kill must not leave half of one that looks whole
            sys.stdout.write(" ".join(map(str, words)) + "\n")
            sys.stdout.flush()

    def record(account: str, count: int) -> None:
        for _ in range(count):
            command, _ = next(desks[account])
            receipt = recorder.record(command)
            say("recorded", account, receipt, receipt.on_disk)

    with Recorder(spool, target) as recorder:
        for line in sys.stdin:
            if line == "flush\n":
                say("flushed", recorder.flush(PATIENCE))
            elif line == "count\n":
                say("counted", recorder.waiting, recorder.unsaved)
            else:
                threads = [threading.Thread(target=record, args=(account, int(line))) for account in accounts]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()


class Bot:
    """The process, seen from outside."""

    def __init__(self, spool: Path, target: str, *accounts: str, program: str = __name__) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", program, str(spool), target, *accounts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[list[str]] = []
        self.said: list[str] = []
        self._heard = threading.Condition()
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_log)]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):  # else it was killed in the middle
                with self._heard:
                    self.lines.append(line.split())
                    self._heard.notify_all()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line.rstrip("\n"))

    def tell(self, word: object) -> None:
        """Tells it what to do."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def ask(self, word: str) -> list[str]:
        """Tells it, and waits for the one line of the answer."""
        before = len(self.lines)
        self.tell(word)
        return self.heard(lambda lines: lines[before:])[0]

    def heard(self, wanted: Callable[[list[list[str]]], list[list[str]]]) -> list[list[str]]:
        """Waits until there is something that is wanted among its lines."""
        with self._heard:
            assert self._heard.wait_for(lambda: wanted(self.lines), PATIENCE), (self.lines[-3:], self.said)
            return wanted(self.lines)

    def wait_for(self, count: int) -> None:
        """Waits until it has recorded so many commands."""
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.recorded) >= count, PATIENCE), (self.lines[-3:], self.said)

    def until_counted(self, waiting: int, unsaved: int) -> None:
        """Asks until so many commands wait, and so many of them are in memory only."""
        for _ in range(1000):
            if self.ask("count") == ["counted", str(waiting), str(unsaved)]:
                return
            threading.Event().wait(0.02)
        raise AssertionError(self.lines[-1])

    @property
    def recorded(self) -> list[tuple[str, str, bool]]:
        """Account, request_id, and whether it is on the disk, of each `record` that returned."""
        return [(line[1], line[2], line[3] == "True") for line in self.lines if line[0] == "recorded"]

    def may_write(self, most: int | None) -> None:
        """Limits the size of the files that it writes; None is no limit."""
        _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (hard if most is None else most, hard))

    def kill(self) -> None:
        """kill -9. A second time does nothing."""
        self._process.kill()
        self._process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
