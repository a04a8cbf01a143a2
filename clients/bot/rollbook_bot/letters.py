"""A command as it lies in the spool: one JSON document that people can read and that holds every digit.

    {
      "rollbook_spool": 1,
      "kind": "execution",
      "account": "main",
      "request_id": "0f0a…",
      "spooled_time": "2025-06-02T09:30:00.000123+00:00",
      "sha256": "…",
      "command": {…}
    }

`command` is the message in protobuf's JSON, with the names of the protos. The digest is, in every format, of everything
else in the document, so that a file that was cut off or written over is never taken for a command.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, datetime
from typing import Any, TypeAlias

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from rollbook.models import ExecutionResult, RecordFillsRequest, RecordSettlementRequest
from rollbook.v1 import execution_pb2, ledger_service_pb2

__all__ = ["Command", "Letter", "Unsendable"]

Command: TypeAlias = ExecutionResult | RecordFillsRequest | RecordSettlementRequest

FORMAT = 1
"""What is written here; a file with a higher number waits for a newer rollbook-bot among the dead letters."""

KINDS: dict[str, type[Command]] = {
    "execution": ExecutionResult,
    "fills": RecordFillsRequest,
    "settlement": RecordSettlementRequest,
}


class Unsendable(Exception):
    """A file of the spool, or a value given to `record`, that is no command.

    Attributes:
        message: A sentence for people.
        reason: DAMAGED (cut off, written over, or changed by hand), NEWER_FORMAT (a newer rollbook-bot wrote it), or
            UNWRITABLE (a value that no message can hold, for example a float for a Decimal).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A command and what the spool knows of it."""

    kind: str
    """"execution", "fills" or "settlement"; "unknown" for a value that is no command."""
    account: str
    """Whose book."""
    request_id: str
    """Under which it is sent, each time."""
    spooled_time: datetime
    """When it was recorded, in UTC, by this machine's clock."""
    command: Command | None
    """What is sent. None if it cannot be written as a message …"""
    problem: str = ""
    """… then why …"""
    text: str = ""
    """… and how Python shows it."""

    @classmethod
    def of(cls, command: object, account: str, request_id: str) -> Letter:
        """A letter made now; the account and the request_id are filled in where the command has none."""
        now = datetime.now(UTC)
        kind = next((kind for kind, model in KINDS.items() if isinstance(command, model)), "unknown")
        if not isinstance(command, ExecutionResult | RecordFillsRequest | RecordSettlementRequest):
            problem = f"a {type(command).__name__} is not an execution, late fills or a settlement"
            if hasattr(command, "executions"):
                problem += ": record its executions one by one"
        else:
            account, request_id = command.account or account, command.request_id or request_id
            try:
                whole = dataclasses.replace(command, account=account, request_id=request_id)
                command = KINDS[kind].from_proto(whole.to_proto())  # type: ignore[arg-type] # as the file will say it
            except Exception as error:  # whatever is in its fields came from outside
                problem = f"{type(error).__name__}: {error}"
            else:
                account, request_id = command.account, command.request_id
                return cls(kind=kind, account=account, request_id=request_id, spooled_time=now, command=command)
        return cls(
            kind=kind,
            account=str(account),
            request_id=str(request_id),
            spooled_time=now,
            command=None,
            problem=problem,
            text=_shown(command),
        )

    def sendable(self) -> Command:
        """The command. Raises Unsendable if it cannot be written as a message."""
        if self.command is None:
            raise Unsendable("UNWRITABLE", self.problem)
        return self.command

    def encode(self) -> bytes:
        """The document."""
        said: dict[str, Any] = {
            "rollbook_spool": FORMAT,
            "kind": self.kind,
            "account": self.account,
            "request_id": self.request_id,
            "spooled_time": self.spooled_time.isoformat(),
            "sha256": "",
        }
        if self.command is None:
            said |= {"command": None, "problem": self.problem, "text": self.text}
        else:
            said["command"] = MessageToDict(self.command.to_proto(), preserving_proto_field_name=True)
        said["sha256"] = _digest(said)
        return (json.dumps(said, indent=2) + "\n").encode()

    @classmethod
    def decode(cls, data: bytes) -> Letter:
        """The letter behind a document. Raises Unsendable for one that is not exactly what was written."""
        said = _parsed(data)
        try:
            found = cls(
                kind=said["kind"],
                account=said["account"],
                request_id=said["request_id"],
                spooled_time=datetime.fromisoformat(said["spooled_time"]),
                command=_command(said["kind"], said["command"]),
                problem=said.get("problem", ""),
                text=said.get("text", ""),
            )
        except (KeyError, TypeError, ValueError, ParseError) as error:
            # Its digest is right: this is what was written, by a rollbook-bot that knew more fields.
            raise Unsendable("NEWER_FORMAT", f"it cannot be read by this version: {error}") from error
        return found


def _parsed(data: bytes) -> dict[str, Any]:
    """The document, proven by its digest. Raises Unsendable."""
    if not data.strip(b"\0 \r\n"):
        raise Unsendable("DAMAGED", "the file is empty")
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unsendable("DAMAGED", f"the file is cut off or written over: {error}") from error
    if not isinstance(said, dict) or not isinstance(number := said.get("rollbook_spool"), int):
        raise Unsendable("DAMAGED", "the file is no command of a spool")
    if said.get("sha256") != _digest(said):
        raise Unsendable("DAMAGED", "its digest does not match: the file was written over or changed by hand")
    if number > FORMAT:
        raise Unsendable("NEWER_FORMAT", f"a newer rollbook-bot wrote it (format {number}): update this one and retry")
    return said


def _digest(said: dict[str, Any]) -> str:
    content = {name: value for name, value in said.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _command(kind: str, said: Any) -> Command | None:
    if said is None:
        return None
    if kind == "execution":
        return ExecutionResult.from_proto(ParseDict(said, execution_pb2.ExecutionResult()))
    if kind == "fills":
        return RecordFillsRequest.from_proto(ParseDict(said, ledger_service_pb2.RecordFillsRequest()))
    if kind == "settlement":
        return RecordSettlementRequest.from_proto(ParseDict(said, ledger_service_pb2.RecordSettlementRequest()))
    raise ValueError(f"kind {kind!r}")


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # a repr of somebody else
        return f"a {type(value).__name__} that cannot be shown: {type(error).__name__}"
