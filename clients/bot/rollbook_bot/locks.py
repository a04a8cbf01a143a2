"""Agreements between the processes that share a spool: who sends, and which command comes before which."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import weakref
from collections.abc import Iterator
from pathlib import Path


class SenderLock:
    """Held by the one process that sends; the system takes it back when that process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    @property
    def held(self) -> bool:
        """Whether it is ours."""
        return self._file is not None

    def take(self) -> bool:
        """Takes it if it is free, without waiting. Raises OSError."""
        if self._file is None:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            except BaseException:
                os.close(file)
                raise
            self._file = file
            _HELD.add(self)
        return True

    def give(self) -> None:
        """Gives it back. A second time does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _forget(self) -> None:
        """In a fork: the lock stays with the parent, and must not outlive it in the child's copy of the file."""
        self.give()


_HELD: weakref.WeakSet[SenderLock] = weakref.WeakSet()


def _forget_all() -> None:
    for lock in tuple(_HELD):
        lock._forget()


os.register_at_fork(after_in_child=_forget_all)


class Order:
    """The numbers that names begin with: each is higher than all before it, in all processes, whatever the clock does.

    They are nanoseconds since 1970 as long as the clock goes forward.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def next(self) -> int:
        """A new number. Raises OSError where it cannot be written down for the others."""
        with self._locked() as file:
            number = max(time.time_ns(), self._read(file) + 1)
            self._write(file, number)
        return number

    def claim(self, number: int) -> None:
        """No later number is lower than this one. Raises OSError."""
        with self._locked() as file:
            if self._read(file) < number:
                self._write(file, number)

    def last(self) -> int:
        """The highest number that anybody was given."""
        with self._locked() as file:
            return self._read(file)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)  # anew each time: a fork would share the lock
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # held for a read and a write of 19 digits
            yield file
        finally:
            os.close(file)

    def _read(self, file: int) -> int:
        text = os.pread(file, 32, 0)
        return int(text) if text.isdigit() else 0

    def _write(self, file: int, number: int) -> None:
        if os.pwrite(file, b"%019d" % number, 0) < 19:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
