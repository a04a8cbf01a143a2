"""The client's values as JSON: every field is there, under its name.

What is unset is null, a Decimal is text with every digit, a time is ISO 8601 in UTC and ends in Z, an enum is its word.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from starlette.responses import Response


class Json(Response):
    """An answer that no cache keeps. A number that JSON does not know is an error here, not at the reader's."""

    media_type = "application/json"

    def __init__(self, content: object, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(encoded(content), status_code, {"cache-control": "no-store", **(headers or {})})


def encoded(content: object) -> bytes:
    """JSON in one line."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def shape(value: Any) -> Any:
    """What `json` can write, of a model or of anything in one."""
    match value:
        case None | bool() | int():
            return value
        case enum.StrEnum():
            return None if value == "UNSPECIFIED" else value.value
        case str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return format(value, "f")
        case datetime():
            return time_text(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return {name: shape(item) for name, item in value.items()}
        case tuple() | list():
            return [shape(item) for item in value]
    return {field.name: shape(getattr(value, field.name)) for field in dataclasses.fields(value)}


def time_text(time: datetime) -> str:
    """An instant as all answers have it."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
