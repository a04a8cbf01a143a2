"""A real Dask cluster on this machine: a scheduler and workers, each a process of its own, started and killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

_HERE = ("--host", "127.0.0.1", "--no-dashboard")


class _Process:
    """A command of Dask, whose lines on stderr say when it is there."""

    def __init__(self, command: str, *flags: str, there: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + command, *_HERE, *flags],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self._seen, self._said = threading.Event(), ""
        self._reader = threading.Thread(target=self._read, args=(re.compile(there),), daemon=True)
        self._reader.start()
        self.lines: list[str] = []

    def _read(self, there: re.Pattern[str]) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line)
            if not self._seen.is_set() and (found := there.search(line)):
                self._said = found[1]
                self._seen.set()
        self._seen.set()

    def said(self) -> str:
        """What it says when it is there."""
        assert self._seen.wait(60), "it took too long"
        assert self._said, "".join(self.lines)
        return self._said

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Ends it and waits for that."""
        self._process.send_signal(number)
        self._process.wait(30)
        self._reader.join(10)
        assert self._process.stderr is not None
        self._process.stderr.close()


class RunningCluster:
    """A scheduler on a free port of 127.0.0.1, and workers that are processes without a nanny: what is killed stays
    dead. Leaving kills them all."""

    def __init__(self, folder: Path, workers: int = 2, *flags: str) -> None:
        self._folder, self._count, self._flags = folder, workers, flags
        self._scheduler: _Process | None = None
        self.workers: dict[str, _Process] = {}
        """By their addresses."""
        self.address = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def start(self) -> None:
        """A scheduler, at the address that it had before, and as many workers as at first."""
        port = self.address.rpartition(":")[2] or "0"
        self._scheduler = _Process("dask_scheduler", "--port", port, there=r"Scheduler at: +(tcp://\S+)")
        self.address = self._scheduler.said()
        self.add(self._count, *self._flags)

    def add(self, count: int, *flags: str) -> None:
        """More workers."""
        started = [
            _Process(
                "dask_worker",
                *(self.address, "--no-nanny", "--nthreads", "1", "--local-directory", str(self._folder), *flags),
                there=r"Start worker at: +(tcp://\S+)",
            )
            for _ in range(count)
        ]
        self.workers |= {each.said(): each for each in started}

    def kill_worker(self, address: str) -> None:
        """kill -9 of one."""
        self.workers.pop(address).stop()

    def kill(self) -> None:
        """kill -9 of all of it."""
        if self._scheduler is not None:
            self._scheduler.stop()
            self._scheduler = None
        for worker in self.workers.values():
            worker.stop()
        self.workers.clear()
