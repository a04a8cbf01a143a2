"""How single values cross between the messages and the models: exact, or refused."""

from __future__ import annotations

import datetime
import enum
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

Number = TypeVar("Number", bound=int)
Member = TypeVar("Member", bound=enum.StrEnum)

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)


def decimal_to_text(value: Decimal | int) -> str:
    """Plain notation, every digit kept: the API knows no exponents."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        hint = ", a float has already lost digits" if isinstance(value, float) else ""
        raise TypeError(f"pass a Decimal or an int, not {value!r}{hint}")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    return format(number, "f")


def decimal_from_text(text: str) -> Decimal:
    """The exact number behind a decimal field; NaN for text that is no number.

    Only a refused command, listed as it was sent, can hold such text. NaN cannot be sent or reckoned with by mistake.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")
    return number if number.is_finite() else Decimal("NaN")


def time_to_proto(time: datetime.datetime) -> Timestamp:
    """An instant; a naive datetime would be read in the zone of whoever runs this."""
    if time.utcoffset() is None:
        raise ValueError(f"{time!r} is naive: give it a timezone")
    # Whole microseconds throughout: datetime.timestamp() goes through float.
    seconds, microseconds = divmod((time - EPOCH) // MICROSECOND, 1_000_000)
    return Timestamp(seconds=seconds, nanos=microseconds * 1000)


def time_from_proto(time: Timestamp) -> datetime.datetime | None:
    """In UTC; what is finer than a microsecond is cut off. None for a time that no calendar has, which only a refused
    command can hold."""
    try:
        return EPOCH + datetime.timedelta(seconds=time.seconds, microseconds=time.nanos // 1000)
    except OverflowError:
        return None


def duration_to_proto(duration: datetime.timedelta) -> Duration:
    """Seconds and nanos of a Duration carry the same sign, unlike days and microseconds of a timedelta."""
    seconds, microseconds = divmod(abs(duration) // MICROSECOND, 1_000_000)
    sign = -1 if duration < datetime.timedelta() else 1
    return Duration(seconds=sign * seconds, nanos=sign * microseconds * 1000)


def duration_from_proto(duration: Duration) -> datetime.timedelta:
    """What is finer than a microsecond is cut off."""
    sign = -1 if duration.seconds < 0 or duration.nanos < 0 else 1
    return sign * datetime.timedelta(seconds=abs(duration.seconds), microseconds=abs(duration.nanos) // 1000)


def enum_to_proto(numbers: _EnumTypeWrapper[Number], prefix: str, member: enum.StrEnum) -> Number:
    """The number of a value; one that this client does not know has lost its number and cannot be sent."""
    if member == "UNRECOGNIZED":
        raise ValueError(f"{type(member).__name__}.UNRECOGNIZED came from a newer server and cannot be sent")
    return numbers.Value(prefix + member)


def enum_from_proto(members: type[Member], numbers: _EnumTypeWrapper[Number], prefix: str, number: Number) -> Member:
    """The value of a number; UNRECOGNIZED for one that a newer server knows."""
    known = numbers.DESCRIPTOR.values_by_number.get(number)
    return members("UNRECOGNIZED" if known is None else known.name.removeprefix(prefix))


def at_most_one(**fields: object) -> None:
    """Members of one oneof: protobuf would keep the last and drop the others without a word."""
    given = [name for name, value in fields.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"at most one of {', '.join(fields)} can be set, not {' and '.join(given)}")
