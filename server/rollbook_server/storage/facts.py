"""Facts as JSON and back: how frozen dataclasses are spelled in the database.

A field that has its default is left out; decimals are strings in plain notation; times are microseconds. The spelling
is the same for equal facts (fields in their order, labels sorted), so digests and hashes can be taken of it. Readers
refuse a field that they do not know: it was written by a newer Rollbook.
"""

import dataclasses
import enum
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar, cast

from rollbook_server.domain.decimals import plain

T = TypeVar("T")
Code = Callable[[Any], Any]

_REQUIRED = object()


def dumps(tree: object) -> str:
    """Compact JSON."""
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


def to_json(fact: object, leave_out: str = "") -> str:
    """A fact as JSON, without one of its fields if named."""
    tree = to_tree(fact)
    tree.pop(leave_out, None)
    return dumps(tree)


def to_tree(fact: object) -> dict[str, Any]:
    """A fact as what JSON can hold."""
    tree: dict[str, Any] = {}
    kind: Any = type(fact)
    for name, default, encode in _compiled(kind)[0]:
        value = getattr(fact, name)
        if value == default:
            continue
        tree[name] = value if encode is None else encode(value)
    return tree


def from_tree(kind: type[T], tree: Mapping[str, Any]) -> T:
    """The fact that `tree` spells."""
    made: Any = kind
    decoders = _compiled(made)[1]
    values: dict[str, Any] = {}
    for name, value in tree.items():
        if name not in decoders:
            raise ValueError(f"{kind.__name__} has no field {name!r}: written by a newer Rollbook")
        decode = decoders[name]
        values[name] = value if decode is None else decode(value)
    return kind(**values)


def from_json(kind: type[T], text: str) -> T:
    """The fact that JSON `text` spells."""
    return from_tree(kind, json.loads(text))


@functools.cache
def _compiled(kind: Any) -> tuple[list[tuple[str, object, Code | None]], dict[str, Code | None]]:
    hints = typing.get_type_hints(kind)
    encoders: list[tuple[str, object, Code | None]] = []
    decoders: dict[str, Code | None] = {}
    for field in dataclasses.fields(kind):
        default: object = _REQUIRED
        if field.default is not dataclasses.MISSING:
            default = field.default
        elif field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        encode, decode = _codec(hints[field.name])
        encoders.append((field.name, default, encode))
        decoders[field.name] = decode
    return encoders, decoders


def _codec(hint: Any) -> tuple[Code | None, Code | None]:
    """How a value of this type is spelled and read; None where JSON has it as it is."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        if len(options) != 1:
            raise TypeError(f"{hint} has no one spelling")
        encode, decode = _codec(options[0])
        return _unless_none(encode), _unless_none(decode)
    if origin is tuple:
        encode, decode = _codec(typing.get_args(hint)[0])
        return (
            (lambda values: [encode(value) for value in values]) if encode else list,
            (lambda values: tuple(decode(value) for value in values)) if decode else tuple,
        )
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return lambda mapping: dict(sorted(mapping.items())), None
    if hint is Decimal:
        return plain, Decimal
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return None, hint
    if dataclasses.is_dataclass(hint):
        kind = cast("type[Any]", hint)
        return to_tree, functools.partial(from_tree, kind)
    if hint in (str, int, bool, float):
        return None, None
    raise TypeError(f"{hint} has no spelling")


def _unless_none(code: Code | None) -> Code | None:
    return None if code is None else lambda value: None if value is None else code(value)


def differing_paths(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two trees differ, like "fills[0].price"."""
    if isinstance(one, dict) and isinstance(other, dict):
        found: list[str] = []
        for name in dict.fromkeys([*one, *other]):
            found += differing_paths(one.get(name), other.get(name), f"{path}.{name}" if path else name)
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            where
            for n, (a, b) in enumerate(zip(one, other, strict=True))
            for where in differing_paths(a, b, f"{path}[{n}]")
        ]
    return [] if one == other else [path]
