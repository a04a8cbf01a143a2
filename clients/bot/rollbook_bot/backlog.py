"""What waits to be sent: on the disk, and in memory as long as the disk takes nothing."""

from __future__ import annotations

import contextlib
import logging
import threading

from rollbook_bot.dead_letters import Cause
from rollbook_bot.letters import Letter
from rollbook_bot.spool import Spool

log = logging.getLogger("rollbook_bot")

AGAIN = 0.25
"""Seconds until the disk is tried again."""
NOT_SETTLED = Cause()


class Backlog:
    """The commands of one recorder, with all that wait in its spool, in one order.

    `put` and the counts are for any thread, the rest for the one that sends. As long as something is in memory only, a
    thread of its own tries the disk: a call to a ledger that is away may take long.
    """

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self._lock = threading.Lock()
        self._moving = threading.Lock()
        """Held while a file is made or put away: what is settled must not be written once more."""
        self._unsaved: dict[str, bytes] = {}
        self._saver: threading.Thread | None = None
        self._closed = threading.Event()
        self._settled: dict[str, Cause | None] = {}
        """Judged, but the disk would not let them go: None is recorded, else why it was refused. They are not sent
        again, unless the bot is killed before the disk obeys."""
        self._listed: list[str] = []

    def put(self, letter: Letter) -> bool:
        """Takes a command, and says whether it is on the disk. It never raises."""
        data = letter.encode()
        with self._lock:  # or a later command of this process could be on the disk, and sent, before an earlier one
            name = self.spool.new_name(letter.request_id)
            try:
                self.spool.store(name, data)
                return True
            except OSError as error:
                self._unsaved[name] = data
                count, problem = len(self._unsaved), error
                self._start_saver()
        log.critical(
            "the spool takes nothing (%s): the %s of %s with request_id %s is in memory only and is lost if the bot "
            "ends now (%d such); make room",
            problem,
            letter.kind,
            letter.account or "no account",
            letter.request_id,
            count,
        )
        return False

    def head(self, most: int) -> list[str]:
        """The names of what is to be sent next, the oldest first. Raises OSError."""
        if not self._listed:
            # In this order: whoever has a number up to `last` was put away before we look for it.
            last = self.spool.last_number()
            with self._lock:
                unsaved = set(self._unsaved)
            limit = f"{last:019d}~"
            found = {name for name in self.spool.names() if name < limit} | unsaved
            self._listed = sorted(found.difference(self._settled), reverse=True)
        # What comes later has a higher number: the list is good until it is used up.
        return self._listed[: -most - 1 : -1]

    def read(self, name: str) -> bytes:
        """What was put. Raises FileNotFoundError if another process has settled it, and OSError."""
        with self._lock:
            if name in self._unsaved:
                return self._unsaved[name]
        return self.spool.read(name)

    def gone(self, name: str) -> None:
        """It is not there any more."""
        self._unlist(name)

    def recorded(self, name: str) -> None:
        """The ledger has it: it is forgotten. It never raises."""
        self._settle(name, None)

    def refused(self, name: str, cause: Cause) -> None:
        """It becomes a dead letter. It never raises."""
        self._settle(name, cause)

    def _settle(self, name: str, cause: Cause | None) -> None:
        if not self._put_away(name, cause):
            self._settled[name] = cause
        self._unlist(name)

    def _unlist(self, name: str) -> None:
        with contextlib.suppress(ValueError):
            if self._listed and self._listed[-1] == name:
                self._listed.pop()
            else:
                self._listed.remove(name)

    def _put_away(self, name: str, cause: Cause | None) -> bool:
        """Does on the disk what was judged, and says whether that was possible; if not, `tidy` tries again."""
        with self._moving:
            data = self._unsaved.get(name)
            try:
                if cause is None:
                    self.spool.remove(name)
                elif data is not None:
                    self.spool.bury_unsaved(name, data, cause)
                else:
                    self.spool.bury(name, cause)
            except OSError as error:
                if name not in self._settled:
                    log.warning("%s cannot be put away yet: %s", name, error)
                return False
            self._unsaved.pop(name, None)
        return True

    def tidy(self) -> None:
        """Puts away what was judged when the disk would not. It never raises."""
        for name, cause in tuple(self._settled.items()):
            if self._put_away(name, cause):
                del self._settled[name]

    def save(self) -> bool:
        """Writes what is in memory only, and says whether it is all on the disk. It never raises."""
        for name in sorted(self._unsaved.copy()):
            with self._moving:
                data = self._unsaved.get(name)
                if data is None or name in self._settled:
                    continue
                try:
                    self.spool.store(name, data)
                except OSError:
                    return False
                self._unsaved.pop(name, None)
        return not self._unsaved

    def _start_saver(self) -> None:
        if self._saver is None or not self._saver.is_alive():
            self._saver = threading.Thread(target=self._save_until_done, name="rollbook-spool", daemon=True)
            self._saver.start()

    def _save_until_done(self) -> None:
        while not self._closed.wait(AGAIN):
            if self.save():
                with self._lock:  # or `put` could take this thread for one that goes on
                    if self._unsaved:
                        continue
                    self._saver = None
                log.warning("the spool has room again: all that waits is on the disk")
                return

    def close(self) -> None:
        """Saves what can be saved, and writes the rest into the log, so that it is somewhere. For good."""
        self._closed.set()
        self.tidy()
        self.save()
        for name, data in sorted(self._unsaved.copy().items()):
            if self._settled.get(name, NOT_SETTLED) is not None:
                log.critical("this command was never on the disk, and the bot ends: %s", data.decode())

    @property
    def waiting(self) -> int:
        """How many commands the ledger has not judged yet, in this spool and in memory. Raises OSError."""
        with self._lock:
            unsaved = set(self._unsaved)
        return len(unsaved.union(self.spool.names()).difference(tuple(self._settled)))

    @property
    def dead(self) -> int:
        """How many dead letters there are. Raises OSError."""
        held = {name for name, cause in tuple(self._settled.items()) if cause is not None}
        return len(held.union(self.spool.dead_names()))

    @property
    def unsaved(self) -> int:
        """How many commands are in memory only."""
        return len(self._unsaved)
