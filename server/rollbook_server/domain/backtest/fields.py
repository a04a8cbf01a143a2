"""The fields of a spec by their dotted paths, with their values as texts: "selection.target_delta", "0.25".

A number is in its shortest spelling, an enum by its name, a time in RFC 3339; what is unset is empty.
"""

import dataclasses
import enum
import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.clock import moment
from rollbook_server.domain.errors import InvalidArgument, Reason

_TIMES = ("start_time", "end_time")


@dataclass(frozen=True, slots=True)
class SpecDifference:
    """A field in which some specs differ, with the text of each."""

    field: str
    values: tuple[str, ...]


def differences(specs: Sequence[BacktestSpec]) -> list[SpecDifference]:
    """What differs in some specs, in the order of their fields. Their names are for people and do not count."""
    texts = zip(*(list(_texts(spec)) for spec in specs), strict=True)
    return [
        SpecDifference(of_field[0][0], tuple(text for _, text in of_field))
        for of_field in texts
        if of_field[0][0] != "name" and len({text for _, text in of_field}) > 1
    ]


def _texts(message: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """All fields of a spec, in their order."""
    for field in dataclasses.fields(message):
        path, value = above + field.name, getattr(message, field.name)
        if dataclasses.is_dataclass(value):
            yield from _texts(value, f"{path}.")
        else:
            yield path, text_of(path, value)


def text_of(path: str, value: Any) -> str:
    """A field's value as text."""
    match value:
        case None:
            return ""
        case enum.StrEnum():
            return value.value
        case bool():
            return str(value).lower()
        case float():
            return repr(value).removesuffix(".0")
    if path in _TIMES:
        return moment(value).astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def _types(message: Any, above: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Of all fields: path, type, and value where it is unset."""
    hints = typing.get_type_hints(message)
    for field in dataclasses.fields(message):
        options = [each for each in typing.get_args(hints[field.name]) if each is not type(None)]
        kind = options[0] if options else hints[field.name]
        if dataclasses.is_dataclass(kind):
            yield from _types(kind, f"{above}{field.name}.")
        else:
            yield above + field.name, kind, field.default


_FIELDS: Mapping[str, tuple[Any, Any]] = {path: (kind, unset) for path, kind, unset in _types(BacktestSpec)}


def is_field(path: str) -> bool:
    """Whether a spec has such a field; a message within it is none."""
    return path in _FIELDS


def value_of(path: str, text: str, where: str) -> Any:
    """The value that a text says for a field. Raises InvalidArgument naming `where` the text stands."""
    kind, unset = _FIELDS[path]
    if not text:
        return unset
    if kind is bool:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise InvalidArgument(Reason.UNKNOWN_VALUE, f"{path} is true or false, and not {text[:80]!r}", where)
    if issubclass(kind, enum.StrEnum):
        if text.upper() in kind.__members__:
            return kind[text.upper()]
        known = ", ".join(kind.__members__)
        raise InvalidArgument(Reason.UNKNOWN_VALUE, f"{path} is one of {known}, and not {text[:80]!r}", where)
    if kind is str:
        return text
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        noun = "a whole number" if kind is int else "a number"
        raise InvalidArgument(Reason.MALFORMED_TEXT, f"{path} is {noun}, and not {text[:80]!r}", where)
    return number


def changed(message: Any, path: str, value: Any) -> Any:
    """The spec with another value at a path."""
    name, _, below = path.partition(".")
    return dataclasses.replace(message, **{name: changed(getattr(message, name), below, value) if below else value})
