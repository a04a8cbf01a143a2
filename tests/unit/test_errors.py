"""One table from refusals to statuses: the class tree, the proto enum, its comments and every raise agree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

import rollbook.errors
import rollbook_server
from rollbook.v1 import error_reason_pb2
from rollbook_server.domain import errors
from rollbook_server.domain.errors import Reason
from rollbook_server.rpc.errors import CODES, CODES_BY_NAME, DOMAIN, refusal_message, status_of

ROOT = Path(__file__).parents[2]
PREFIX = "ERROR_REASON_"


def tree(kind: type[errors.Refusal]) -> Iterator[type[errors.Refusal]]:
    """All refusals below a class."""
    for child in kind.__subclasses__():
        yield child
        yield from tree(child)


def said_codes() -> dict[str, str]:
    """Reason to code, as the comments of the proto say it."""
    text = (ROOT / "protos/rollbook/v1/error_reason.proto").read_text()
    return {reason: code for code, reason in re.findall(r"// ([A-Z_]+): .*\n\s+ERROR_REASON_(\w+) =", text)}


def raises() -> list[tuple[str, str, str]]:
    """Every (place, class, reason) with which the server makes a refusal."""
    found = []
    folder = Path(rollbook_server.__file__).parent
    classes = {kind.__name__ for kind in tree(errors.Refusal)}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            reason = node.args[0]
            if name in classes and isinstance(reason, ast.Attribute) and isinstance(reason.value, ast.Name):
                found.append((f"{path.relative_to(folder)}:{node.lineno}", name, reason.attr))
    return found


def test_every_refusal_has_its_code() -> None:
    """Each class of the tree stands in the table, with a code of its own, and nothing else stands there."""
    assert set(CODES) == set(tree(errors.Refusal))
    assert len(set(CODES.values())) == len(CODES)
    assert {name: code.name for name, code in CODES_BY_NAME.items()} == {
        kind.__name__: re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).upper() for kind in CODES
    }


def test_no_refusal_is_an_accident() -> None:
    """A client's mistake is never INTERNAL or UNKNOWN."""
    assert not {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.OK} & set(CODES.values())


def test_the_tree_of_refusals_is_the_drawn_one() -> None:
    """The drawing at the top of the module shows all refusals."""
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    assert drawn == [kind.__name__ for kind in tree(errors.Refusal)]


def test_the_reasons_are_those_of_the_api() -> None:
    """The domain's reasons are the API's, by name, with nothing left over on either side."""
    named = {value.name.removeprefix(PREFIX) for value in error_reason_pb2.ErrorReason.DESCRIPTOR.values}
    assert named - {"UNSPECIFIED"} == {reason.value for reason in Reason} == set(Reason.__members__)


def test_every_reason_is_raised_with_the_code_that_the_api_says() -> None:
    """The proto's comment of a reason names its code: whoever raises it raises that."""
    said = said_codes()
    assert set(said) == set(Reason.__members__)
    places = raises()
    assert len(places) > 50
    wrong = [(place, kind, reason) for place, kind, reason in places if CODES_BY_NAME[kind].name != said[reason]]
    assert wrong == []


def test_the_client_has_a_class_for_every_code() -> None:
    """A bot meets each refusal as an error of its own class, named alike."""
    for kind, code in CODES.items():
        assert rollbook.errors.CLASSES[code].__name__ == kind.__name__


@pytest.mark.parametrize("kind", list(CODES), ids=lambda kind: kind.__name__)
def test_a_refusal_as_a_status(kind: type[errors.Refusal]) -> None:
    """A status carries ErrorInfo with reason, domain and metadata, and BadRequest with the field; an item of a batch
    carries the same."""
    refusal = kind(Reason.CONTRADICTION, "a sentence", "fills[0].price", {"more": "x"})
    status = status_of(refusal)
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert (status.code, status.message) == (CODES[kind].value[0], "a sentence")
    assert (info.reason, info.domain) == ("CONTRADICTION", DOMAIN)
    assert dict(info.metadata) == {"more": "x", "field": "fills[0].price"}
    assert [violation.field for violation in bad.field_violations] == ["fills[0].price"]
    item = refusal_message(refusal)
    assert (item.code, item.reason, item.field) == (status.code, "CONTRADICTION", "fills[0].price")
    assert item.metadata["more"] == "x"


def test_a_refusal_without_a_field() -> None:
    """Without a field there is no BadRequest."""
    status = status_of(errors.NotFound(Reason.POSITION_NOT_FOUND, "a sentence"))
    assert len(status.details) == 1
