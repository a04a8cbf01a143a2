"""Messages as facts, field by field by name: the way back of `encode`.

The mapping is made from the descriptors at import: a field that only one side has is an error at start. What is unset
is None, or the empty value where the API has no presence for it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from google.protobuf.message import Message

from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.rpc.decode import instant, maybe, within
from rollbook_server.rpc.enums import ENUMS

Take = Callable[[Any, str], Any]
"""A field's value out of its message, whose path is given."""

_LONGEST = 128


class Decoder:
    """Makes facts of one type out of messages of one type; `parts` says how messages within it are read."""

    def __init__(
        self, message: type[Message], fact: type[Any], *, parts: "Mapping[str, Decoder] | None" = None
    ) -> None:
        self._fact = fact
        parts = parts or {}
        named = {field.name for field in message.DESCRIPTOR.fields}
        known = {field.name for field in fields(fact)}
        if named != known:
            raise TypeError(f"{message.DESCRIPTOR.full_name} and {fact.__name__} differ: {named ^ known}")
        self._takes = {field.name: _take(field, parts.get(field.name)) for field in message.DESCRIPTOR.fields}

    def __call__(self, message: Any, where: str) -> Any:
        """The fact; `where` is the message's path, with a point behind it. Raises InvalidArgument."""
        return self._fact(**{name: take(message, where) for name, take in self._takes.items()})


def _take(field: Any, part: Decoder | None) -> Take:
    """How one field is read."""
    name = field.name
    if field.is_repeated:
        raise TypeError(f"{field.full_name}: repeated fields are not read")
    if field.message_type is not None and field.message_type.full_name == "google.protobuf.Timestamp":
        return lambda message, where: instant(message, name, where)
    if field.message_type is not None:
        if part is None:
            raise TypeError(f"{field.full_name} needs a decoder")
        decoder = part
        return lambda message, where: decoder(getattr(message, name), f"{where}{name}.")
    if field.enum_type is not None:
        enum = ENUMS[field.enum_type.full_name]
        return lambda message, where: maybe(enum, getattr(message, name), where + name)
    if field.type == field.TYPE_STRING:
        return lambda message, where: within(getattr(message, name), _LONGEST, where + name)
    if field.has_presence:
        return lambda message, where: _finite(getattr(message, name), where + name) if message.HasField(name) else None
    return lambda message, where: _finite(getattr(message, name), where + name)


def _finite(value: Any, path: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{path} is {value}", path)
    return value
