"""What another engine made is shown as it is; a server that came to another one does not run it again in parts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from rollbook.v1 import backtest_pb2 as nouns
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook_server.domain.backtest.version import ENGINE_VERSION
from tests.support.lab import LabCaller, call_spec, calling, new_request_id, reason_of
from tests.support.server import RunningServer
from tests.support.shell import Shell

YESTERDAY = "of yesterday"
REFUSED = ("FAILED_PRECONDITION", "ENGINE_CHANGED")


def _made_by(lab_db: Path, engine: str) -> None:
    """Runs and sweeps are of this engine, while no server is there."""
    with closing(sqlite3.connect(lab_db)) as db, db:
        assert db.execute("UPDATE backtests SET engine = ?", (engine,)).rowcount > 0
        assert db.execute("UPDATE sweeps SET engine = ?", (engine,)).rowcount > 0


async def _exported(lab: LabCaller, backtest_id: str) -> bytes:
    request = pb.ExportTrainingDataRequest(
        backtest_id=backtest_id, rows=nouns.TRAINING_ROWS_CANDIDATES, format=nouns.TRAINING_FORMAT_CSV
    )
    return b"".join([message.data async for message in lab.backtests.ExportTrainingData(request)])


def _versions(error: grpc.aio.AioRpcError) -> dict[str, str]:
    """What the refusal says beside its reason."""
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    assert status.details[0].Unpack(info)
    return dict(info.metadata)


async def test_what_another_engine_made_is_not_run_again(tmp_path: Path) -> None:
    """After the server came to another engine, rows of an old run and reruns of an old sweep's points are refused, with
    both versions; status and report are there, under the engine that made them; the spec can be run anew, and its rows
    are given. With the old engine back all is as it was."""
    server, lab_db = RunningServer(tmp_path / "ledger.db"), tmp_path / "lab.db"
    with server:
        async with calling(server.target) as lab:
            spec = call_spec(await lab.bars(days=100))
            run = await lab.until((await lab.create(spec)).backtest_id)
            sweep = (await lab.swept((await lab.sweep(spec, {"exits.take_profit": ["0.5", "0.6"]})).sweep_id)).sweep
            assert run.engine_version == sweep.engine_version == ENGINE_VERSION
            before = await _exported(lab, run.backtest_id)
            assert before
        server.stop()
        _made_by(lab_db, YESTERDAY)
        server.start()
        async with calling(server.target) as lab:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await _exported(lab, run.backtest_id)
            assert reason_of(refused.value) == (*REFUSED, "backtest_id")
            said = {"field": "backtest_id", "made_by": YESTERDAY, "present": ENGINE_VERSION}
            assert _versions(refused.value) == said
            for version in (YESTERDAY, ENGINE_VERSION):
                assert version in str(refused.value.details())
            assert list((tmp_path / "lab.db.exports").glob("*")) == []
            old = await lab.get(run.backtest_id)
            assert (old.engine_version, old.result_digest) == (YESTERDAY, run.result_digest)
            report: Any = await lab.backtests.GetBacktestReport(
                pb.GetBacktestReportRequest(backtest_id=run.backtest_id)
            )
            assert YESTERDAY in report.html

            point, _ = await lab.points(sweep.sweep_id)
            again = pb.CreateBacktestRequest(
                request_id=new_request_id(), spec=point.spec, engine_version=old.engine_version
            )
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await lab.backtests.CreateBacktest(again)
            assert reason_of(refused.value) == (*REFUSED, "engine_version")
            shell = Shell(server.target, tmp_path / "pycache")
            told = shell.complaint("backtest", "sweep-rerun", sweep.sweep_id, "1", code=1)
            assert "ENGINE_CHANGED" in told
            assert YESTERDAY in told

            again.engine_version = ""
            anew = await lab.until((await lab.backtests.CreateBacktest(again)).backtest.backtest_id)
            assert anew.engine_version == ENGINE_VERSION
            assert await _exported(lab, anew.backtest_id)
        server.stop()
        _made_by(lab_db, ENGINE_VERSION)
        server.start()
        async with calling(server.target) as lab:
            assert await _exported(lab, run.backtest_id) == before
            again = pb.CreateBacktestRequest(
                request_id=new_request_id(), spec=point.spec, engine_version=sweep.engine_version
            )
            rerun = await lab.until((await lab.backtests.CreateBacktest(again)).backtest.backtest_id)
            assert rerun.result_digest == anew.result_digest


async def test_a_request_that_was_answered_stays_answered(tmp_path: Path) -> None:
    """A creation that names its engine and is sent again after the server came to another one gets the same run: what
    was accepted is not refused later."""
    server = RunningServer(tmp_path / "ledger.db")
    with server:
        async with calling(server.target) as lab:
            spec = call_spec(await lab.bars(days=40))
            request = pb.CreateBacktestRequest(request_id=new_request_id(), spec=spec, engine_version=ENGINE_VERSION)
            made = (await lab.backtests.CreateBacktest(request)).backtest
            request.engine_version = YESTERDAY
            assert (await lab.backtests.CreateBacktest(request)).backtest.backtest_id == made.backtest_id
            request.request_id = new_request_id()
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await lab.backtests.CreateBacktest(request)
            assert reason_of(refused.value) == (*REFUSED, "engine_version")
