"""A real rollbook-server as a process of its own: started, stopped, killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PYTHON = os.environ.get("SERVER_PYTHON", sys.executable)
"""The interpreter that has the server; another one than ours where the client is tested alone (`make test-floor`)."""


class StartFailed(Exception):
    """The server ended before it served; the message is what it said."""


class RunningServer:
    """`rollbook-server serve` on a free port of 127.0.0.1, its log in a folder beside the database.

    Its clock is that of the events unless said: what tests trade has expired by any other. Entering waits for the line
    that says it serves; leaving stops it gracefully.
    """

    def __init__(
        self,
        db: Path,
        *flags: str,
        listen: str = "127.0.0.1:0",
        clock: str = "events",
        env: dict[str, str] | None = None,
        python: str = PYTHON,
    ) -> None:
        self.db = db
        self._command = [python, "-m", "rollbook_server", "serve", "--db", str(db), "--listen", listen]
        self._command += ["--logs", str(db.parent / "logs"), *(("--clock", clock) if clock else ()), *flags]
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._served = threading.Event()
        self.lines: list[str] = []
        self.target = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it serves. Raises StartFailed with its words if it ends instead."""
        self._served.clear()
        self.lines.clear()
        self._process = subprocess.Popen(
            self._command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=self._env
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        self._served.wait(60)
        if not self.target or self._process.poll() is not None:
            self._reader.join(10)
            self._process.wait(10)
            self._close()
            raise StartFailed("\n".join(self.lines))

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.lines.append(line.rstrip("\n"))
            if not self._served.is_set() and '"serving"' in line:
                said: dict[str, Any] = json.loads(line)
                self.target = said["listen"]
                self._served.set()
        self._served.set()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        return self._end()

    def _end(self) -> int:
        assert self._process is not None
        assert self._reader is not None
        code = self._process.wait(60)
        self._reader.join(10)
        self._close()
        return code

    def _close(self) -> None:
        if self._process is not None and self._process.stderr is not None:
            self._process.stderr.close()
        self._process = None
        self.target = ""
