"""Refusals as statuses: a canonical code, `google.rpc.ErrorInfo` (reason, domain, metadata), `BadRequest` (field)."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import NoReturn

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from rollbook.v1 import ledger_service_pb2
from rollbook_server.domain import errors

DOMAIN = "rollbook"
_LONGEST = 1_024
"""Characters of a message or detail: a status travels in headers, which gRPC bounds at 8 KiB."""

CODES: Mapping[type[errors.Refusal], grpc.StatusCode] = {
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.OutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    errors.ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
}
"""The one table from refusals to codes."""

REASON: ContextVar[str] = ContextVar("reason", default="")
"""Why the present call was refused, for its line in the log."""

CODES_BY_NAME: Mapping[str, grpc.StatusCode] = {kind.__name__: code for kind, code in CODES.items()}


def _number(code: grpc.StatusCode) -> int:
    return int(code.value[0])


def metadata_of(refusal: errors.Refusal) -> dict[str, str]:
    """Details and field, as ErrorInfo carries them."""
    details = {**refusal.details, **({"field": refusal.field} if refusal.field else {})}
    return {name: value[:_LONGEST] for name, value in details.items()}


def status_of(refusal: errors.Refusal) -> status_pb2.Status:
    """The refusal as `google.rpc.Status`."""
    details = [Any()]
    message = refusal.message[:_LONGEST]
    details[0].Pack(
        error_details_pb2.ErrorInfo(reason=refusal.reason.value, domain=DOMAIN, metadata=metadata_of(refusal))
    )
    if refusal.field:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=refusal.field[:_LONGEST], description=message, reason=refusal.reason.value
        )
        details.append(Any())
        details[1].Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    return status_pb2.Status(code=_number(CODES[type(refusal)]), message=message, details=details)


async def abort(context: grpc.aio.ServicerContext[object, object], refusal: errors.Refusal) -> NoReturn:
    """Ends a call with a refusal."""
    REASON.set(refusal.reason.value)
    status = rpc_status.to_status(status_of(refusal))
    await context.abort(CODES[type(refusal)], status.details, status.trailing_metadata)


def refusal_message(refusal: errors.Refusal) -> ledger_service_pb2.Refusal:
    """The refusal of one item of a batch."""
    return ledger_service_pb2.Refusal(
        code=_number(CODES[type(refusal)]),
        reason=refusal.reason.value,
        message=refusal.message,
        field=refusal.field,
        metadata=refusal.details,
    )
