"""Facts as JSON and back: how frozen dataclasses are spelled in the database.

A field that has its default, or that is stored apart, is left out; decimals are strings in plain notation; times are
microseconds. The spelling is the same for equal facts (fields in their order, labels sorted), so digests and hashes can
be taken of it. Readers refuse a field that they do not know: it was written by a newer Rollbook.
"""

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar, cast

import orjson

from rollbook_server.domain.decimals import plain

T = TypeVar("T")
Code = Callable[[Any], Any]

loads = orjson.loads


def dumps(tree: object) -> str:
    """Compact JSON."""
    return orjson.dumps(tree).decode()


def to_json(fact: object) -> str:
    """A fact as JSON."""
    return dumps(to_tree(fact))


def to_tree(fact: object) -> dict[str, Any]:
    """A fact as what JSON can hold."""
    kind: Any = type(fact)
    tree: dict[str, Any] = _encoder(kind)(fact)
    return tree


def from_tree(kind: type[T], tree: Mapping[str, Any]) -> T:
    """The fact that `tree` spells."""
    made: Any = kind
    decoders = _decoders(made)
    values: dict[str, Any] = {}
    for name, value in tree.items():
        if name not in decoders:
            raise ValueError(f"{kind.__name__} has no field {name!r}: written by a newer Rollbook")
        decode = decoders[name]
        values[name] = value if decode is None else decode(value)
    return kind(**values)


def from_json(kind: type[T], text: str) -> T:
    """The fact that JSON `text` spells."""
    return from_tree(kind, loads(text))


@functools.cache
def _encoder(kind: Any) -> Code:
    """The function that spells facts of one class, written out field by field: it runs for every entry, and a loop
    over field descriptions takes three times as long."""
    hints = typing.get_type_hints(kind)
    names: dict[str, Any] = {}
    lines = ["def encode(fact):", "    tree = {}"]
    for number, field in enumerate(dataclasses.fields(kind)):
        if field.metadata.get("apart"):
            continue
        encode, _ = _codec(hints[field.name])
        names[f"encode_{number}"] = encode
        spelled = "value" if encode is None else f"encode_{number}(value)"
        lines.append(f"    value = fact.{field.name}")
        put = f"tree[{field.name!r}] = {spelled}"
        if field.default is None:
            lines.append(f"    if value is not None: {put}")
        elif field.default_factory is not dataclasses.MISSING or (
            field.default is not dataclasses.MISSING and not field.default
        ):
            lines.append(f"    if value: {put}")  # empty, zero, false
        elif field.default is not dataclasses.MISSING:
            names[f"default_{number}"] = field.default
            lines.append(f"    if value != default_{number}: {put}")
        elif type(None) in typing.get_args(hints[field.name]):
            raise TypeError(f"{kind.__name__}.{field.name} can be None, so None must be its default")
        else:
            lines.append(f"    {put}")
    lines.append("    return tree")
    exec("\n".join(lines), names)  # of this module's own making: class and field names only
    code: Code = names["encode"]
    return code


@functools.cache
def _decoders(kind: Any) -> dict[str, Code | None]:
    hints = typing.get_type_hints(kind)
    return {field.name: _codec(hints[field.name])[1] for field in dataclasses.fields(kind)}


def _codec(hint: Any) -> tuple[Code | None, Code | None]:
    """How a value of this type is spelled and read; None where JSON has it as it is. None itself is not asked."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        if len(options) != 1:
            raise TypeError(f"{hint} has no one spelling")
        return _codec(options[0])
    if origin is tuple:
        encode, decode = _codec(typing.get_args(hint)[0])
        return (
            (lambda values: [encode(value) for value in values]) if encode else list,
            (lambda values: tuple([decode(value) for value in values])) if decode else tuple,
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
