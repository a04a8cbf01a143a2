"""How much memory processes hold, in bytes, as Linux tells it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import RunningServer

_BETWEEN = 0.02
"""Seconds between two looks."""


def peak(pid: int) -> int:
    """The most that a process has held; 0 if it is gone."""
    return _said(pid, "VmHWM:")


def resident(pid: int) -> int:
    """What a process holds now; 0 if it is gone."""
    return _said(pid, "VmRSS:")


def _said(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


def workers(server: RunningServer, work: str) -> set[int]:
    """The processes that a server has started for some work."""
    said = [json.loads(line) for line in list(server.lines) if '"worker_started"' in line]
    return {each["pid"] for each in said if each["work"] == work}


@contextmanager
def most(held: Callable[[], int]) -> Iterator[list[int]]:
    """Looks at something again and again until the block ends; the most that was seen is then in the list."""
    seen, ended = [held()], threading.Event()

    def look() -> None:
        while not ended.wait(_BETWEEN):
            seen[0] = max(seen[0], held())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
