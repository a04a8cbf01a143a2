"""The spool: one file per command, so that a torn write harms one command only and forgetting one is an unlink."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from rollbook import new_request_id
from rollbook_bot import durable
from rollbook_bot.dead_letters import (
    REASON,
    Cause,
    DeadLetter,
    carry_cause,
    forget_cause,
    read_cause,
    write_cause,
)
from rollbook_bot.letters import Command, Letter, Unsendable
from rollbook_bot.locks import Order, SenderLock

__all__ = ["Spool", "SpoolFull"]

log = logging.getLogger("rollbook_bot")

SUFFIX = ".json"
BLOCK = 4096
"""Bytes that a disk gives a file at least, and at a time."""
WARN_AT, CALM_AT = 0.8, 0.7
"""Parts of the bound: where the warning is said, and below which it may be said again."""
RECOUNT, RECOUNT_NEAR_BOUND = 5.0, 0.5
"""Seconds for which a count of the files is good enough: other processes add and send, too."""
_NAME = re.compile(r"(?P<number>\d{19})-(?P<id>[A-Za-z0-9_-]*)\.json")


class SpoolFull(OSError):
    """The spool's own bound is reached; it is treated like a full disk."""

    def __init__(self, used: int, most: int, directory: Path) -> None:
        super().__init__(errno.ENOSPC, f"the spool has {used:,} bytes and its bound is {most:,}", str(directory))


class Spool:
    """Commands on the disk until the ledger has judged them, in the order of their recording.

    Any number of threads and processes may add; the one that holds `sender` sends. A file is there whole or not at all,
    and it has the name NUMBER-REQUEST_ID.json; its number is higher than that of all that were recorded before. What is
    refused moves to the folder `dead`.

    All methods raise OSError when the disk does.
    """

    def __init__(self, directory: str | os.PathLike[str], max_bytes: int = 64 * 1024 * 1024) -> None:
        """Makes the directory if it is not there.

        Args:
            directory: Of the spool's own, on a local disk.
            max_bytes: How much room all files together may take, dead letters included, in blocks of 4 KiB. `add` warns
                from 80 % on and raises SpoolFull where it would be more. What several processes add in the same half
                second may exceed it.
        """
        self.directory = Path(directory)
        self.max_bytes = max_bytes
        self._dead = self.directory / "dead"
        self._dead.mkdir(parents=True, exist_ok=True)
        self.sender = SenderLock(self.directory / "sender.lock")
        self._order = Order(self.directory / "order")
        self._lock = threading.Lock()
        self._highest = 0
        self._used = 0
        self._counted_at = float("-inf")
        self._warned = False
        self._tidy()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.directory)!r})"

    # What waits

    def add(self, command: Command, account: str = "") -> str:
        """Puts a command on the disk and says its name there; account and request_id are filled in where it has none.

        Raises OSError, SpoolFull among them, and Unsendable for what cannot be written as a message.
        """
        letter = Letter.of(command, account, new_request_id())
        letter.sendable()
        name = self.new_name(letter.request_id)
        self.store(name, letter.encode())
        return name

    def new_name(self, request_id: str) -> str:
        """A name behind all others. It never raises: where the number cannot be written down, `store` tries again."""
        with self._lock:
            try:
                number = self._order.next()
            except OSError:
                number = time.time_ns()
            self._highest = number = max(number, self._highest + 1)
        return f"{number:019d}-{re.sub(r'[^A-Za-z0-9-]', '_', request_id)[:64]}{SUFFIX}"

    def store(self, name: str, data: bytes) -> None:
        """Puts a file under a name; on return it is on the disk."""
        self._make_room(len(data))
        self._order.claim(_number(name))
        durable.write(self.directory / name, data)
        self._used += _room(len(data))

    def names(self) -> list[str]:
        """What waits, the oldest first."""
        with os.scandir(self.directory) as found:
            return sorted(entry.name for entry in found if _NAME.fullmatch(entry.name))

    def last_number(self) -> int:
        """A number: whatever had one up to it when `record` was called for the next is on the disk by now."""
        try:
            return max(self._order.last(), self._highest)
        except OSError:
            return self._highest

    def read(self, name: str) -> bytes:
        """A file that waits. Raises FileNotFoundError when it was settled meanwhile."""
        return (self.directory / name).read_bytes()

    def remove(self, name: str) -> None:
        """Forgets a command, which the ledger has."""
        # Not synced: if the power goes and the file is back, it is sent again, and counts once by its request_id.
        (self.directory / name).unlink(missing_ok=True)
        forget_cause(self._dead, name)

    # Dead letters

    def bury(self, name: str, cause: Cause) -> bool:
        """Moves a waiting command to the dead letters, and says whether the reason could be kept."""
        kept = self._keep_cause(name, cause)
        with contextlib.suppress(FileNotFoundError):
            (self.directory / name).rename(self._dead / name)
        durable.sync_folder(self._dead)
        return kept

    def bury_unsaved(self, name: str, data: bytes, cause: Cause) -> bool:
        """The same for a command that was never on the disk."""
        self._make_room(len(data))
        durable.write(self._dead / name, data)
        with contextlib.suppress(FileNotFoundError):  # a write may have failed after it had made the file
            (self.directory / name).unlink()
        return self._keep_cause(name, cause)

    def dead_names(self) -> list[str]:
        """The dead letters, the oldest first."""
        with os.scandir(self._dead) as found:
            return sorted(entry.name for entry in found if _NAME.fullmatch(entry.name))

    def dead_letters(self) -> list[DeadLetter]:
        """The dead letters with what they say, the oldest first."""
        return [self.dead_letter(name) for name in self.dead_names()]

    def dead_letter(self, name: str) -> DeadLetter:
        """One of them."""
        try:
            letter = Letter.decode((self._dead / name).read_bytes())
        except (Unsendable, OSError):
            letter = None
        return DeadLetter(name=name, cause=read_cause(self._dead, name), letter=letter)

    def retry(self, names: Iterable[str] | None = None) -> list[str]:
        """Puts dead letters at the end of the queue, in their old order, and says which.

        None are all. Those that cannot be sent as they are (damaged, of a newer format, unwritable) stay where they
        are. Raises LookupError, before anything is moved, if one is no dead letter.
        """
        moved = []
        for name in self._chosen(names):
            letter = self.dead_letter(name).letter
            if letter is None or letter.command is None:
                continue
            new = self.new_name(letter.request_id)
            carry_cause(self._dead, name, new)
            try:
                self._order.claim(_number(new))
                (self._dead / name).rename(self.directory / new)  # at once here and gone there
            except FileNotFoundError:  # another process was faster
                forget_cause(self._dead, new)
                continue
            forget_cause(self._dead, name)
            moved.append(name)
        durable.sync_folder(self.directory)
        durable.sync_folder(self._dead)
        return moved

    def drop(self, names: Iterable[str] | None = None) -> list[str]:
        """Forgets dead letters for good, and says which. None are all. Raises LookupError, before anything is dropped,
        if one is no dead letter.
        """
        dropped = []
        for name in self._chosen(names):
            with contextlib.suppress(FileNotFoundError):
                (self._dead / name).unlink()
                dropped.append(name)
            forget_cause(self._dead, name)
        return dropped

    def _chosen(self, names: Iterable[str] | None) -> list[str]:
        there = self.dead_names()
        if names is None:
            return there
        wanted = set(names)
        if missing := wanted.difference(there):
            raise LookupError(f"no dead letter: {', '.join(sorted(missing))}")
        return sorted(wanted)

    def _keep_cause(self, name: str, cause: Cause) -> bool:
        try:
            write_cause(self._dead, name, cause)
        except OSError as error:
            log.critical("%s is a dead letter, and the reason could not be kept (%s): %s", name, error, cause)
            return False
        finally:
            self._counted_at = float("-inf")  # it takes room, too
        return True

    # Room

    def used_bytes(self) -> int:
        """The room that all files take now, in blocks of 4 KiB."""
        used = 0
        for folder in (self.directory, self._dead):
            with os.scandir(folder) as found:
                for entry in found:
                    with contextlib.suppress(FileNotFoundError):
                        if entry.is_file():
                            used += _room(entry.stat().st_size)
        return used

    def _make_room(self, size: int) -> None:
        """Counts, warns, and raises SpoolFull if there is no room for that many bytes."""
        near = self._used + _room(size) > WARN_AT * self.max_bytes
        now = time.monotonic()
        if now - self._counted_at > (RECOUNT_NEAR_BOUND if near else RECOUNT):
            self._used, self._counted_at = self.used_bytes(), now
        after = self._used + _room(size)
        if after > WARN_AT * self.max_bytes and not self._warned:
            self._warned = True
            log.warning(
                "the spool %s has %s of %s bytes: beyond that, commands are kept in memory only. %d wait, %d are dead "
                "letters (`rollbook-bot spool list`)",
                self.directory,
                f"{after:,}",
                f"{self.max_bytes:,}",
                len(self.names()),
                len(self.dead_names()),
            )
        elif after < CALM_AT * self.max_bytes:
            self._warned = False
        if after > self.max_bytes:
            raise SpoolFull(self._used, self.max_bytes, self.directory)

    def _tidy(self) -> None:
        """What killed processes left behind."""
        names = self.names()
        with contextlib.suppress(OSError):  # on a full disk the numbers of the names are enough
            if names:
                self._order.claim(_number(names[-1]))
        self._highest = _number(names[-1]) if names else 0
        for folder in (self.directory, self._dead):
            for path in folder.glob(".*"):
                durable.remove_abandoned(path)
        known = {*names, *self.dead_names()}
        for path in self._dead.glob("*" + REASON):
            if path.name.removesuffix(REASON) not in known:
                durable.remove_abandoned(path)


def _number(name: str) -> int:
    """The number that a name begins with."""
    return int(name.partition("-")[0])


def _room(size: int) -> int:
    """Bytes on the disk for so many in a file."""
    return -(-size // BLOCK) * BLOCK
