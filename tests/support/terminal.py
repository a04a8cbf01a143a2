"""The command `rollbook` on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from types import TracebackType
from typing import Self

from tests.support.shell import Shell

PATIENCE = 30.0
"""Seconds until what is waited for must be on the screen."""


class Terminal:
    """`rollbook` on a terminal of its own."""

    def __init__(self, shell: Shell, *words: str, columns: int = 120, lines: int = 40) -> None:
        self._read_end, self._tty = pty.openpty()
        fcntl.ioctl(self._tty, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._before = termios.tcgetattr(self._tty)
        env = {**shell.env, "TERM": "xterm-256color"}
        env.pop("LINES", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rollbook.cli", *words],
            stdin=self._tty, stdout=self._tty, stderr=self._tty, env=env, start_new_session=True,
        )  # fmt: skip
        self.written = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._tty)
        os.close(self._read_end)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._read_end], [], [], seconds)[0]:
            return False
        self.written += os.read(self._read_end, 65536).decode(errors="replace")
        return True

    def until(self, *texts: str, without: str = "\0") -> str:
        """Waits for a screen that is drawn to its end and says all of this."""
        end = time.monotonic() + PATIENCE
        screen = ""
        while time.monotonic() < end:
            drawn = self.written.split("\x1b[H")
            screen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn[-2]) if len(drawn) > 1 else ""
            if all(text in screen for text in texts) and without not in screen:
                return screen
            self._read(1)
        raise AssertionError(f"{texts} did not come, or {without} did not go:\n{screen}")

    def writes(self, text: str) -> None:
        """Waits until this was written, on whatever part of the screen."""
        end = time.monotonic() + PATIENCE
        while text not in (plain := re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.written)):
            assert time.monotonic() < end, plain
            self._read(0.1)

    def over(self) -> tuple[int, str]:
        """Its exit code, and what it said once the screen from before had come back; the terminal is as it was."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self._read(0.1)
        code = self.process.wait(1)
        while self._read(0):
            pass
        _, back, after = self.written.rpartition("\x1b[?25h\x1b[?1049l")  # the cursor, and the other screen
        assert back
        assert termios.tcgetattr(self._tty) == self._before
        return code, after.replace("\r\n", "\n")

    def end(self, ending: signal.Signals = signal.SIGINT) -> int:
        """Ends it; its exit code. It says nothing more."""
        self.process.send_signal(ending)
        code, after = self.over()
        assert not after.strip()
        return code
