"""Commands that were refused, or cannot be read: kept by name until somebody sends them again or drops them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

from rollbook.errors import LedgerError
from rollbook_bot import durable
from rollbook_bot.letters import Letter, Unsendable

__all__ = ["Cause", "DeadLetter"]

REASON = ".reason"
"""Ends the name of the file beside a dead letter that says why. The letter itself is never written again, only moved:
that needs no room on the disk, and there is no moment at which it is in two places or in none."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a command is a dead letter."""

    code: str = ""
    """The gRPC status, for example "FAILED_PRECONDITION"; "" if the ledger never saw it."""
    reason: str = ""
    """The ErrorReason, for example "CLOSES_MORE_THAN_OPEN"; or DAMAGED, NEWER_FORMAT, UNWRITABLE."""
    field: str = ""
    """The field at fault, for example "fills[0].quantity"; "" if none."""
    message: str = ""
    """A sentence for people."""
    attempts: int = 0
    """How often it has been refused."""
    dead_time: datetime | None = None
    """When it was refused last, in UTC. None if no reason could be kept, for example because the disk was full."""

    @classmethod
    def of(cls, error: LedgerError | Unsendable) -> Cause:
        """The cause that an error says, of now."""
        now = datetime.now(UTC)
        if isinstance(error, Unsendable):
            return cls(reason=error.reason, message=error.message, attempts=1, dead_time=now)
        return cls(
            code=error.code.name,
            reason=str(error.reason),
            field=error.field,
            message=error.message,
            attempts=1,
            dead_time=now,
        )

    def __str__(self) -> str:
        where = f" ({self.field})" if self.field else ""
        return " ".join(filter(None, (self.code, self.reason))) + f"{where}: {self.message}"

    def encode(self) -> bytes:
        """As it lies beside the letter."""
        said = dataclasses.asdict(self) | {"dead_time": self.dead_time.isoformat() if self.dead_time else None}
        return (json.dumps(said, indent=2) + "\n").encode()


NOT_KEPT = Cause(message="no reason was kept: the log of the bot has it")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A command that waits for somebody's decision."""

    name: str
    """By which it is retried or dropped."""
    cause: Cause
    """Why it is here."""
    letter: Letter | None
    """What it says; None if it cannot be read."""

    @property
    def sendable(self) -> bool:
        """Whether it can be sent again."""
        return self.letter is not None and self.letter.command is not None


def cause_file(folder: Path, name: str) -> Path:
    """Where the reason of a letter is kept."""
    return folder / (name + REASON)


def read_cause(folder: Path, name: str) -> Cause:
    """What is kept of the reason."""
    try:
        said = json.loads(cause_file(folder, name).read_bytes())
        when = said["dead_time"]
        return Cause(**(said | {"dead_time": datetime.fromisoformat(when) if when else None}))
    except (OSError, ValueError, TypeError, KeyError):
        return NOT_KEPT


def write_cause(folder: Path, name: str, cause: Cause) -> None:
    """Keeps a reason, and counts it to those that were there before. Raises OSError."""
    before = read_cause(folder, name).attempts
    durable.write(cause_file(folder, name), dataclasses.replace(cause, attempts=before + cause.attempts).encode())


def carry_cause(folder: Path, old: str, new: str) -> None:
    """Keeps the count of attempts with a letter that gets another name. Without room it begins anew."""
    cause = read_cause(folder, old)
    if cause.attempts:
        with contextlib.suppress(OSError):
            durable.write(cause_file(folder, new), cause.encode())


def forget_cause(folder: Path, name: str) -> None:
    """Removes a reason, if there is one. Raises OSError."""
    cause_file(folder, name).unlink(missing_ok=True)
