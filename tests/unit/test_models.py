"""rollbook.models, made from the protos, says what the messages say: nothing lost, nothing bent."""

from __future__ import annotations

import datetime
import importlib
import pkgutil
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

import rollbook.v1
from rollbook import _convert, models

FILES = [
    importlib.import_module(f"rollbook.v1.{module.name}").DESCRIPTOR
    for module in pkgutil.iter_modules(rollbook.v1.__path__)
    if module.name.endswith("_pb2")
]
MESSAGES = {name: GetMessageClass(found) for file in FILES for name, found in file.message_types_by_name.items()}
ENUMS = {name: found for file in FILES for name, found in file.enum_types_by_name.items()}
ONEOFS = [
    pytest.param(name, oneof, id=f"{name}.{oneof.name}")
    for name, kind in MESSAGES.items()
    for oneof in kind.DESCRIPTOR.oneofs
    if len(oneof.fields) > 1
]
UNLIKELY_NUMBER = 98765  # of an enum value: none of ours


def fields_of_type(kind: object) -> list[Any]:
    """Every (model, field) of this type."""
    return [
        pytest.param(model, name, id=f"{model.__name__}.{name}")
        for model in (getattr(models, message) for message in MESSAGES)
        for name, hint in get_type_hints(model).items()
        if hint == kind
    ]


def sample(field: Any) -> Any:
    """A single value unlike the default. Every text is a number, because it may be a decimal's."""
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return b"\x00\xff"
        case FieldDescriptor.CPPTYPE_STRING:
            return "-123456789012345678.000000000000000010"
        case FieldDescriptor.CPPTYPE_BOOL:
            return True
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return 0.5
        case FieldDescriptor.CPPTYPE_ENUM:
            return field.enum_type.values[-1].number
        case FieldDescriptor.CPPTYPE_MESSAGE:
            message = GetMessageClass(field.message_type)()
            if isinstance(message, Timestamp | Duration):
                message.seconds, message.nanos = 1_765_000_000, 123_456_000
            return message
        case _:
            return 7


def fill(message: Message, field: Any, depth: int) -> None:
    """Set one field, and what lies below it, to something unlike the default."""
    value = getattr(message, field.name)
    if field.message_type and field.message_type.GetOptions().map_entry:
        entry = field.message_type.fields_by_name
        value[sample(entry["key"])] = sample(entry["value"])
        return
    one = sample(field)
    if isinstance(one, Message):
        if depth:
            for inner in one.DESCRIPTOR.fields if not isinstance(one, Timestamp | Duration) else ():
                fill(one, inner, depth - 1)
        if hasattr(value, "extend"):
            value.extend([one, one])
        else:
            value.CopyFrom(one)
    elif hasattr(value, "extend"):
        value.extend([one, one])
    else:
        setattr(message, field.name, one)


def samples(kind: type[Message]) -> Iterator[Message]:
    """The empty message, a full one, and one for each field alone (so that every member of a oneof has its turn)."""
    yield kind()
    full = kind()
    for field in kind.DESCRIPTOR.fields:
        fill(full, field, depth=3)
        alone = kind()
        fill(alone, field, depth=1)
        yield alone
    yield full


def test_every_message_and_enum_has_its_model() -> None:
    """Nothing of the API is missing from the models, and nothing else is in them."""
    assert set(models.__all__) == MESSAGES.keys() | ENUMS.keys()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_survives_the_round_trip(name: str) -> None:
    """Message to model to message is the identity, and so is model to message to model."""
    model = getattr(models, name)
    for message in samples(MESSAGES[name]):
        value = model.from_proto(message)
        assert value.to_proto() == message
        assert model.from_proto(value.to_proto()) == value


@pytest.mark.parametrize("name", ENUMS)
def test_an_enum_value_has_its_name_and_unknown_ones_are_tolerated(name: str) -> None:
    """Each value crosses both ways; one that a newer server invented is read as UNRECOGNIZED and never sent."""
    model = getattr(models, name)
    for value in ENUMS[name].values:
        assert value.name.endswith(model.from_proto(value.number).value)
        assert model.from_proto(value.number).to_proto() == value.number
    assert len(model) == len(ENUMS[name].values) + 1
    assert model.from_proto(UNLIKELY_NUMBER) is model.UNRECOGNIZED
    with pytest.raises(ValueError, match="newer server"):
        model.UNRECOGNIZED.to_proto()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_with_an_unknown_enum_value_can_be_read(name: str) -> None:
    """A client of yesterday reads the answers of a server of tomorrow."""
    for field in MESSAGES[name].DESCRIPTOR.fields:
        if field.enum_type:
            message = MESSAGES[name]()
            if hasattr(getattr(message, field.name), "append"):
                getattr(message, field.name).append(UNLIKELY_NUMBER)
            else:
                setattr(message, field.name, UNLIKELY_NUMBER)
            assert "UNRECOGNIZED" in repr(getattr(getattr(models, name).from_proto(message), field.name))


@pytest.mark.parametrize(("model", "field"), fields_of_type(Decimal | None))
def test_a_decimal_is_exact_and_plain_or_refused(model: Any, field: str) -> None:
    """A decimal is written without exponent and with every digit; a float, a text and NaN are refused."""
    for value, text in ((Decimal("1E+3"), "1000"), (Decimal("-1.10e-18"), "-0.00000000000000000110"), (3, "3")):
        assert getattr(model(**{field: value}).to_proto(), field) == text
    for wrong in (0.1, "0.1", True):
        with pytest.raises(TypeError, match="pass a Decimal"):
            model(**{field: wrong}).to_proto()
    for not_finite in ("NaN", "sNaN", "Infinity", "-Infinity"):
        with pytest.raises(ValueError, match="not a finite number"):
            model(**{field: Decimal(not_finite)}).to_proto()


def test_a_float_is_told_what_it_has_lost() -> None:
    """The refusal of a float says why, because it looks as if it would do."""
    with pytest.raises(TypeError, match="a float has already lost digits"):
        _convert.decimal_to_text(0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "one", "NaN", "Infinity", "1,5"])
def test_a_text_that_is_no_number_is_nan(text: str) -> None:
    """A refused command can be listed whatever stands in it; what is no finite number is NaN, which cannot be sent."""
    number = _convert.decimal_from_text(text)
    assert number.is_nan()
    with pytest.raises(ValueError, match="finite"):
        _convert.decimal_to_text(number)


@pytest.mark.parametrize(("model", "field"), fields_of_type(datetime.datetime | None))
def test_a_naive_time_is_refused(model: Any, field: str) -> None:
    """A time without a zone is not guessed at."""
    with pytest.raises(ValueError, match="naive"):
        model(**{field: datetime.datetime(2025, 12, 8)}).to_proto()  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("2025-12-08T08:00:00.000001+00:00", 1765180800, 1000),
        ("2025-12-08T09:00:00.999999+01:00", 1765180800, 999_999_000),
        ("1969-12-31T23:59:59.999999+00:00", -1, 999_999_000),
        ("9999-12-31T23:59:59.999999+00:00", 253402300799, 999_999_000),
    ],
)
def test_a_time_is_exact_to_the_microsecond(text: str, seconds: int, nanos: int) -> None:
    """No instant passes through float; what is finer than a microsecond is cut off."""
    time = datetime.datetime.fromisoformat(text)
    assert _convert.time_to_proto(time) == Timestamp(seconds=seconds, nanos=nanos)
    assert _convert.time_from_proto(Timestamp(seconds=seconds, nanos=nanos + 999)) == time


@pytest.mark.parametrize(("seconds", "nanos"), [(0, 0), (1, 1000), (-1, -1000), (0, -1000), (86_400, 999_999_000)])
def test_a_duration_keeps_its_sign(seconds: int, nanos: int) -> None:
    """Both parts of a Duration carry the same sign."""
    duration = Duration(seconds=seconds, nanos=nanos)
    assert _convert.duration_to_proto(_convert.duration_from_proto(duration)) == duration


@pytest.mark.parametrize(("name", "oneof"), ONEOFS)
def test_two_members_of_a_oneof_are_refused(name: str, oneof: Any) -> None:
    """protobuf would keep the last one and drop the other without a word."""
    given = {}
    for field in oneof.fields[:2]:
        message = MESSAGES[name]()
        fill(message, field, depth=1)
        given[field.name] = getattr(getattr(models, name).from_proto(message), field.name)
    with pytest.raises(ValueError, match="at most one of"):
        getattr(models, name)(**given).to_proto()
