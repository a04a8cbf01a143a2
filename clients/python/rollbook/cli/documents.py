"""JSON files as they come from people and bots: read strictly, and turned into the API's values."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from rollbook.cli.failures import Stop

Parsed = TypeVar("Parsed", bound=Message)


def read_json(file: Path) -> Any:
    """What a file says; "-" is stdin. Raises Stop if it cannot be read, is no JSON, or says a thing twice."""
    name = "stdin" if str(file) == "-" else str(file)
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=_once)
    except OSError as error:
        raise Stop(f"{name} cannot be read: {error.strerror} — nothing was sent") from None
    except UnicodeDecodeError:
        raise Stop(f"{name} is not UTF-8 text — nothing was sent") from None
    except (ValueError, RecursionError) as error:
        raise Stop(f"{name} is no JSON: {error} — nothing was sent") from None


def parse(said: Any, message: Parsed, where: str) -> Parsed:
    """Fills a message from JSON in protobuf's mapping. Raises Stop for what it does not know."""
    if not isinstance(said, dict):
        raise Stop(f"{where} is not a JSON object — nothing was sent")
    try:
        return ParseDict(said, message)
    except ParseError as error:
        reason = str(error).split("\n")[0].strip().rstrip(".")
        raise Stop(f"{where}: {reason} — nothing was sent; --help shows an example") from None


def check_decimals(model: Any, where: str) -> None:
    """Raises Stop for a text where a number is needed: the client would refuse it without naming the field."""
    for path in _unreadable(model, where):
        raise Stop(f'{path} is no decimal in plain notation, as "0.0125" is — nothing was sent')


def _unreadable(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Decimal):
        if not value.is_finite():
            yield path
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _unreadable(item, f"{path}[{number}]")
    elif is_dataclass(value):
        for field in fields(value):
            yield from _unreadable(getattr(value, field.name), f"{path}.{field.name}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that stands twice would silently lose one of its values."""
    known = dict(pairs)
    if len(known) != len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"{twice!r} is said twice")
    return known
