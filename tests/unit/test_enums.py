"""The API's enums and the domain's are the same, name by name."""

import enum
import importlib
import pkgutil
from typing import Any

import pytest

import rollbook.v1
from rollbook.v1 import execution_pb2
from rollbook_server.domain.executions import Mode
from rollbook_server.rpc.enums import ENUMS, enum_map, match_enum

API = {
    found.full_name: found
    for module in pkgutil.iter_modules(rollbook.v1.__path__)
    if module.name.endswith("_pb2")
    for found in importlib.import_module(f"rollbook.v1.{module.name}").DESCRIPTOR.enum_types_by_name.values()
}
ONLY_ASKED = {"rollbook.v1.ChainOrder", "rollbook.v1.SweepOrder"}
"""Said in requests and kept nowhere: the domain needs no name for it."""


def test_every_enum_of_the_api_has_its_match() -> None:
    """No enum of the API is forgotten."""
    assert set(API) == set(ENUMS) | ONLY_ASKED


@pytest.mark.parametrize("name", sorted(ENUMS))
def test_an_enum_goes_there_and_back(name: str) -> None:
    """Each value has its member and each member its number; zero has none."""
    matched = ENUMS[name]
    assert set(matched.members) == {value.number for value in API[name].values} - {0}
    assert {number: matched.numbers[member] for number, member in matched.members.items()} == {
        number: number for number in matched.members
    }


@pytest.mark.parametrize("name", sorted(API))
def test_zero_is_unspecified(name: str) -> None:
    """Zero is X_UNSPECIFIED, and all values carry the enum's name."""
    prefix = API[name].values_by_number[0].name.removesuffix("UNSPECIFIED")
    assert prefix.replace("_", "").lower() == API[name].name.lower()
    assert all(value.name.startswith(prefix) for value in API[name].values)


class _More(enum.StrEnum):
    LIVE = "LIVE"
    DRY_RUN = "DRY_RUN"
    PAPER = "PAPER"


class _Fewer(enum.StrEnum):
    LIVE = "LIVE"


@pytest.mark.parametrize("kind", [_More, _Fewer])
def test_a_difference_is_an_error_at_start(kind: Any) -> None:
    """An enum that has what the other lacks stops the server at its start, not at the first such value."""
    with pytest.raises(ValueError, match=r"rollbook\.v1\.Mode"):
        match_enum(execution_pb2.Mode.DESCRIPTOR, kind)


def test_a_match_by_name() -> None:
    """The match is found by the enum's short name."""
    assert enum_map("Mode").members[execution_pb2.MODE_DRY_RUN] is Mode.DRY_RUN
