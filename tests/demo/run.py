"""`make run`: a server and its page on this machine, with one command, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import IO

HEARD = 5.0
"""Seconds for a Ctrl-C, which reaches all of a terminal's processes, to be followed; who did not hear it is told."""
PATIENCE = 15.0
"""Seconds for a process to end that was told to."""


class Ended(Exception):
    """A process ended by itself, before anybody stopped it."""


class Running:
    """The processes that belong together: what ends one ends all."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[str]] = []
        self.stopped = threading.Event()
        self.by = 0
        """The signal that stopped them."""

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Another one; whoever waits is woken when it ends."""
        process = subprocess.Popen(
            [sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._processes.append(process)
        threading.Thread(target=self._wait_for, args=(process,), daemon=True).start()
        return process

    def _wait_for(self, process: subprocess.Popen[str]) -> None:
        process.wait()
        self.stopped.set()

    def signalled(self, number: int, _: FrameType | None) -> None:
        """A handler of signals."""
        self.by = number
        self.stopped.set()

    def stop(self) -> int:
        """Ends what still runs, the newest first; 0 if all ended as they should."""
        if self.by == signal.SIGINT:
            end = time.monotonic() + HEARD
            for process in self._processes:
                _ends(process, end - time.monotonic())
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
            if not _ends(process, PATIENCE):
                process.kill()
                process.wait()
        return int(any(process.returncode for process in self._processes))


def _ends(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(max(seconds, 0.01))
    except subprocess.TimeoutExpired:
        return False
    return True


def main() -> int:
    """Runs both; the exit code is 0 after a signal, and 1 if one of them ended by itself."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo.run", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the ledger, the lab and the logs")
    parser.add_argument("--listen", default="127.0.0.1:50051", help="where the server answers")
    parser.add_argument("--page", default="127.0.0.1:8080", help="where the page answers")
    options = parser.parse_args()
    running = Running()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, running.signalled)
    try:
        _start(running, options.data, options.listen, options.page)
        running.stopped.wait()
        if not running.by:
            raise Ended
    except Ended:
        running.stop()
        return 1
    print("\nstopping", flush=True)
    return running.stop()


def _start(running: Running, data: Path, listen: str, page: str) -> None:
    """Both, one after the other, and where they are. Raises Ended."""
    data.mkdir(parents=True, exist_ok=True)
    db = data / "ledger.db"
    server = running.start(
        "rollbook_server", "serve", "--db", str(db), "--logs", str(data / "logs"), "--listen", listen,
        "--training-data-dir", str(data),
    )  # fmt: skip
    assert server.stderr is not None
    target = _serving(server.stderr)
    web = running.start("rollbook_web", "serve", "--listen", page, "--target", target)
    assert web.stdout is not None
    assert web.stderr is not None
    _pass_on(web.stderr)
    address = web.stdout.readline().partition("http://")[2].partition(" ")[0]
    if not address:
        raise Ended
    print(f"page     http://{address}\nserver   {target}\ndata     {db.resolve()}\n\nCtrl-C stops both.", flush=True)


def _serving(log: IO[str]) -> str:
    """Where the server answers; its later complaints are passed on. Raises Ended."""
    for line in log:
        try:
            said = json.loads(line)
        except ValueError:
            print(line, end="", file=sys.stderr, flush=True)
            continue
        if said.get("event") == "serving":
            _pass_on(log)
            return str(said["listen"])
    raise Ended


def _pass_on(log: IO[str]) -> None:
    """What is no piece of news, on our own stderr; all of the server's is in its log file."""

    def read() -> None:
        for line in log:
            if '"level": "info"' not in line:
                print(line, end="", file=sys.stderr, flush=True)

    threading.Thread(target=read, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
