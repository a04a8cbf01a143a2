"""The table from gRPC's statuses to HTTP's, and how a problem is written."""

from __future__ import annotations

import json
from http import HTTPStatus

import grpc
import pytest

from rollbook import LedgerError
from rollbook.errors import CLASSES
from rollbook_web.problems import MEDIA_TYPE, STATUSES, Problem, problem_of

MEANT = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "FAILED_PRECONDITION": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 503,
    "OUT_OF_RANGE": 410,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 502,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
}


def test_every_code_of_grpc_has_a_status() -> None:
    """No error of the client, today's or a later one's, falls out of the table; none is told as a success."""
    assert set(STATUSES) == {code.name for code in grpc.StatusCode}
    assert all(400 <= status < 600 and HTTPStatus(status).phrase for status in STATUSES.values())
    assert {name: STATUSES[name] for name in MEANT} == MEANT


@pytest.mark.parametrize("code", grpc.StatusCode, ids=lambda code: code.name)
def test_a_problem_says_what_the_error_says(code: grpc.StatusCode) -> None:
    """Reason, field, metadata and code come through; what may pass by itself says when to ask again."""
    kind = CLASSES.get(code, LedgerError)
    problem = problem_of(kind("no", code=code, reason="WHY", field="a[0].b", metadata={"x": "y"}))
    assert problem.status_code == STATUSES[code.name]
    assert problem.headers["content-type"] == MEDIA_TYPE
    assert json.loads(bytes(problem.body)) == {
        "type": "about:blank",
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": "no",
        "reason": "WHY",
        "errors": [{"field": "a[0].b", "detail": "no"}],
        "code": code.name,
        "metadata": {"x": "y"},
    }
    assert ("retry-after" in problem.headers) is (problem.status_code in (429, 503))


def test_a_plain_problem_is_no_longer_than_it_has_to_be() -> None:
    """What there is nothing to say of is left out."""
    assert set(json.loads(bytes(Problem(404, "no").body))) == {"type", "title", "status", "detail"}
