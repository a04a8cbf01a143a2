"""YAML as people mean it: of plain texts only numbers, true, false and null are something else, and nothing is said
twice. The only module that needs pyyaml.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from rollbook.specs import SpecError

_RESOLVERS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
}
"""The core schema of YAML 1.2. pyyaml's own is that of 1.1, in which `no` is false, 1e-3 a text and 1:30 a number."""


class _Loader(yaml.SafeLoader):
    """Reads the core schema; times stay texts, to be read by whoever knows that they are times."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping, if no key stands in it twice."""
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, name in enumerate(names):
            if name in names[:number]:
                line = node.value[number][0].start_mark.line + 1
                raise SpecError(f"this field is said twice, again in line {line}", str(name))
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> int:
        """A whole number: 010 is ten."""
        return int(node.value)


class _Dumper(yaml.SafeDumper):
    """Quotes what this or another reader would take for something else, times excepted."""


_Loader.yaml_implicit_resolvers = {}
_Dumper.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for sign, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
for _kind, (_pattern, _first) in _RESOLVERS.items():
    for _reader in (_Loader, _Dumper):
        _reader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)


def parse(text: str) -> Any:
    """What a text says. Raises SpecError."""
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise SpecError(f"this is no YAML: {' '.join(str(error).split())}") from None


def dump(said: Any) -> str:
    """A text that says it."""
    return str(yaml.dump(said, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
