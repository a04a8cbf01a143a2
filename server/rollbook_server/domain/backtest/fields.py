"""The fields of a spec by their dotted paths, with their values as texts: "selection.target_delta", "0.25".

A number is in its shortest spelling, an enum by its name, a time in RFC 3339; what is unset is empty.
"""

import dataclasses
import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.clock import moment

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
