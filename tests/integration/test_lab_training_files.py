"""Training data that a server writes when a run succeeds: names, contents, the card, and what a kill leaves."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rollbook.v1 import backtest_pb2 as nouns
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1.execution_pb2 import STRATEGY_KIND_WHEEL
from rollbook.v1.instrument_pb2 import CONTRACT_STYLE_LINEAR
from rollbook_server.domain.backtest.training_schema import COLUMNS
from tests.support.lab import LabCaller, call_spec, calling
from tests.support.server import RunningServer

SUCCEEDED = nouns.BACKTEST_STATE_SUCCEEDED
ROWS = {"training_dataset": nouns.TRAINING_ROWS_EXAMPLES, "training_candidates": nouns.TRAINING_ROWS_CANDIDATES}
NAME = re.compile(
    r"(training_dataset|training_candidates)_BTC_20210101_20210720_(TP_AND_ROLL|HOLD_TO_EXPIRY)_"
    r"\d{8}T\d{6}Z-[0-9a-f]{8}\.(csv|jsonl|parquet|md)"
)


def _server(tmp_path: Path, **env: str) -> RunningServer:
    """One that writes what its environment says."""
    settings = {"ROLLBOOK_SAVE_TRAINING_DATA": "true", "ROLLBOOK_TRAINING_DATA_DIR": str(tmp_path / "data"), **env}
    return RunningServer(tmp_path / "ledger.db", env=settings)


async def _run(lab: LabCaller, days: int = 200, **spec: Any) -> Any:
    return await lab.until((await lab.create(call_spec(await lab.bars(days=days), **spec))).backtest_id)


async def _exported(lab: LabCaller, backtest_id: str, rows: Any) -> tuple[bytes, Any]:
    request = pb.ExportTrainingDataRequest(backtest_id=backtest_id, rows=rows, format=nouns.TRAINING_FORMAT_CSV)
    messages = [message async for message in lab.backtests.ExportTrainingData(request)]
    return b"".join(message.data for message in messages), messages[-1].statistics


def _whole(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name, each read to its end: half a file would not be readable, or short of rows."""
    files = {each.name: each.read_bytes() for each in folder.iterdir() if not each.name.startswith(".")}
    for name, content in files.items():
        if name.endswith(".parquet"):
            pl.read_parquet(content)
        else:
            assert content.endswith(b"\n")
    return files


async def test_two_runs_write_two_sets_of_files(tmp_path: Path) -> None:
    """A run that has succeeded has its rows and its candidates in three formats with the bytes of an export, and a card
    with the figures and hashes of each; another one of the same spec has files of its own."""
    with _server(tmp_path) as server:
        async with calling(server.target) as lab:
            runs = [await _run(lab) for _ in range(2)]
            files = _whole(tmp_path / "data")
            assert len(files) == 16
            for run in runs:
                assert run.status.state == SUCCEEDED
                for kind, rows in ROWS.items():
                    own = [name for name in files if run.backtest_id[:8] in name and name.startswith(kind)]
                    assert all(NAME.fullmatch(name) for name in own)
                    by_end = {name.rpartition(".")[2]: name for name in own}
                    assert set(by_end) == {"csv", "jsonl", "parquet", "md"}
                    exported, told = await _exported(lab, run.backtest_id, rows)
                    assert files[by_end["csv"]] == exported
                    table = pl.read_parquet(files[by_end["parquet"]])
                    assert table.columns == [each.name for each in COLUMNS]
                    lines = [json.loads(line) for line in files[by_end["jsonl"]].splitlines()]
                    assert lines == table.to_dicts()
                    card = files[by_end["md"]].decode()
                    assert told.data_hash in card
                    assert run.run_digest in card
                    assert f"| rows | {told.examples:,} |" in card
                    assert all(f"| {each.name} | {each.type} |" in card for each in COLUMNS)
                    for end in ("csv", "jsonl", "parquet"):
                        assert hashlib.sha256(files[by_end[end]]).hexdigest() in card


async def test_nothing_is_written_unless_asked_for(tmp_path: Path) -> None:
    """Without the setting there are no files, a run that was cancelled has none either, and nor has a wheel: it
    succeeds, and the log says why."""
    with _server(tmp_path, ROLLBOOK_SAVE_TRAINING_DATA="false") as server:
        async with calling(server.target) as lab:
            assert (await _run(lab)).status.state == SUCCEEDED
    assert not (tmp_path / "data").exists()
    with _server(tmp_path, ROLLBOOK_LAB_PART="0.000001") as server:
        async with calling(server.target) as lab:
            run = await lab.create(call_spec(await lab.bars(days=4000)))
            await lab.backtests.CancelBacktest(pb.CancelBacktestRequest(backtest_id=run.backtest_id))
            await _run(lab, days=30)
            wheel = await _run(lab, days=30, strategy=STRATEGY_KIND_WHEEL, style=CONTRACT_STYLE_LINEAR)
            assert wheel.status.state == SUCCEEDED
        said = [json.loads(line) for line in server.lines if "training_data_not_written" in line]
    assert [(each["backtest_id"], "wheel" in each["error"]) for each in said] == [(wheel.backtest_id, True)]
    without = (run.backtest_id[:8], wheel.backtest_id[:8])
    assert not [each for each in (tmp_path / "data").iterdir() if any(name in each.name for name in without)]


async def test_a_folder_that_cannot_be_written_costs_no_run(tmp_path: Path) -> None:
    """The run succeeds all the same, and the log says why there are no files."""
    (tmp_path / "data").write_text("a file is no folder")
    with _server(tmp_path) as server:
        async with calling(server.target) as lab:
            assert (await _run(lab)).status.state == SUCCEEDED
        said = [json.loads(line) for line in server.lines if "training_data_not_written" in line]
    assert len(said) == 1
    assert "exists" in said[0]["error"]


def _await_file(folder: Path, pattern: str) -> None:
    """Waits until a file under way has some of its bytes."""
    end = time.monotonic() + 60
    while not any(each.stat().st_size for each in folder.glob(pattern)):
        assert time.monotonic() < end
        os.sched_yield()


@pytest.mark.parametrize(("under_way", "there"), [(".training_dataset_*.part", 0), (".training_candidates_*.part", 4)])
async def test_a_kill_leaves_no_half_file(under_way: str, there: int, tmp_path: Path) -> None:
    """A server that is killed while it writes leaves whole files or none; the run goes on after its next start, and
    then all files are there, those from before with the same bytes, and nothing else."""
    data = tmp_path / "data"
    with _server(tmp_path) as server:
        async with calling(server.target) as lab:
            spec = call_spec(await lab.bars(days=1500), decision_interval_hours=2)
            run = await lab.create(spec)
            await asyncio.to_thread(_await_file, data, under_way)
            server.kill()
        assert list(data.glob(under_way))
        before = _whole(data)
        assert len(before) == there
        server.start()
        async with calling(server.target) as lab:
            assert (await lab.until(run.backtest_id)).status.state == SUCCEEDED
        after = _whole(data)
        assert len(after) == 8
        assert {name: after[name] for name in before} == before
        assert sorted(each.name for each in data.iterdir()) == sorted(after)
        assert list((tmp_path / "lab.db.exports").iterdir()) == []
