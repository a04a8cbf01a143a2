"""What is posted: JSON, read strictly."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError

LARGEST = 1024 * 1024
"""Bytes: a spec has a few thousand."""


class Body(BaseModel):
    """Of one endpoint; no other fields are known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Start(Body):
    """A backtest to be queued. Its spec has the fields of BacktestSpec; what is left out or null is filled in by the
    server. With the exit_style "both" it is queued twice, held to expiry and with take profit and rolls."""

    spec: dict[str, Any]
    request_id: str = ""
    """A UUID; the same again gives the same run."""
    group_id: str = ""


class Which(Body):
    """Which backtest; without an id the one that has not ended, if there is just one."""

    id: str = ""


Read = TypeVar("Read", bound=Body)


async def read(request: Request, kind: type[Read]) -> Read:
    """What a request holds; nothing is an empty object. Raises RequestValidationError with the fields at fault."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            raise HTTPException(413, f"a request has at most {LARGEST:,} bytes")
    try:
        said = json.loads(body or b"{}", object_pairs_hook=_once)
        return kind.model_validate(said)
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from None
    except (ValueError, RecursionError) as error:
        raise RequestValidationError([{"loc": ("body", "body"), "msg": f"this is no JSON: {error}"}]) from None


def documented(kind: type[Body]) -> dict[str, Any]:
    """For /openapi.json: FastAPI sees no body in an endpoint that reads it by itself."""
    return {"requestBody": {"content": {"application/json": {"schema": kind.model_json_schema()}}}}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A field that stands twice would silently lose one of its values."""
    known = dict(pairs)
    if len(known) != len(pairs):
        raise ValueError("a field is said twice")
    return known
