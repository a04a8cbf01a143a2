"""`rollbook record FILE.json`: what a bot executed, from a file."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict

from rollbook.cli import flags
from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.documents import check_decimals, parse, read_json
from rollbook.cli.failures import REFUSED, Stop, refusal_text
from rollbook.cli.figures import count
from rollbook.cli.tables import Column, Page
from rollbook.errors import from_refusal
from rollbook.models import ExecutionResult, RecordedExecution, RecordExecutionResponse, RecordExecutionsResponse
from rollbook.v1 import execution_pb2

CONTENT = uuid.UUID("9f5c1f0e-6b1d-5c55-8a53-0d1b6f0a7c11")
"""Namespace of the request_ids that are made from content. Another one would count every old file again."""
MOST, LARGEST = 500, 3_000_000
"""Executions and bytes of one call; the server takes 500 and 4 MiB."""


def record_file(session: Session, file: Path) -> None:
    """Reads, sends and prints."""
    said = read_json(file)
    name = "stdin" if str(file) == "-" else file.name
    if isinstance(said, list):
        _record_list(session, [_execution(each, session, f"{name}[{place}]") for place, each in enumerate(said)])
    else:
        _record_one(session, _execution(said, session, name))


def _execution(said: Any, session: Session, where: str) -> ExecutionResult:
    """The execution that the JSON says, with its account, and with a request_id if it has none."""
    message = parse(said, execution_pb2.ExecutionResult(), where)
    if not message.account:
        session.needs_account(f', or write "account" into {where}')
        message.account = session.account
    if not message.request_id:
        message.request_id = content_id(message)
    execution = ExecutionResult.from_proto(message)
    check_decimals(execution, where)
    return execution


def content_id(message: execution_pb2.ExecutionResult) -> str:
    """A request_id that hangs on what the execution says, its account included, and on nothing else: the same file sent
    twice counts once.
    """
    content = MessageToDict(message, preserving_proto_field_name=True)
    return str(uuid.uuid5(CONTENT, json.dumps(content, sort_keys=True, separators=(",", ":"))))


def _record_one(session: Session, execution: ExecutionResult) -> None:
    with session.client() as client:
        answer = client.record_execution(execution)
    if session.json:
        print_json(answer)
        return
    page = Page()
    page.line(f"Recorded {_where(answer)}.")
    page.notes([f"request_id {execution.request_id}", *flags.flag_lines(answer.flags), *_dropped(answer)])


def _where(answer: RecordExecutionResponse) -> str:
    chain = f"in {answer.position_id}" if answer.position_id else "without a chain, for nothing was opened,"
    return f"{chain} at revision {answer.revision}"


def _dropped(answer: RecordExecutionResponse) -> list[str]:
    return [f"Known before: {', '.join(answer.dropped_trade_ids)}."] if answer.dropped_trade_ids else []


def _record_list(session: Session, executions: Sequence[ExecutionResult]) -> None:
    if not executions:
        raise Stop("the list is empty — nothing was sent")
    _check_twins(executions)
    results: list[RecordedExecution] = []
    revision = 0
    with session.client() as client:
        for part in _calls(executions):
            answer = client.record_executions(part)
            results += answer.results
            revision = max(revision, answer.revision)
    if session.json:
        print_json(RecordExecutionsResponse(revision=revision, results=tuple(results)))
    else:
        _table(executions, results)
    refused = sum(result.refused is not None for result in results)
    if refused:
        raise Stop(
            f"{refused} of {count(len(results), 'execution')} refused — `rollbook refused` keeps them: correct them, "
            "and send them again with the same request_id",
            REFUSED,
        )


def _check_twins(executions: Iterable[ExecutionResult]) -> None:
    """Two that say the same would get one request_id and count once, which nobody may have meant."""
    seen: dict[str, int] = {}
    for place, execution in enumerate(executions):
        first = seen.setdefault(execution.request_id, place)
        if first != place:
            raise Stop(
                f"executions {first} and {place} have one request_id, or say the same and have none: give each a "
                "request_id of its own, or take one out — nothing was sent"
            )


def _calls(executions: Iterable[ExecutionResult]) -> Iterator[list[ExecutionResult]]:
    """As many executions as fit into a call."""
    part: list[ExecutionResult] = []
    size = 0
    for execution in executions:
        bytes_more = execution.to_proto().ByteSize()
        if part and (len(part) == MOST or size + bytes_more > LARGEST):
            yield part
            part, size = [], 0
        part.append(execution)
        size += bytes_more
    yield part


def _table(executions: Sequence[ExecutionResult], results: Sequence[RecordedExecution]) -> None:
    answers = [result.recorded or RecordExecutionResponse() for result in results]
    page = Page()
    page.table(
        [
            Column("#", [str(place) for place in range(len(results))], figure=True),
            Column("", ["refused" if result.refused else "recorded" for result in results]),
            Column("Position", [answer.position_id for answer in answers], folds=True),
            Column("Rev", [str(answer.revision or "") for answer in answers], figure=True),
            Column("Flags", [", ".join(answer.flags) for answer in answers], folds=True),
            Column("request_id", [execution.request_id for execution in executions]),
        ]
    )
    page.notes(flags.flag_lines(dict.fromkeys(flag for answer in answers for flag in answer.flags)))
    for place, (execution, result) in enumerate(zip(executions, results, strict=True)):
        if result.refused:
            error = from_refusal(result.refused, execution)
            page.lines(f"{place} {refusal_text(error)}")
