"""What a call to the ledger or the lab can end with, drawn as a tree.

    LedgerError
    ├── Refused                  judged, and nothing of it is recorded; the same again meets the same answer
    │   ├── InvalidArgument      a field is missing or wrong; `field` says which. Also: too large to be sent at all
    │   ├── NotFound             no such chain, or none that holds the contract; no such run, dataset or file
    │   ├── AlreadyExists        the request_id or a trade_id was recorded with other content
    │   ├── FailedPrecondition   the chain or the run is not in a state for it
    │   ├── OutOfRange           a cursor of another ledger, or of the future
    │   ├── Unauthenticated      no token, or a wrong one
    │   ├── PermissionDenied     the token is not for this
    │   └── Unimplemented        the server is older than this client
    └── Unconfirmed              no judgement: a command may be recorded or not. Send it again, same request_id
        ├── DeadlineExceeded     no answer in time; `reason` and `__cause__` say what the last attempt met
        ├── Unavailable          the server cannot be reached, is stopping, or could not commit
        ├── ResourceExhausted    a limit was met: of the server's queue, or of a message's size
        └── Internal             a bug of the server

Tell errors apart by their class, or by `reason`: messages are for people and may change. A code that has no class
here is an `Unconfirmed`. What cannot be written as a message at all (a float for a Decimal, a naive datetime) raises
`TypeError` or `ValueError` before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from rollbook.models import (
    CreateBacktestRequest,
    CreateSweepRequest,
    ErrorReason,
    ExecutionResult,
    RecordExecutionsRequest,
    RecordFillsRequest,
    RecordSettlementRequest,
    Refusal,
)

__all__ = [
    "AlreadyExists",
    "DeadlineExceeded",
    "FailedPrecondition",
    "Internal",
    "InvalidArgument",
    "LedgerError",
    "NotFound",
    "OutOfRange",
    "PermissionDenied",
    "Refused",
    "ResourceExhausted",
    "Unauthenticated",
    "Unavailable",
    "Unconfirmed",
    "Unimplemented",
    "from_refusal",
]

Command: TypeAlias = (
    ExecutionResult
    | RecordExecutionsRequest
    | RecordFillsRequest
    | RecordSettlementRequest
    | CreateBacktestRequest
    | CreateSweepRequest
)

DOMAIN = "rollbook"
DETAILS_KEY = "grpc-status-details-bin"


class LedgerError(Exception):
    """A call that did not end with an answer.

    Attributes:
        message: A sentence for people.
        code: The canonical gRPC status.
        reason: The `ErrorReason`; the bare name of one that only a newer server knows; "" if none was given.
        field: The field at fault, for example "fills[0].price"; "" if none.
        metadata: More, by reason, for example "position_ids"; see `ErrorReason`.
        command: What was sent, complete with the account and the request_id that the client filled in; None for reads
            and marks. Keep it and send it again.
    """

    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode | None = None,
        reason: ErrorReason | str = "",
        field: str = "",
        metadata: Mapping[str, str] | None = None,
        command: Command | None = None,
    ) -> None:
        super().__init__(message)  # alone in args, so that pickle can make the error again
        self.message = message
        if code is not None:
            self.code = code
        self.reason = reason
        self.field = field
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.command = command

    @property
    def request_id(self) -> str:
        """The command's id, or the atomic batch's; "" if the call carried none."""
        return "" if self.command is None else self.command.request_id

    def __str__(self) -> str:
        """For a log: code, reason, field, message and request_id."""
        parts = [self.code.name, self.reason, self.field and f"({self.field})"]
        text = " ".join(filter(None, parts)) + f": {self.message}"
        return f"{text} [request_id {self.request_id}]" if self.request_id else text


class Refused(LedgerError):
    """The call was judged and nothing of it is recorded. To send the same again is of no use before its cause is gone;
    a corrected execution can keep its request_id.
    """


class InvalidArgument(Refused):
    """The request is wrong whatever the ledger holds; `field` says where."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class NotFound(Refused):
    """There is no such chain, or none that held the contract at that time; no such run, dataset or file."""

    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(Refused):
    """The request_id or a trade_id was recorded with other content; metadata "fields" names what differs."""

    code = grpc.StatusCode.ALREADY_EXISTS


class FailedPrecondition(Refused):
    """The ledger, or a run, is not in a state for it, for example more would be closed than is open."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class OutOfRange(Refused):
    """The cursor is of another ledger, or of the future: start over."""

    code = grpc.StatusCode.OUT_OF_RANGE


class Unauthenticated(Refused):
    """No token, or one that the server does not know."""

    code = grpc.StatusCode.UNAUTHENTICATED


class PermissionDenied(Refused):
    """The token does not reach as far."""

    code = grpc.StatusCode.PERMISSION_DENIED


class Unimplemented(Refused):
    """The server does not know the call; it may be older than this client."""

    code = grpc.StatusCode.UNIMPLEMENTED


class Unconfirmed(LedgerError):
    """Nobody has judged the call, as far as is known here. Reads and marks are just sent again; a command, too, but
    under the same request_id: then it counts once, whether or not it had been recorded.
    """


class DeadlineExceeded(Unconfirmed):
    """No answer in time. `reason` is what the last answered attempt met, for example STORAGE_FAILED."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class Unavailable(Unconfirmed):
    """The server cannot be reached, is stopping, or could not commit. The client tries again by itself, so that this
    comes to light as the `__cause__` of a `DeadlineExceeded`.
    """

    code = grpc.StatusCode.UNAVAILABLE


class ResourceExhausted(Unconfirmed):
    """A limit was met. With QUEUE_FULL the client tries again by itself; without a reason it was gRPC's own limit for
    the size of a message: ask for smaller pages.
    """

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Internal(Unconfirmed):
    """A bug of the server; its log knows more."""

    code = grpc.StatusCode.INTERNAL


CODES = {code.value[0]: code for code in grpc.StatusCode}
CLASSES = {kind.code: kind for parent in (Refused, Unconfirmed) for kind in parent.__subclasses__()}


def from_refusal(refusal: Refusal, command: Command | None = None) -> LedgerError:
    """The error for one item of a batch, which has no status of its own.

    >>> for execution, result in zip(executions, answer.results):  # doctest: +SKIP
    ...     if result.refused:
    ...         log.error(from_refusal(result.refused, execution))
    """
    code = CODES.get(refusal.code, grpc.StatusCode.UNKNOWN)
    return CLASSES.get(code, Unconfirmed)(
        refusal.message,
        code=code,
        reason=_reason(refusal.reason),
        field=refusal.field,
        metadata=refusal.metadata,
        command=command,
    )


def from_rpc_error(error: grpc.RpcError, command: Command | None = None) -> LedgerError:
    """The error for a status of gRPC and the details that came with it."""
    code = error.code()
    reason = field = ""
    metadata: dict[str, str] = {}
    for detail in _details(error):
        if isinstance(detail, error_details_pb2.ErrorInfo) and detail.domain == DOMAIN:
            reason, metadata = detail.reason, dict(detail.metadata)
        elif isinstance(detail, error_details_pb2.BadRequest) and detail.field_violations:
            field = detail.field_violations[0].field
    return CLASSES.get(code, Unconfirmed)(
        error.details() or "no message",
        code=code,
        reason=_reason(reason),
        field=metadata.get("field", field),
        metadata=metadata,
        command=command,
    )


def _reason(name: str) -> ErrorReason | str:
    """A newer server may have reasons that this client has no name for."""
    return ErrorReason[name] if name in ErrorReason.__members__ else name


def _details(error: grpc.RpcError) -> Iterator[error_details_pb2.ErrorInfo | error_details_pb2.BadRequest]:
    """The details by hand: grpcio-status would be one more dependency of every bot. What cannot be read is skipped,
    since a proxy's odd trailer must not hide the status itself.
    """
    # grpc and grpc.aio have two classes for trailers; both are walked as pairs.
    for key, value in cast("Iterable[tuple[str, bytes]]", error.trailing_metadata() or ()):
        if key != DETAILS_KEY:
            continue
        try:
            for packed in status_pb2.Status.FromString(value).details:
                for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
                    detail = kind()
                    if packed.Unpack(detail):
                        yield detail
        except DecodeError:
            continue
