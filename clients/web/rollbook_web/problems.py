"""What a call can end with, as problem+json (RFC 9457): one table from gRPC's statuses to HTTP's."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rollbook import LedgerError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1
"""Seconds after which it is worth asking again."""

STATUSES = {
    "OK": 500,  # an error that says it is none
    "CANCELLED": 503,  # the page is stopping
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 503,  # the server is away: the client has tried until its deadline
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 409,
    "ABORTED": 409,
    "OUT_OF_RANGE": 410,  # a cursor of what is gone: start over
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 502,  # the page's own token at the server, not the browser's at the page
}
"""HTTP's status for each of gRPC's."""

DOCUMENTED: dict[str, Any] = {
    "description": "A problem (RFC 9457): `reason` is an ErrorReason, or a word of the page's own",
    "content": {
        MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    **{
                        name: {"type": "string"} for name in ("type", "title", "detail", "reason", "code", "request_id")
                    },
                    "status": {"type": "integer"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
                        },
                    },
                    "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            }
        }
    },
}
"""For /openapi.json."""


class Problem(JSONResponse):
    """An error as problem+json. `reason` and `errors` ([{field, detail}]) are ours."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        reason: str = "",
        fields: dict[str, str] | None = None,
        **more: object,
    ) -> None:
        headers = {"retry-after": str(RETRY_AFTER)} if status in (429, 503) else None
        errors = [{"field": name, "detail": said} for name, said in (fields or {}).items()]
        self.content = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            **({"reason": reason} if reason else {}),
            **({"errors": errors} if errors else {}),
            **more,
        }
        super().__init__(self.content, status_code=status, headers=headers)


class Refusal(Exception):
    """What the page itself refuses, as a problem."""

    def __init__(self, status: int, detail: str, reason: str) -> None:
        super().__init__(detail)
        self.problem = Problem(status, detail, reason=reason)


def problem_of(error: LedgerError) -> Problem:
    """What an endpoint answers when its call ended without an answer."""
    return Problem(
        STATUSES[error.code.name],
        error.message,
        reason=str(error.reason),
        fields={error.field: error.message} if error.field else None,
        code=error.code.name,
        **({"metadata": dict(error.metadata)} if error.metadata else {}),
        **({"request_id": error.request_id} if error.request_id else {}),
    )


def install(app: FastAPI) -> None:
    """Makes every error of an endpoint a problem."""

    @app.exception_handler(LedgerError)
    async def ledger_error(_: Request, error: LedgerError) -> Problem:
        return problem_of(error)

    @app.exception_handler(Refusal)
    async def refusal(_: Request, error: Refusal) -> Problem:
        return error.problem

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Problem:
        fields = {
            ".".join(map(str, each["loc"][1:])): str(each["msg"]).removeprefix("Value error, ")
            for each in error.errors()
        }
        said = "; ".join(f"{name}: {why}" for name, why in fields.items())
        return Problem(400, said, reason="INVALID_REQUEST", fields=fields)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> Problem:
        problem = Problem(error.status_code, str(error.detail))
        problem.headers.update(error.headers or {})
        return problem
