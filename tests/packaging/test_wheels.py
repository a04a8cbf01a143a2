"""What is in the wheels: the packages as they are here, and nothing else."""

from __future__ import annotations

import email.message
import email.parser
import re
import zipfile
from pathlib import Path

import pytest

from tests.support.wheels import ROOT, SOURCES, build_wheels, project


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.ZipFile]:
    built = build_wheels(tmp_path_factory.mktemp("wheels"))
    return {name: zipfile.ZipFile(path) for name, path in built.items()}


def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    """The wheel's METADATA."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.parser.Parser().parsestr(wheel.read(name).decode())


def pins(path: Path) -> dict[str, str]:
    """The versions that a requirements file names."""
    return dict(re.findall(r"^([\w.-]+)==([^;\s]+)", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", SOURCES)
def test_a_wheel_holds_its_package_and_nothing_else(name: str, wheels: dict[str, zipfile.ZipFile]) -> None:
    """Every file of the package is in its wheel, byte by byte, and beside them only what installers need: no test, no
    cache, nothing that an editor left behind."""
    package = SOURCES[name] / name.replace("-", "_")
    there = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    looks = {".css", ".js"} if name == "rollbook-web" else set()
    assert {path.suffix for path in there if path.name != "py.typed"} <= {".py", ".pyi"} | looks
    wheel = wheels[name]
    info = {name for name in wheel.namelist() if ".dist-info/" in name}
    assert set(wheel.namelist()) - info == {str(path.relative_to(SOURCES[name])) for path in there}
    assert all(wheel.read(str(path.relative_to(SOURCES[name]))) == path.read_bytes() for path in there)
    scripts = {"entry_points.txt"} if "scripts" in project(name) else set()
    assert {name.partition("/")[2] for name in info} == {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"} | scripts
    (licence,) = (name for name in info if name.endswith("LICENSE"))
    assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_client_is_typed_and_generated(wheels: dict[str, zipfile.ZipFile]) -> None:
    """A type checker may read the client's types, and each proto has its module."""
    names = set(wheels["rollbook"].namelist())
    protos = [path.stem for path in (ROOT / "protos/rollbook/v1").glob("*.proto")]
    assert len(protos) > 5
    assert {f"rollbook/v1/{stem}_pb2.py{i}" for stem in protos for i in ("", "i")} <= names
    assert {f"rollbook/v1/{s}_pb2_grpc.py" for s in protos if s.endswith("_service")} <= names
    assert {"rollbook/py.typed", "rollbook/models.py", "rollbook/_client.py"} <= names


@pytest.mark.parametrize("name", SOURCES)
def test_a_wheel_says_what_it_is(name: str, wheels: dict[str, zipfile.ZipFile]) -> None:
    """Name, version, Python, licence and dependencies stand in the metadata as in pyproject.toml."""
    said, meant = metadata(wheels[name]), project(name)
    assert (said["Name"], said["Version"], said["Requires-Python"]) == (name, meant["version"], ">=3.11")
    assert (said["License-Expression"], said["License-File"]) == ("Apache-2.0", "LICENSE")
    extras = meant.get("optional-dependencies", {})
    meant_to_need = meant["dependencies"] + [f"{need}; extra=='{extra}'" for extra in extras for need in extras[extra]]
    assert sorted(map(plainly, said.get_all("Requires-Dist", []))) == sorted(map(plainly, meant_to_need))


def plainly(need: str) -> str:
    """A requirement in one spelling."""
    return need.replace(" ", "").replace('"', "'")


def test_a_bot_gets_three_libraries_with_the_client(wheels: dict[str, zipfile.ZipFile]) -> None:
    """The client needs grpcio, protobuf and googleapis-common-protos and nothing else, from the versions on that the
    floor's tests run with."""
    needed = [need for need in metadata(wheels["rollbook"]).get_all("Requires-Dist", []) if "extra ==" not in need]
    floors = dict(need.split(">=") for need in needed)
    assert set(floors) == {"googleapis-common-protos", "grpcio", "protobuf"}
    tested = pins(ROOT / "requirements-floor.txt")
    assert {name: f"{floor}.0" if floor.count(".") == 1 else floor for name, floor in floors.items()} == {
        name: tested[name] for name in floors
    }


def test_the_generator_is_not_newer_than_the_floor() -> None:
    """Generated code refuses a runtime older than its generator: both come from the same versions."""
    generator, floor = pins(ROOT / "protos/requirements.txt"), pins(ROOT / "requirements-floor.txt")
    assert generator["grpcio-tools"] == generator["grpcio"] == floor["grpcio"]
    assert generator["protobuf"] == floor["protobuf"]


def test_the_floor_is_tested_with_the_same_tools() -> None:
    """What both environments have besides the client's libraries is the same."""
    newest, floor = pins(ROOT / "requirements-dev.txt"), pins(ROOT / "requirements-floor.txt")
    libraries = {"googleapis-common-protos", "grpcio", "protobuf"}
    assert {name: newest.get(name) for name in floor.keys() - libraries} == {
        name: floor[name] for name in floor.keys() - libraries
    }
