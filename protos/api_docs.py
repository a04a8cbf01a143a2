"""Writes docs/api.md: every service, message and enum of rollbook.v1, with its comments.

    python -m protos.api_docs DESCRIPTOR_SET > docs/api.md

DESCRIPTOR_SET is protoc's, with --include_source_info. Each proto becomes a chapter, the services first; what stands in
it keeps its order. Names of calls, types and error reasons become links wherever a comment says them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from protos.models import PACKAGE, File, Type

PROTOS = "../protos/rollbook/v1"
REASONS = "ErrorReason"

HEADER = f"""\
# The API: `{PACKAGE}`

Made by `make protos` from the comments in [protos/rollbook/v1]({PROTOS}); edit those instead.

- **Decimals** are strings in plain notation, for example `"0.0125"`. Commands may have at most 18 digits on each side
  of the point; answers can be longer.
- **Times** are instants in whole microseconds; what is finer is cut off. Their names end in `_time`, or are `time`.
- **`optional`** marks fields where unset differs from zero or empty. Messages are always optional.
- **Enums** begin with an unspecified value: refused where a value is needed, "any" in filters. Expect values that only
  a newer server knows.
- **Refusals** carry a reason, listed under [{REASONS}](#{REASONS.lower()}).

`rollbook`, the [client for Python](clients.md), has a class of the same name for each message and enum; members of its
enums go without the prefix, `Mode.LIVE` for `MODE_LIVE`.
"""

# What a comment can name: code as it is, types and calls, error reasons, fields.
WORDS = re.compile(r"`[^`]*`|\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b|\b[A-Z]+(?:_[A-Z]+)*\b|\b[a-z]+(?:_[a-z0-9]+)+\b")

Path_ = tuple[int, ...]
Item = tuple[int, list[str]]
"""The line in its proto that a part of a chapter begins at, and its Markdown."""


class Refused(Exception):
    """The protos hold something that this generator has no rule for."""


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


@dataclass(frozen=True)
class Names:
    """What becomes a link wherever a comment says it."""

    linked: frozenset[str]
    reasons: frozenset[str]

    def marked(self, comment: str, here: str) -> str:
        """A comment with its links; `here` is what it speaks of, which needs none."""

        def mark(found: re.Match[str]) -> str:
            word = found[0]
            if word in self.reasons and here != REASONS:
                return f"[{word}](#{REASONS.lower()})"
            if word in self.linked and word != here:
                return _link(word)
            return f"`{word}`" if "_" in word and word.islower() else word

        return WORDS.sub(mark, comment)


def _cell(text: str) -> str:
    """Text within a table: one line, and no bar that would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: str, rows: Iterable[Iterable[str]]) -> list[str]:
    columns = head.split()
    lines = ["| " + " | ".join(columns) + " |", "| ---: |" + " --- |" * (len(columns) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


class Chapter:
    """One proto file."""

    def __init__(self, proto: FileDescriptorProto, names: Names) -> None:
        self.file = File(proto)
        self.names = names
        self.title = Path(proto.name).name
        self._lines = {tuple(location.path): location.span[0] for location in proto.source_code_info.location}

    def lines(self) -> Iterator[str]:
        yield from (f"## {self.title}", "", f"Source: [{self.title}]({PROTOS}/{self.title})", "")
        for _, part in sorted([*self._services(), *self._messages(), *self._enums()]):
            yield from part
            yield ""

    def _services(self) -> Iterator[Item]:
        for index, service in enumerate(self.file.proto.service):
            path = (FileDescriptorProto.SERVICE_FIELD_NUMBER, index)
            yield self._lines[path], self._service(service, path)

    def _messages(self) -> Iterator[Item]:
        for message, path in self.file.messages():
            yield self._lines[path], self._message(message, path)

    def _enums(self) -> Iterator[Item]:
        for enum, path in self.file.enums():
            yield self._lines[path], self._enum(enum, path)

    def _comment(self, here: str, *path: int) -> str:
        return self.names.marked(self.file.comment(*path), here)

    def _service(self, service: ServiceDescriptorProto, path: Path_) -> list[str]:
        lines = [f"### {service.name}", "", self._comment(service.name, *path)]
        for index, call in enumerate(service.method):
            comment = self._comment(call.name, *path, ServiceDescriptorProto.METHOD_FIELD_NUMBER, index)
            lines += ["", f"#### {call.name}", "", self._signature(call), ""]
            # What a call can end with is looked up more often than the rest: a paragraph of its own.
            lines.append(re.sub(r"\s+(?=Errors\b)", "\n\n", comment))
        return lines

    def _signature(self, call: MethodDescriptorProto) -> str:
        takes, gives = (_link(name.rpartition(".")[2]) for name in (call.input_type, call.output_type))
        takes = f"stream of {takes}" if call.client_streaming else takes
        gives = f"stream of {gives}" if call.server_streaming else gives
        return f"{takes} → {gives}"

    def _message(self, message: DescriptorProto, path: Path_) -> list[str]:
        lines = [f"### {message.name}", "", self._comment(message.name, *path), ""]
        if not message.field:
            return [*lines, "It has no fields."]
        rows = []
        for index, field in enumerate(message.field):
            comment = self._comment(message.name, *path, DescriptorProto.FIELD_FIELD_NUMBER, index)
            rows.append((str(field.number), f"`{field.name}`", self._type(field, message), _cell(comment)))
        lines += _table("# field type meaning", rows)
        for index, oneof in enumerate(message.oneof_decl):
            members = [
                f"`{field.name}`"
                for field in message.field
                if field.HasField("oneof_index") and field.oneof_index == index and not field.proto3_optional
            ]
            if members:  # else it is the hidden oneof of an optional field
                comment = self._comment(message.name, *path, DescriptorProto.ONEOF_DECL_FIELD_NUMBER, index)
                lines += ["", f"`{oneof.name}`, at most one of {', '.join(members)}. {comment}"]
        return lines

    def _type(self, field: FieldDescriptorProto, message: DescriptorProto) -> str:
        for nested in message.nested_type:
            if nested.options.map_entry and field.type_name == f".{PACKAGE}.{message.name}.{nested.name}":
                key, value = (self._single(part) for part in nested.field)
                return f"map of {key} to {value}"
        kind = self._single(field)
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            return f"repeated {kind}"
        return f"optional {kind}" if field.proto3_optional else kind

    def _single(self, field: FieldDescriptorProto) -> str:
        if not field.type_name:
            return Type.Name(field.type).removeprefix("TYPE_").lower()
        package, _, name = field.type_name.removeprefix(".").rpartition(".")
        return _link(name) if package == PACKAGE else name

    def _enum(self, enum: EnumDescriptorProto, path: Path_) -> list[str]:
        rows = []
        for index, value in enumerate(enum.value):
            comment = self._comment(enum.name, *path, EnumDescriptorProto.VALUE_FIELD_NUMBER, index)
            rows.append((str(value.number), f"`{value.name}`", _cell(comment)))
        return [f"### {enum.name}", "", self._comment(enum.name, *path), "", *_table("# value meaning", rows)]


def _contents(files: Iterable[FileDescriptorProto]) -> Iterator[str]:
    yield from ("## Contents", "")
    for file in files:
        title = Path(file.name).name
        yield f"- [{title}](#{title.lower().replace('.', '')})"
        for service in file.service:
            yield f"  - {_link(service.name)}: {', '.join(_link(call.name) for call in service.method)}"
        for kind, found in (("messages", file.message_type), ("enums", file.enum_type)):
            if found:
                yield f"  - {kind}: {', '.join(_link(each.name) for each in found)}"
    yield ""


def _distinct(names: Iterable[str]) -> None:
    """Refuses names that would be headings with one address."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other is not name:
            raise Refused(f"{name} and {other} would have the same address in docs/api.md")


def generate(descriptors: FileDescriptorSet) -> str:
    """The whole document."""
    files = sorted((file for file in descriptors.file if file.package == PACKAGE), key=lambda file: not file.service)
    services = [service for file in files for service in file.service]
    calls = [call.name for service in services for call in service.method]
    enums = [enum for file in files for enum in file.enum_type]
    types = [found.name for found in enums] + [message.name for file in files for message in file.message_type]
    _distinct([service.name for service in services] + calls + types)
    # A name of one word is a word of the language, too: "Mode, if it could be read".
    linked = [name for name in calls + types if sum(letter.isupper() for letter in name) > 1]
    reasons = {
        value.name.removeprefix("ERROR_REASON_") for enum in enums if enum.name == REASONS for value in enum.value
    }
    names = Names(frozenset(linked), frozenset(reasons - {"UNSPECIFIED"}))
    lines = [HEADER, *_contents(files)]
    for file in files:
        lines += Chapter(file, names).lines()
    return "\n".join(lines).rstrip("\n") + "\n"


def main() -> None:
    descriptors = FileDescriptorSet.FromString(Path(sys.argv[1]).read_bytes())
    try:
        print(generate(descriptors), end="")
    except Refused as refused:
        sys.exit(f"protos/api_docs.py: {refused}")


if __name__ == "__main__":
    main()
