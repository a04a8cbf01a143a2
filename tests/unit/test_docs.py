"""The documents say what is there: the API in full, files and headings that exist, the server's layers and tables."""

from __future__ import annotations

import importlib
import pkgutil
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

import rollbook.errors
import rollbook.v1
import rollbook_server
from rollbook_server.storage import lab_schemas, schemas

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Folders that begin with a dot are environments and caches.
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for top in ROOT.glob("[!.]*/") for path in top.rglob("*.md"))])
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
FILES = [
    importlib.import_module(f"rollbook.v1.{module.name}").DESCRIPTOR
    for module in pkgutil.iter_modules(rollbook.v1.__path__)
    if module.name.endswith("_pb2")
]


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def headings(path: Path) -> list[str]:
    """The texts of a document's headings."""
    return re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """The addresses that a document's headings have on GitHub and most other readers."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in headings(path):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)).lower().replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def links(path: Path) -> list[tuple[str, str]]:
    """Text and target of a document's links, those within code left out."""
    return re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "code", prose(path)))


def section(path: Path, heading: str) -> str:
    """What stands below a heading, up to the next one of any level."""
    _, _, rest = prose(path).partition(f"# {heading}\n")
    assert rest, f"{path.name} has no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The rows of the Markdown tables in a text, without their heads."""
    for table in re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


# -- the API ------------------------------------------------------------------------------------------------------


def spelled(field: Any) -> str:
    """A field's type as docs/api.md names it."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        return f"map of {spelled(key)} to {spelled(value)}"
    named = field.message_type or field.enum_type
    kind = named.name if named is not None else TYPES[field.type]
    if field.is_repeated:
        return f"repeated {kind}"
    hidden = field.containing_oneof is not None and field.containing_oneof.name == f"_{field.name}"
    return f"optional {kind}" if hidden else kind


TYPES = {
    number: name.removeprefix("TYPE_").lower() for name, number in vars(FieldDescriptor).items() if name[:5] == "TYPE_"
}


def of_the_descriptors() -> dict[str, list[tuple[str, ...]]]:
    """What the installed rollbook.v1 holds, by name: calls with their types, fields, values."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for file in FILES:
        for service in file.services_by_name.values():
            found[service.name] = []
            for call in service.methods:
                stream = "stream of " if call.server_streaming else ""
                found[call.name] = [(f"{call.input_type.name} → {stream}{call.output_type.name}",)]
        for message in file.message_types_by_name.values():
            found[message.name] = [(str(field.number), field.name, spelled(field)) for field in message.fields]
        for enum in file.enum_types_by_name.values():
            found[enum.name] = [(str(value.number), value.name) for value in enum.values]
    return found


def of_the_document() -> dict[str, list[tuple[str, ...]]]:
    """The same as docs/api.md tells it."""
    found: dict[str, list[tuple[str, ...]]] = {}
    text = re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", (DOCS / "api.md").read_text())
    for part in re.split(r"^###", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        calls = re.findall(r"^(?:stream of )?\w+ → (?:stream of )?\w+$", body, re.MULTILINE)
        cells = [[cell.strip("`") for cell in row] for row in rows(body)]
        *_, name = heading.split()
        assert name not in found
        assert all(row[-1] for row in cells), f"{name}: a row without a comment"
        found[name] = [(call,) for call in calls] + [tuple(row[:-1]) for row in cells]
    return found


def test_the_api_is_told_in_full() -> None:
    """docs/api.md names each service, call, message, field, enum and value with its number and type, and none that is
    not there."""
    assert of_the_document() == of_the_descriptors()


# -- links --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Every link of a document to a file or a heading of this repository leads to one that is there."""
    dead = []
    for _, target in links(path):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        known = anchors(there) if there.suffix == ".md" and there.is_file() else set()
        if not there.is_relative_to(ROOT) or not there.exists() or (anchor and anchor not in known):
            dead.append(target)
    assert dead == []


def test_every_decision_is_in_the_index() -> None:
    """The index links each decision under its title, in their order, and numbers have no gaps."""
    listed = [link for link in links(DOCS / "decisions/README.md") if link[1][0].isdigit()]
    assert listed == [(headings(path)[0], path.name) for path in DECISIONS]
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    assert all(headings(path)[0].startswith(f"{path.name[:4]}. ") for path in DECISIONS)


# -- what is written down beside the code ---------------------------------------------------------------------------


def test_the_layers_are_those_of_the_linter() -> None:
    """The layers of docs/architecture.md, top down, are those that import-linter holds and that have a module."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    server = Path(rollbook_server.__file__).parent
    held = []
    for layer in layers:
        names = re.findall(r"\w+", layer)
        held.append([name for name in names if (server / name).is_dir() or (server / f"{name}.py").is_file()])
    told = [re.findall(r"`(\w+)`", row[0]) for row in rows(section(DOCS / "architecture.md", "Layers"))]
    assert told == [names for names in held if names]


def test_the_tables_are_those_of_the_schema() -> None:
    """docs/architecture.md puts each table of the database into one of its three kinds, or beside them."""
    made = re.findall(r"CREATE TABLE (\w+)", Path(schemas.__file__).read_text())
    kinds = rows(section(DOCS / "architecture.md", "Three kinds of tables"))
    told = {row[0]: re.findall(r"`(\w+)`", row[1]) for row in kinds}
    assert set(told["projections"]) == set(schemas.PROJECTIONS)
    assert sorted(name for names in told.values() for name in names) == sorted(made)


def test_the_labs_tables_are_those_of_its_schema() -> None:
    """docs/architecture.md names each table of lab.db."""
    made = re.findall(r"CREATE TABLE (\w+)", Path(lab_schemas.__file__).read_text())
    kinds = rows(section(DOCS / "architecture.md", "The lab's tables"))
    told = [name for row in kinds for name in re.findall(r"`(\w+)`", row[1])]
    assert sorted(told) == sorted(made)


def test_every_error_is_explained() -> None:
    """docs/clients.md says of each error of the client what to do about it."""
    told = {name for row in rows(section(DOCS / "clients.md", "Errors")) for name in re.findall(r"`(\w+)`", row[0])}
    assert told == {kind.__name__ for kind in rollbook.errors.CLASSES.values()}
