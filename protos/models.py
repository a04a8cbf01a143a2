"""Writes rollbook/models.py: a frozen dataclass for each message of rollbook.v1, an enum for each enum.

    python protos/models.py DESCRIPTOR_SET > models.py

DESCRIPTOR_SET is protoc's, with --include_source_info: the comments become docstrings, and a string field whose
comment has the word "Decimal" becomes a Decimal. What this generator has no rule for, it refuses.
"""

from __future__ import annotations

import keyword
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

PACKAGE = "rollbook.v1"
WIDTH = 120

HEADER = '''\
"""Typed values of the API: one dataclass per message, one enum per enum. Made by make protos; do not edit.

Prices, quantities and money are Decimal and stay exact; times are aware datetimes in UTC. What is unset is None.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping
from decimal import Decimal
from typing import Self

from rollbook import _convert
from rollbook.v1 import (
{modules}
)

__all__ = [
{names}
]
'''

Type = FieldDescriptorProto.Type
# Type on the wire -> (type, default) in Python.
SCALARS = {
    FieldDescriptorProto.TYPE_BOOL: ("bool", "False"),
    FieldDescriptorProto.TYPE_BYTES: ("bytes", 'b""'),
    FieldDescriptorProto.TYPE_STRING: ("str", '""'),
    **dict.fromkeys((FieldDescriptorProto.TYPE_DOUBLE, FieldDescriptorProto.TYPE_FLOAT), ("float", "0.0")),
    **dict.fromkeys(
        (
            FieldDescriptorProto.TYPE_INT32,
            FieldDescriptorProto.TYPE_INT64,
            FieldDescriptorProto.TYPE_UINT32,
            FieldDescriptorProto.TYPE_UINT64,
            FieldDescriptorProto.TYPE_SINT32,
            FieldDescriptorProto.TYPE_SINT64,
            FieldDescriptorProto.TYPE_FIXED32,
            FieldDescriptorProto.TYPE_FIXED64,
            FieldDescriptorProto.TYPE_SFIXED32,
            FieldDescriptorProto.TYPE_SFIXED64,
        ),
        ("int", "0"),
    ),
}
# Well-known message -> (type in Python, prefix of its two functions in _convert).
WELL_KNOWN = {
    ".google.protobuf.Timestamp": ("datetime.datetime", "time"),
    ".google.protobuf.Duration": ("datetime.timedelta", "duration"),
}
# Names that mean something else inside the generated module or its classes.
TAKEN_BY_MODULE = {"Decimal", "Mapping", "Self"}
TAKEN_BY_CLASS = {
    "bool", "bytes", "cls", "dataclasses", "datetime", "dict", "enum", "float", "from_proto", "int", "self", "str",
    "to_proto", "tuple",
}  # fmt: skip


class Refused(Exception):
    """The protos hold something that this generator has no rule for."""


class File:
    """One proto file with its comments."""

    def __init__(self, proto: FileDescriptorProto) -> None:
        self.proto = proto
        self.module = Path(proto.name).stem + "_pb2"
        self._comments = {
            tuple(location.path): _clean(location.leading_comments or location.trailing_comments)
            for location in proto.source_code_info.location
        }

    def comment(self, *path: int) -> str:
        """The comment of the element at a path of field numbers and indexes, as in SourceCodeInfo."""
        return self._comments.get(path, "")

    def enums(self) -> Iterator[tuple[EnumDescriptorProto, tuple[int, ...]]]:
        for index, proto in enumerate(self.proto.enum_type):
            yield proto, (FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER, index)

    def messages(self) -> Iterator[tuple[DescriptorProto, tuple[int, ...]]]:
        for index, proto in enumerate(self.proto.message_type):
            yield proto, (FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER, index)


@dataclass(frozen=True)
class Value:
    """How one value is written: its type, and expressions that convert the expression given for {}."""

    type: str
    default: str
    to_proto: str = "{}"
    from_proto: str = "{}"


@dataclass(frozen=True)
class Field:
    """What a field adds to its class: a declaration, and the expressions that fill and read the message."""

    name: str
    doc: str
    declaration: str
    to_proto: str
    from_proto: str
    oneof: str = ""
    is_assigned: bool = False  # after construction: a scalar of a oneof, whose constructor argument takes no None


def _clean(comment: str) -> str:
    return "\n".join(line.removeprefix(" ").rstrip() for line in comment.strip("\n").splitlines())


def _docstring(text: str, indent: int) -> list[str]:
    """As a docstring; only lines that are too long are wrapped, so that lists and examples keep their form."""
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    width = WIDTH - indent
    lines = [
        part
        for line in f'"""{text}'.splitlines()
        for part in textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
    ]
    if len(lines) == 1 and len(lines[0]) + 3 <= width and not text.endswith('"'):
        lines[0] += '"""'
    else:
        lines.append('"""')
    return [" " * indent + line if line else "" for line in lines]


def _enum(file: File, proto: EnumDescriptorProto, path: tuple[int, ...]) -> list[str]:
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", proto.name).upper() + "_"
    kind = f"{file.module}.{proto.name}"
    lines = [f"class {proto.name}(enum.StrEnum):", *_docstring(file.comment(*path), 4), ""]
    numbers = set()
    for index, value in enumerate(proto.value):
        name = value.name.removeprefix(prefix)
        if name == value.name or not name.isidentifier() or name == "UNRECOGNIZED" or value.number in numbers:
            raise Refused(f"{file.proto.name}: {proto.name} cannot have the value {value.name}")
        numbers.add(value.number)
        lines.append(f'    {name} = "{name}"')
        lines += _docstring(file.comment(*path, EnumDescriptorProto.VALUE_FIELD_NUMBER, index), 4)
    return [
        *lines,
        '    UNRECOGNIZED = "UNRECOGNIZED"',
        '    """A value that only a newer server knows; it cannot be sent."""',
        "",
        f"    def to_proto(self) -> {kind}.ValueType:",
        f'        return _convert.enum_to_proto({kind}, "{prefix}", self)',
        "",
        "    @classmethod",
        f"    def from_proto(cls, number: {kind}.ValueType) -> Self:",
        f'        return _convert.enum_from_proto(cls, {kind}, "{prefix}", number)',
    ]


def _value(proto: FieldDescriptorProto, comment: str) -> Value:
    """The rule for a single value of the field's type."""
    package, _, name = proto.type_name.rpartition(".")
    if proto.type == FieldDescriptorProto.TYPE_STRING and re.search(r"\bDecimal\b", comment):
        return Value("Decimal", "None", "_convert.decimal_to_text({})", "_convert.decimal_from_text({})")
    if proto.type_name in WELL_KNOWN:
        kind, convert = WELL_KNOWN[proto.type_name]
        return Value(kind, "None", f"_convert.{convert}_to_proto({{}})", f"_convert.{convert}_from_proto({{}})")
    if package == f".{PACKAGE}" and proto.type == FieldDescriptorProto.TYPE_ENUM:
        return Value(name, f"{name}.UNSPECIFIED", "{}.to_proto()", f"{name}.from_proto({{}})")
    if package == f".{PACKAGE}" and proto.type == FieldDescriptorProto.TYPE_MESSAGE:
        return Value(name, "None", "{}.to_proto()", f"{name}.from_proto({{}})")
    if proto.type in SCALARS:
        return Value(*SCALARS[proto.type])
    raise Refused(f"the field {proto.name} has a type without a rule: {proto.type_name or Type.Name(proto.type)}")


def _map(name: str, entry: DescriptorProto, comment: str) -> tuple[str, str, str]:
    """Declaration and conversions of a map field."""
    key, value = _value(entry.field[0], ""), _value(entry.field[1], comment)
    ours, theirs = f"self.{name}", f"message.{name}"
    if value.to_proto != "{}":
        ours = f"{{key: {value.to_proto.format('value')} for key, value in {ours}.items()}}"
    if value.from_proto != "{}":
        theirs = f"{{key: {value.from_proto.format('value')} for key, value in {theirs}.items()}}"
    else:
        theirs = f"dict({theirs})"
    return f"{name}: Mapping[{key.type}, {value.type}] = dataclasses.field(default_factory=dict)", ours, theirs


def _field(proto: FieldDescriptorProto, message: DescriptorProto, comment: str) -> Field:
    name = proto.name
    if keyword.iskeyword(name) or name in TAKEN_BY_CLASS:
        raise Refused(f"the field {name} needs another name: it has a meaning in Python")
    doc = re.sub(r"\s+", " ", comment.split("\n\n")[0])
    entry = {f".{PACKAGE}.{message.name}.{nested.name}": nested for nested in message.nested_type}.get(proto.type_name)
    if entry is not None:
        return Field(name, doc, *_map(name, entry, comment))

    value = _value(proto, comment)
    ours, theirs = f"self.{name}", f"message.{name}"
    if proto.label == FieldDescriptorProto.LABEL_REPEATED:
        if value.to_proto != "{}":
            ours = f"[{value.to_proto.format('item')} for item in {ours}]"
        if value.from_proto != "{}":
            theirs = f"{value.from_proto.format('item')} for item in {theirs}"
        return Field(name, doc, f"{name}: tuple[{value.type}, ...] = ()", ours, f"tuple({theirs})")

    is_message = proto.type == FieldDescriptorProto.TYPE_MESSAGE
    in_oneof = proto.HasField("oneof_index") and not proto.proto3_optional  # optional is a hidden oneof of its own
    has_presence = is_message or in_oneof or proto.proto3_optional
    if not has_presence and value.default != "None":
        declaration = f"{name}: {value.type} = {value.default}"
        return Field(name, doc, declaration, value.to_proto.format(ours), value.from_proto.format(theirs))

    declaration = f"{name}: {value.type} | None = None"
    # A decimal's empty string is what nobody filled in, whether it was sent or not.
    is_set = theirs if value.type == "Decimal" else f'message.HasField("{name}")'
    from_proto = f"{value.from_proto.format(theirs)} if {is_set} else None"
    oneof = message.oneof_decl[proto.oneof_index].name if in_oneof else ""
    if oneof and not is_message:
        return Field(name, doc, declaration, value.to_proto.format(ours), from_proto, oneof, is_assigned=True)
    unset = "None" if has_presence else '""'
    to_proto = ours if value.to_proto == "{}" else f"{unset} if {ours} is None else {value.to_proto.format(ours)}"
    return Field(name, doc, declaration, to_proto, from_proto, oneof)


def _message(file: File, proto: DescriptorProto, path: tuple[int, ...]) -> list[str]:
    if proto.enum_type or any(not nested.options.map_entry for nested in proto.nested_type):
        raise Refused(f"{file.proto.name}: {proto.name} holds another message or enum; put it beside, not inside")
    fields = [
        _field(field, proto, file.comment(*path, DescriptorProto.FIELD_FIELD_NUMBER, index))
        for index, field in enumerate(proto.field)
    ]
    lines = [
        "@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)",
        f"class {proto.name}:",
        *_docstring(file.comment(*path), 4),
        "",
    ]
    for field in fields:
        lines += [f"    {field.declaration}", *_docstring(field.doc, 4)]
    if fields:
        lines.append("")
    return [*lines, *_to_proto(f"{file.module}.{proto.name}", fields), "", *_from_proto(file, proto, fields)]


def _to_proto(kind: str, fields: list[Field]) -> list[str]:
    lines = [f"    def to_proto(self) -> {kind}:"]
    for oneof in dict.fromkeys(field.oneof for field in fields if field.oneof):
        members = (f"{field.name}=self.{field.name}" for field in fields if field.oneof == oneof)
        lines.append(f"        _convert.at_most_one({', '.join(members)})")
    given = [f"            {field.name}={field.to_proto}," for field in fields if not field.is_assigned]
    call = [f"{kind}(", *given, "        )"] if given else [f"{kind}()"]
    assigned = [field for field in fields if field.is_assigned]
    if not assigned:
        return [*lines, f"        return {call[0]}", *call[1:]]
    lines += [f"        message = {call[0]}", *call[1:]]
    for field in assigned:
        lines.append(f"        if self.{field.name} is not None:")
        lines.append(f"            message.{field.name} = {field.to_proto}")
    return [*lines, "        return message"]


def _from_proto(file: File, proto: DescriptorProto, fields: list[Field]) -> list[str]:
    given = [f"            {field.name}={field.from_proto}," for field in fields]
    return [
        "    @classmethod",
        f"    def from_proto(cls, message: {file.module}.{proto.name}) -> Self:",
        *(["        return cls(", *given, "        )"] if given else ["        return cls()"]),
    ]


def generate(descriptors: FileDescriptorSet) -> str:
    """The whole module; enums come first because they are default values."""
    files = [File(proto) for proto in descriptors.file if proto.package == PACKAGE]
    enums = [(file, *found) for file in files for found in file.enums()]
    messages = [(file, *found) for file in files for found in file.messages()]
    names = sorted([proto.name for _, proto, _ in enums] + [proto.name for _, proto, _ in messages])
    if taken := TAKEN_BY_MODULE.intersection(names):
        raise Refused(f"{', '.join(sorted(taken))} needs another name: it has a meaning in Python")
    used = sorted({found[0].module for found in enums + messages})
    header = HEADER.format(
        modules="\n".join(f"    {module}," for module in used), names="\n".join(f'    "{name}",' for name in names)
    )
    blocks = [_enum(*found) for found in enums] + [_message(*found) for found in messages]
    return header + "".join("\n\n" + "\n".join(block) + "\n" for block in blocks)


def main() -> None:
    descriptors = FileDescriptorSet.FromString(Path(sys.argv[1]).read_bytes())
    try:
        print(generate(descriptors), end="")
    except Refused as refused:
        sys.exit(f"protos/models.py: {refused}")


if __name__ == "__main__":
    main()
