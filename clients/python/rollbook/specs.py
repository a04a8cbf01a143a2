"""Specs of backtests as files: YAML or JSON with the names of `BacktestSpec`, read strictly.

    name: BTC calls, 0.20 delta
    underlying: BTC
    strategy: COVERED_CALL
    style: INVERSE
    start_time: 2021-04-01
    selection:
      target_delta: 0.20
    data:
      spot_dataset_id: bars-…

Enums are written without their prefix, in upper or lower case. A time is UTC unless it says another zone, and a day
alone is its midnight. What is left out, or null, is the server's to fill in. YAML needs the extra `rollbook[cli]`, JSON
needs nothing.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rollbook.models import BacktestSpec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["SpecError", "changed", "from_mapping", "load", "parse", "to_json", "to_mapping", "to_yaml"]


class SpecError(ValueError):
    """What is written is no spec.

    Attributes:
        path: Where, for example "selection.min_delta"; "" if it is no YAML or JSON at all.
    """

    def __init__(self, sentence: str, path: str = "") -> None:
        super().__init__(f"{path}: {sentence}" if path else sentence)
        self.path = path


def load(file: str | Path) -> BacktestSpec:
    """The spec that a file holds. Raises OSError, and SpecError as `parse` does."""
    try:
        return parse(Path(file).read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise SpecError("this is no UTF-8 text") from None


def parse(text: str) -> BacktestSpec:
    """The spec that a text says: JSON if it begins with a brace, else YAML.

    Raises SpecError for what cannot be read, for a field that is not known or said twice, and for a wrong type.
    """
    if text.lstrip().startswith("{"):
        try:
            said = json.loads(text, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise error if isinstance(error, SpecError) else SpecError(f"this is no JSON: {error}") from None
    else:
        said = _yaml().parse(text)
    return from_mapping(said)


def from_mapping(said: Any) -> BacktestSpec:
    """The spec of nested mappings, with plain values, times or members of the enums. Raises SpecError."""
    spec = _read_message(BacktestSpec, said, "")
    assert isinstance(spec, BacktestSpec)
    return spec


def to_mapping(spec: BacktestSpec) -> dict[str, Any]:
    """What is set in a spec, as `from_mapping` reads it and JSON can hold it."""
    return _written(spec)


def to_json(spec: BacktestSpec) -> str:
    """The spec as `parse` reads it."""
    return json.dumps(to_mapping(spec), indent=2, ensure_ascii=False) + "\n"


def to_yaml(spec: BacktestSpec) -> str:
    """The spec as `parse` reads it. Needs the extra `rollbook[cli]` (SpecError)."""
    return str(_yaml().dump(to_mapping(spec)))


def changed(spec: BacktestSpec, path: str, text: str) -> BacktestSpec:
    """The spec with one field as a text says it: `changed(spec, "selection.target_delta", "0.25")`; "" unsets it.

    Raises SpecError.
    """
    names = path.split(".")
    said: Any = text
    if not text:
        said = None
    elif _type_at(names) is not str:
        try:
            said = json.loads(text)  # a number or a boolean; a time or an enum is no JSON
        except ValueError:
            said = text
    tree = to_mapping(spec)
    below = tree
    for number, name in enumerate(names[:-1]):
        below = below.setdefault(name, {})
        if not isinstance(below, dict):
            raise SpecError("this field has no fields", ".".join(names[: number + 1]))
    below[names[-1]] = said
    return from_mapping(tree)


def _type_at(names: list[str]) -> Any:
    """The type of the field at a path; None of a whole message, and of what is not there."""
    kind: Any = BacktestSpec
    for name in names:
        if not dataclasses.is_dataclass(kind):
            return None
        kind = _fields(typing.cast("type[DataclassInstance]", kind)).get(name)
    return kind


def _fields(message: type[DataclassInstance]) -> dict[str, Any]:
    """The types of a message's fields, without the None of those that may be unset."""
    found = {}
    for name, kind in typing.get_type_hints(message).items():
        options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
        [found[name]] = [option for option in options if option is not types.NoneType]
    return found


def _read_message(message: type[DataclassInstance], said: Any, path: str) -> Any:
    if not isinstance(said, Mapping):
        raise SpecError(f"fields with their values are needed, and this is {_what(said)}", path)
    known = _fields(message)
    values: dict[str, Any] = {}
    for name, value in said.items():
        where = f"{path}.{name}" if path else str(name)
        if name not in known:
            raise SpecError(f"there is no such field; there are {', '.join(known)}", where)
        if value is not None:
            values[name] = _read(known[name], value, where)
            if known[name] is int:
                _check_range(message, name, values[name], where)
    return message(**values)


def _check_range(message: Any, name: str, number: int, path: str) -> None:
    """Only the message knows how large a number of its field may be."""
    try:
        message(**{name: number}).to_proto()
    except ValueError:
        raise SpecError(f"{number} is out of range", path) from None


def _read(kind: Any, said: Any, path: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _read_message(typing.cast("type[DataclassInstance]", kind), said, path)
    if issubclass(kind, enum.StrEnum):
        return _read_enum(kind, said, path)
    if kind is datetime.datetime:
        return _read_time(said, path)
    if kind is float and isinstance(said, int | float) and not isinstance(said, bool) and math.isfinite(said):
        return float(said)
    if kind is not float and type(said) is kind:
        return said
    raise SpecError(f"{_NEEDED[kind]} is needed, and this is {_what(said)}", path)


_NEEDED = {bool: "true or false", float: "a number", int: "a whole number", str: "a text"}


def _read_enum(kind: type[enum.StrEnum], said: Any, path: str) -> enum.StrEnum:
    names = [member.value for member in kind if member not in ("UNSPECIFIED", "UNRECOGNIZED")]
    prefix = "".join(f"_{sign}" if sign.isupper() else sign.upper() for sign in kind.__name__)[1:] + "_"
    name = said.upper().replace("-", "_").removeprefix(prefix) if isinstance(said, str) else ""
    if name not in names:
        raise SpecError(f"{', '.join(names[:-1])} or {names[-1]} is needed, and this is {_what(said)}", path)
    return kind(name)


def _read_time(said: Any, path: str) -> datetime.datetime:
    if isinstance(said, datetime.datetime):
        instant = said
    elif isinstance(said, datetime.date):
        instant = datetime.datetime(said.year, said.month, said.day, tzinfo=datetime.UTC)
    else:
        try:
            instant = datetime.datetime.fromisoformat(said)
        except (TypeError, ValueError):
            sentence = f"a time is needed (2021-04-01 or 2021-04-01T09:00:00Z), and this is {_what(said)}"
            raise SpecError(sentence, path) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=datetime.UTC)


def _what(said: Any) -> str:
    """What was said instead, for a sentence."""
    match said:
        case None:
            return "empty"
        case Mapping():
            return "fields"
        case list() | tuple():
            return "a list"
        case str():
            return f"the text {said!r}"
        case bool():
            return str(said).lower()
    return str(said)


def _written(message: DataclassInstance) -> dict[str, Any]:
    """What is set, in the order of the fields."""
    written: dict[str, Any] = {}
    for field in dataclasses.fields(message):
        value = getattr(message, field.name)
        if value == field.default or value is None:
            continue
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            written[field.name] = _written(value)
        elif isinstance(value, datetime.datetime):
            instant = value.astimezone(datetime.UTC)
            day = instant.time() == datetime.time()
            written[field.name] = f"{instant:%Y-%m-%d}" if day else instant.isoformat().replace("+00:00", "Z")
        else:
            written[field.name] = str(value) if isinstance(value, enum.StrEnum) else value
    return written


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A field that stands twice would silently lose one of its values."""
    known: dict[str, Any] = {}
    for name, value in pairs:
        if name in known:
            raise SpecError("this field is said twice", name)
        known[name] = value
    return known


def _yaml() -> types.ModuleType:
    try:
        from rollbook import _yaml
    except ModuleNotFoundError:
        raise SpecError('YAML needs pyyaml: pip install "rollbook[cli]", or write the spec as JSON') from None
    return _yaml
