"""Backtests over HTTP: started, followed, steered, read and taken away."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import httpx
import polars
import pytest

from rollbook import AsyncLab
from rollbook_web.shapes import shape
from tests.support.lab import SLOW, calling
from tests.support.page import PATIENCE, RunningPage, Said, events
from tests.support.server import RunningServer

NONE = type(None)
STATUS_KEYS: dict[str, Any] = {
    "running": bool,
    "progress_pct": float,
    "decisions_processed": int,
    "total_decisions": int,
    "current_time": (str, NONE),
    "recent_steps": list,
    "recent_chains": list,
    "metrics": (dict, NONE),
    "equity_curve": list,
    "error": (str, NONE),
}
LONG = 4000
"""Days of a run that is met in its middle."""
SHORT = 60
"""Days of a run that is waited for."""
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


@pytest.fixture(scope="module")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose runs can be stopped in their middle."""
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db", *SLOW) as running:
        yield running


@pytest.fixture(scope="module")
def lab_page(lab_server: RunningServer) -> Iterator[RunningPage]:
    with RunningPage(lab_server.target) as running:
        yield running
        assert running.stop() == 0
        assert running.complained == []


@pytest.fixture
async def http(lab_page: RunningPage) -> AsyncIterator[httpx.AsyncClient]:
    async with lab_page.asked() as client:
        yield client


@pytest.fixture
async def lab(lab_server: RunningServer) -> AsyncIterator[AsyncLab]:
    async with AsyncLab(lab_server.target) as lab:
        yield lab


@pytest.fixture
async def spec(lab_server: RunningServer) -> dict[str, Any]:
    """Covered calls on made-up bars; the same each time."""
    async with calling(lab_server.target) as caller:
        dataset_id = await caller.bars(days=SHORT)
    data = {"spot_dataset_id": dataset_id}
    return {"underlying": "BTC", "strategy": "COVERED_CALL", "style": "INVERSE", "data": data}


async def started(http: httpx.AsyncClient, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A run as it was queued."""
    answer = await http.post("/api/backtest/start", json={"spec": spec, **more})
    assert answer.status_code == 200, answer.text
    queued: dict[str, Any] = answer.json()
    return queued


async def told(http: httpx.AsyncClient, run_id: str, *states: str) -> Said:
    """The first event of a run in one of these states."""
    async with asyncio.timeout(PATIENCE), events(http, f"/api/backtest/stream?id={run_id}") as stream:
        async for said in stream:
            if said.name == "status" and said.data["state"] in states:
                return said
    raise AssertionError("the stream ended")


async def until_complete(stream: AsyncGenerator[Said, None]) -> Said:
    """The event with which all is told."""
    async for said in stream:
        if said.name == "complete":
            assert said.id
            return said
    raise AssertionError("the stream ended")


async def test_a_lab_without_runs(server: RunningServer, page: RunningPage) -> None:
    """Before the first run the status has all its keys, and says that nothing runs."""
    async with page.asked() as http:
        status = (await http.get("/api/backtest/status")).json()
        assert list(status)[: len(STATUS_KEYS)] == list(STATUS_KEYS)
        assert [name for name, kind in STATUS_KEYS.items() if not isinstance(status[name], kind)] == []
        assert (status["running"], status["id"], status["state"]) == (False, None, None)
        for path in ("stop", "pause", "resume"):
            answer = await http.post(f"/api/backtest/{path}")
            assert (answer.status_code, answer.json()["reason"]) == (409, "WHICH_RUN")


async def test_a_run_from_start_to_report(http: httpx.AsyncClient, lab: AsyncLab, spec: dict[str, Any]) -> None:
    """What was started is followed to its end by stream; status, lists, report and training data are those of the
    lab."""
    queued = await started(http, spec, request_id=(request_id := str(uuid.uuid4())))
    run_id = queued["id"]
    assert (queued["running"], queued["ids"]) == (True, [run_id])
    assert (await started(http, spec, request_id=request_id))["id"] == run_id
    end = await told(http, run_id, *ENDED)
    assert (end.data["state"], end.data["error"]) == ("SUCCEEDED", None)
    run = await lab.get_backtest(run_id)
    assert run.status is not None
    status = (await http.get("/api/backtest/status")).json()  # the newest
    assert (await http.get("/api/backtest/status", params={"id": run_id})).json() == status == end.data
    assert list(status)[: len(STATUS_KEYS)] == list(STATUS_KEYS)
    assert [name for name, kind in STATUS_KEYS.items() if not isinstance(status[name], kind)] == []
    assert (status["running"], status["progress_pct"]) == (False, 100.0)
    assert status["decisions_processed"] == status["total_decisions"] == run.status.decisions_total > 30
    assert status["recent_steps"] == shape(run.status.last_steps) != []
    assert status["recent_chains"] == shape(run.status.last_chains) != []
    assert status["metrics"] == shape(run.status.metrics)
    assert status["equity_curve"] == shape(run.status.equity)
    assert set(status["equity_curve"][0]) >= {"time", "equity_coin", "equity_usd", "hodl_coin", "hodl_usd"}

    assert (await http.get(f"/api/backtests/{run_id}")).json() == shape(run)
    listed = (await http.get("/api/backtests", params={"state": "SUCCEEDED", "page_size": 1})).json()
    assert [each["backtest_id"] for each in listed["backtests"]] == [run_id]
    for path, rows, every in (
        ("chains", "chains", [each async for each in lab.iterate_backtest_chains(run_id)]),
        ("steps", "steps", [each async for each in lab.iterate_steps(run_id)]),
        ("equity", "points", [each async for each in lab.iterate_equity_points(run_id)]),
    ):
        seen: list[Any] = []
        where: dict[str, Any] = {"page_size": 500}
        while True:
            answer = (await http.get(f"/api/backtests/{run_id}/{path}", params=where)).json()
            seen += answer[rows]
            if not answer["next_page_token"]:
                break
            where["page_token"] = answer["next_page_token"]
        assert seen == shape(every) != []

    report = await http.get(f"/api/backtests/{run_id}/download")
    assert (report.status_code, report.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert report.headers["content-disposition"] == f'attachment; filename="backtest_{run_id}.html"'
    assert report.text == await lab.get_backtest_report(run_id)

    deleted = await http.delete(f"/api/backtests/{run_id}")
    assert (deleted.status_code, list(deleted.json())) == (200, ["delete_time"])
    gone = await http.get(f"/api/backtests/{run_id}")
    assert (gone.status_code, gone.json()["reason"]) == (404, "BACKTEST_NOT_FOUND")


async def test_training_data(http: httpx.AsyncClient, lab: AsyncLab, spec: dict[str, Any]) -> None:
    """Each format and kind of rows is the lab's file, byte by byte, with its length and hash."""
    run_id = (await started(http, spec))["id"]
    early = await http.get(f"/api/backtests/{run_id}/training")
    assert early.status_code in (200, 409)
    await told(http, run_id, "SUCCEEDED")
    files: dict[tuple[str, str], bytes] = {}
    hashes = set()
    for rows, kind in (("EXAMPLES", "CSV"), ("EXAMPLES", "JSONL"), ("EXAMPLES", "PARQUET"), ("CANDIDATES", "CSV")):
        where = {"rows": rows, "format": kind}
        answer = await http.get(f"/api/backtests/{run_id}/training", params=where)
        assert answer.status_code == 200
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert kind.lower() in answer.headers["content-disposition"]
        files[rows, kind] = answer.content
        hashes.add(answer.headers["x-data-hash"])
    written = io.BytesIO()
    statistics = await lab.export_training_data(run_id, written.write)
    assert (len(hashes), statistics.data_hash in hashes) == (2, True)  # the same rows in each format
    assert files["EXAMPLES", "PARQUET"] == written.getvalue()
    table = list(csv.DictReader(io.StringIO(files["EXAMPLES", "CSV"].decode())))
    lines = [json.loads(line) for line in files["EXAMPLES", "JSONL"].splitlines()]
    frame = polars.read_parquet(io.BytesIO(files["EXAMPLES", "PARQUET"]))
    assert len(table) == len(lines) == frame.height == statistics.examples > 0
    assert len(files["CANDIDATES", "CSV"].splitlines()) > len(table)
    refused = await http.get(f"/api/backtests/{run_id}/training", params={"format": "XLSX"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "format")


async def test_steering(http: httpx.AsyncClient, lab_server: RunningServer, spec: dict[str, Any]) -> None:
    """Paused, resumed, stopped: by name, or without one while just one has not ended. Of several none is guessed; what
    has ended is refused with its reason."""
    async with calling(lab_server.target) as caller:
        long = {**spec, "data": {"spot_dataset_id": await caller.bars(days=LONG)}}
    one = (await started(http, long))["id"]
    await told(http, one, "RUNNING")
    assert (await http.post("/api/backtest/pause", json={})).json()["id"] == one
    paused = await told(http, one, "PAUSED")
    assert (paused.data["running"], paused.data["paused"]) == (True, True)
    other = (await started(http, long))["id"]
    unclear = await http.post("/api/backtest/stop")
    assert unclear.status_code == 409
    assert one in unclear.json()["detail"]
    assert other in unclear.json()["detail"]
    assert (await http.post("/api/backtest/stop", json={"id": other})).status_code == 200
    await told(http, other, "CANCELLED")
    assert (await http.post("/api/backtest/resume", json={"id": one})).status_code == 200
    await told(http, one, "RUNNING", "SUCCEEDED")
    early = await http.get(f"/api/backtests/{one}/download")
    assert early.status_code in (200, 409)
    await http.post("/api/backtest/stop", json={"id": one})
    await told(http, one, *ENDED)
    late = await http.post("/api/backtest/pause", json={"id": one})
    assert (late.status_code, late.json()["reason"], late.json()["code"]) == (
        409,
        "BACKTEST_ENDED",
        "FAILED_PRECONDITION",
    )


async def test_both_exit_styles(http: httpx.AsyncClient, spec: dict[str, Any]) -> None:
    """The old form's "both" queues two runs of one group."""
    queued = await started(http, {**spec, "exit_style": "both"})
    assert len(set(queued["ids"])) == 2
    listed = (await http.get("/api/backtests", params={"group_id": queued["group_id"]})).json()["backtests"]
    assert sorted(each["backtest_id"] for each in listed) == sorted(queued["ids"])
    assert {each["spec"]["exit_style"] for each in listed} == {"HOLD_TO_EXPIRY", "TP_AND_ROLL"}
    for run_id in queued["ids"]:
        await http.delete(f"/api/backtests/{run_id}")


async def test_a_spec_that_was_read_can_be_started(http: httpx.AsyncClient, spec: dict[str, Any]) -> None:
    """What a run shows as its spec, nulls included, makes the same run again."""
    first = await started(http, spec)
    again = await started(http, first["spec"])
    assert (again["run_digest"], again["spec"]) == (first["run_digest"], first["spec"])
    assert again["id"] != first["id"]
    for run in (first, again):
        await http.delete(f"/api/backtests/{run['id']}")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[]", ""),
        (b'{"spec": {}, "spec": {}}', "body"),
        (b"{}", "spec"),
        (b'{"spec": {"underlying": "BTC", "colour": 1}}', "spec.colour"),
        (b'{"spec": {"selection": {"min_delta": "x"}}}', "spec.selection.min_delta"),
        (b'{"spec": {}, "request": "x"}', "request"),
        (b'{"spec": {}, "group_id": 7}', "group_id"),
    ],
)
async def test_a_body_that_makes_no_sense(body: bytes, field: str, http: httpx.AsyncClient) -> None:
    """Nothing is queued, and the field at fault is named."""
    answer = await http.post("/api/backtest/start", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_what_the_lab_refuses(http: httpx.AsyncClient, spec: dict[str, Any]) -> None:
    """The server's own refusals come with status, reason and field; a body without an end is not read."""
    data = {"spot_dataset_id": "bars-of-nobody"}
    for more, status, reason in (
        ({"spec": {**spec, "selection": {"min_delta": 3.0}}}, 400, "OUT_OF_BOUNDS"),
        ({"spec": {**spec, "data": data}}, 404, "DATASET_NOT_FOUND"),
        ({"spec": spec, "request_id": "no uuid"}, 400, "MALFORMED_TEXT"),
    ):
        answer = await http.post("/api/backtest/start", json=more)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason), answer.text
        assert answer.json()["errors"][0]["field"]
    answer = await http.post("/api/backtest/start", json={"spec": spec, "group_id": "x" * 2_000_000})
    assert answer.status_code == 413


async def test_the_stream_goes_on_where_it_was(http: httpx.AsyncClient, lab: AsyncLab, spec: dict[str, Any]) -> None:
    """With the last id only what changed since is told; a foreign id begins anew and says so."""
    kept = (await started(http, spec))["id"]
    await told(http, kept, *ENDED)
    async with asyncio.timeout(PATIENCE):
        async with events(http, "/api/backtest/stream") as stream:
            begun = await anext(stream)
            assert (begun.name, begun.data) == ("reset", {"reason": None})
            last = await until_complete(stream)
        new = (await started(http, spec))["id"]
        await told(http, new, *ENDED)
        async with events(http, "/api/backtest/stream", last.id) as stream:
            missed = await anext(stream)
            assert (missed.name, missed.data["id"], missed.data["state"]) == ("status", new, "SUCCEEDED")
            await until_complete(stream)
            await http.delete(f"/api/backtests/{new}")
            gone = await anext(stream)
            assert (gone.name, gone.data["id"]) == ("deleted", new)
        for last_id in ("nonsense", f"{uuid.uuid4()}:1", last.id.partition(":")[0] + ":99999999"):
            async with events(http, "/api/backtest/stream", last_id) as stream:
                again = await anext(stream)
                assert (again.name, bool(again.data["reason"])) == ("reset", True)
                assert (await anext(stream)).name == "status"
    answer = await http.get("/api/backtests", params={"page_size": 1})
    assert answer.status_code == 200


async def test_a_run_that_is_not_there(http: httpx.AsyncClient) -> None:
    """A stream of no run says what is wrong and ends, so that the browser's next attempt is told the same."""
    async with asyncio.timeout(PATIENCE), events(http, "/api/backtest/stream?id=nobody") as stream:
        said = [each async for each in stream]
    assert [each.name for each in said] == ["reset", "problem"]
    assert (said[-1].data["status"], said[-1].data["reason"]) == (404, "BACKTEST_NOT_FOUND")
