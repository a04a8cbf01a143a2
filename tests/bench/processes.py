"""The processes of the bench: the server, the load and the watchers each have one, and say JSON lines."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@contextmanager
def process(module: str, *words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A module of the bench, run until the block ends."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *words]
    running = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


def line(running: subprocess.Popen[str]) -> dict[str, Any]:
    """The next thing that it says."""
    assert running.stdout is not None
    text = running.stdout.readline()
    if not text:
        raise RuntimeError(f"{running.args!r} ended without a word")
    said: dict[str, Any] = json.loads(text)
    return said


def give(running: subprocess.Popen[str], **job: Any) -> None:
    """Gives it something to do."""
    assert running.stdin is not None
    running.stdin.write(json.dumps(job) + "\n")
    running.stdin.flush()


@contextmanager
def worker(module: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A process that does what it is told, and ends when nothing more is to be done."""
    with process(module, *words) as running:
        yield running
        assert running.stdin is not None
        running.stdin.close()
        running.wait(10)


@dataclass
class Server:
    """A server that is being measured, and what it said."""

    process: subprocess.Popen[str]
    first: dict[str, Any]

    @property
    def target(self) -> str:
        """Where it listens."""
        return str(self.first["target"])

    def now(self) -> dict[str, Any]:
        """How far it has come, and what it used for that."""
        self.process.send_signal(signal.SIGUSR1)
        return line(self.process)

    def stop(self) -> dict[str, Any]:
        """Its last words."""
        self.process.send_signal(signal.SIGTERM)
        return line(self.process)


@contextmanager
def served(db: Path, profile: Path | None = None) -> Iterator[Server]:
    """The real server on a ledger."""
    with process("served", str(db), *(["--profile", str(profile)] if profile else [])) as running:
        yield Server(running, line(running))


Call = Callable[..., dict[str, Any]]


@contextmanager
def caller(target: str) -> Iterator[Call]:
    """The load: each call of it is one round, and answers with rate and latencies."""
    with worker("caller", target) as running:
        rounds = 0

        def call(method: str, in_flight: int, calls: int, size: int = 0, *, acks: bool = False) -> dict[str, Any]:
            nonlocal rounds
            rounds += 1
            give(
                running,
                method=method,
                in_flight=in_flight,
                calls=calls,
                size=size,
                name=f"round-{rounds}",
                acks=acks,
            )
            return line(running)

        yield call
