"""Facts as messages, field by field by name.

The mapping is made from the descriptors at import: a field of the API for which the domain has no attribute is an error
at start, not a silent gap. Decimals are written in plain notation, times as Timestamps, None is unset.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from rollbook_server.domain.clock import SECOND, Micros
from rollbook_server.domain.decimals import plain
from rollbook_server.rpc.enums import ENUMS

Put = Callable[[Any, Any], None]
Get = Callable[[Any], Any]


def timestamp(instant: Micros) -> Timestamp:
    """An instant as a Timestamp."""
    seconds, rest = divmod(instant, SECOND)
    return Timestamp(seconds=seconds, nanos=rest * 1_000)


class Encoder:
    """Makes messages of one type out of facts of one type. `sources` says where a field's value comes from if not
    from the attribute of its name; `parts` how messages within it are made; `without` names fields left unset."""

    def __init__(
        self,
        message: type[Message],
        fact: type[Any],
        *,
        sources: Mapping[str, Get] | None = None,
        parts: "Mapping[str, Encoder] | None" = None,
        without: tuple[str, ...] = (),
    ) -> None:
        self._message = message
        self._puts: list[Callable[[Any, Any], None]] = []
        sources, parts = sources or {}, parts or {}
        attributes = {*getattr(fact, "__dataclass_fields__", ()), *dir(fact)}
        for field in message.DESCRIPTOR.fields:
            name = field.name
            if name in without:
                continue
            if name not in sources and name not in attributes:
                raise TypeError(f"{message.DESCRIPTOR.full_name}.{name}: {fact.__name__} has no such attribute")
            self._puts.append(_put(field, sources.get(name), parts.get(name)))

    def __call__(self, fact: Any) -> Any:
        """The message."""
        message = self._message()
        for put in self._puts:
            put(message, fact)
        return message


def _put(field: Any, source: Get | None, part: Encoder | None) -> Put:
    """How one field is set."""
    name = field.name
    get: Get = source or (lambda fact: getattr(fact, name))
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry

    if field.message_type is not None and field.message_type.full_name == "google.protobuf.Timestamp":

        def put_time(message: Any, fact: Any) -> None:
            instant = get(fact)
            if instant is not None:
                seconds, rest = divmod(instant, SECOND)
                target = getattr(message, name)
                target.seconds, target.nanos = seconds, rest * 1_000
                target.SetInParent()

        return put_time
    if is_map:

        def put_map(message: Any, fact: Any) -> None:
            getattr(message, name).update(get(fact))

        return put_map
    if field.message_type is not None:
        if part is None:
            raise TypeError(f"{field.full_name} needs an encoder")
        encoder = part
        if field.is_repeated:
            return lambda message, fact: getattr(message, name).extend(encoder(each) for each in get(fact))

        def put_part(message: Any, fact: Any) -> None:
            value = get(fact)
            if value is not None:
                getattr(message, name).CopyFrom(encoder(value))

        return put_part
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT) and not field.is_repeated:

        def put_number(message: Any, fact: Any) -> None:
            value = get(fact)
            if value is not None and not math.isnan(value):  # where there is none, none is said
                setattr(message, name, value)

        return put_number
    spell = _spell(field)
    if field.is_repeated:
        return lambda message, fact: getattr(message, name).extend([spell(value) for value in get(fact)])

    def put_value(message: Any, fact: Any) -> None:
        value = get(fact)
        if value is not None:
            setattr(message, name, spell(value))

    return put_value


def _spell(field: Any) -> Get:
    """How a scalar is written."""
    if field.enum_type is not None:
        numbers = ENUMS[field.enum_type.full_name].numbers
        return lambda member: numbers[member]
    if field.type == field.TYPE_STRING:
        return lambda value: value if isinstance(value, str) else plain(value)
    return lambda value: value
