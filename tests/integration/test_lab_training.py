"""Training data over gRPC: three formats of one table, its figures, what is refused, and what a kill leaves."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import polars as pl
import pytest

from rollbook.v1 import backtest_pb2 as nouns
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook_server.domain.backtest.training_schema import COLUMNS
from tests.support.lab import LabCaller, call_spec, calling, reason_of
from tests.support.server import RunningServer

CSV, JSONL, PARQUET = nouns.TRAINING_FORMAT_CSV, nouns.TRAINING_FORMAT_JSONL, nouns.TRAINING_FORMAT_PARQUET
EXAMPLES, CANDIDATES = nouns.TRAINING_ROWS_EXAMPLES, nouns.TRAINING_ROWS_CANDIDATES


def _read_jsonl(text: io.BytesIO) -> pl.DataFrame:
    """As polars' own reader loses the order of the columns."""
    return pl.DataFrame([json.loads(line) for line in text])


READERS: dict[Any, Any] = {CSV: pl.read_csv, JSONL: _read_jsonl, PARQUET: pl.read_parquet}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db") as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


async def _export(lab: LabCaller, backtest_id: str, rows: Any = CANDIDATES, kind: Any = CSV) -> tuple[bytes, Any, int]:
    """The file, what is told of it, and how many messages of progress there were."""
    data, told, progress = b"", None, 0
    request = pb.ExportTrainingDataRequest(backtest_id=backtest_id, rows=rows, format=kind)
    async for message in lab.backtests.ExportTrainingData(request):
        assert told is None
        data += message.data
        progress += message.HasField("progress")
        assert not (message.HasField("progress") and data)
        told = message.statistics if message.HasField("statistics") else None
    assert told is not None
    return data, told, progress


async def _ended(lab: LabCaller, **spec: Any) -> Any:
    return await lab.until((await lab.create(call_spec(await lab.bars(days=200), **spec))).backtest_id)


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """With the types that the schema says, as CSV and JSON know numbers and texts only."""
    types = {"str": pl.String, "i4": pl.Int32, "i8": pl.Int64, "f8": pl.Float64}
    return frame.cast({each.name: types[each.type] for each in COLUMNS})


@pytest.mark.parametrize("rows", [EXAMPLES, CANDIDATES])
async def test_three_formats_hold_the_same_rows(lab: LabCaller, rows: Any) -> None:
    """CSV, JSONL and Parquet have the columns of the schema in its order, no value is missing, all rows are equal to
    the last bit, and so are the figures; the same request gives the same bytes."""
    run = await _ended(lab)
    files = {kind: await _export(lab, run.backtest_id, rows, kind) for kind in READERS}
    frames = [READERS[kind](io.BytesIO(data)) for kind, (data, _, _) in files.items()]
    for frame in frames:
        assert frame.columns == [each.name for each in COLUMNS]
        assert frame.null_count().sum_horizontal().item() == 0
        assert _typed(frame).equals(frames[-1])
    told = [statistics for _, statistics, _ in files.values()]
    assert told[0] == told[1] == told[2]
    assert all(progress > 0 for _, _, progress in files.values())
    assert told[0].examples == len(frames[0]) > 100
    for kind, (data, _, _) in files.items():
        assert (await _export(lab, run.backtest_id, rows, kind))[0] == data


async def test_figures_are_those_of_the_rows(lab: LabCaller) -> None:
    """Counts, rewards, dates, splits and embargo are what anybody finds who counts the rows."""
    run = await _ended(lab)
    data, told, _ = await _export(lab, run.backtest_id, CANDIDATES, PARQUET)
    rows = pl.read_parquet(io.BytesIO(data))
    with_chain = rows.filter(pl.col("label_filled") == 1)
    assert (told.rows, told.schema_version) == (CANDIDATES, 1)
    assert told.opened == (rows["action"] == "OPEN").sum()
    assert told.skipped == (rows["action"] == "SKIP").sum() == told.examples - told.opened
    assert told.unfilled == told.opened - len(with_chain)
    assert told.win_rate == (with_chain["label_net_pnl_coin"] > 0).mean()
    for currency in ("coin", "usd"):
        rewards, figures = with_chain[f"reward_{currency}"].to_numpy(), getattr(told, f"reward_{currency}")
        assert (figures.minimum, figures.maximum) == (rewards.min(), rewards.max())
        assert figures.average == pytest.approx(rewards.mean(), rel=1e-12)
    times = rows["decision_time"]
    assert told.first_decision_time.ToMicroseconds() == times.min()
    assert told.last_decision_time.ToMicroseconds() == times.max()
    longest = (rows["label_end_time"] - rows["decision_time"]).max()
    assert told.longest_label_seconds * 1_000_000 == longest
    for name in ("train", "validation", "test", "embargo"):
        assert getattr(told, name) == (rows["split"] == name.upper()).sum() > 0
    for earlier, later in (("TRAIN", "VALIDATION"), ("VALIDATION", "TEST")):
        ends = rows.filter(pl.col("split") == earlier)["label_end_time"].max()
        assert ends < rows.filter(pl.col("split") == later)["decision_time"].min()  # type: ignore[operator]


async def test_rewards_are_those_of_the_runs_chains(lab: LabCaller) -> None:
    """Where the run sold, the row that was taken has the reward of the chain that the run lists, to 1e-9, whether with
    all candidates or without."""
    run = await _ended(lab, max_open_chains=3)
    chains = {each.open_time.ToMicroseconds(): each for each in await lab.chains(run.backtest_id)}
    for kind in (EXAMPLES, CANDIDATES):
        rows = pl.read_csv(io.BytesIO((await _export(lab, run.backtest_id, kind))[0]))
        sold = rows.filter((pl.col("taken") == 1) & (pl.col("action") == "OPEN"))
        assert len(sold) == sum(not chain.open_at_end for chain in chains.values()) > 10
        for row in sold.iter_rows(named=True):
            chain = chains[row["decision_time"]]
            assert row["action_symbol"] == chain.legs[0].symbol
            assert row["reward_coin"] == pytest.approx(chain.net_pnl / chain.collateral_days, rel=1e-9, abs=1e-15)
            assert row["label_net_pnl_usd"] == pytest.approx(chain.net_pnl_usd, rel=1e-9, abs=1e-9)


async def test_a_model_reads_what_was_exported(lab: LabCaller) -> None:
    """A linear model is trained on the rows of TRAIN and judged on those of TEST, with numpy alone and without a case
    for any column."""
    run = await _ended(lab)
    text = (await _export(lab, run.backtest_id, CANDIDATES, JSONL))[0].decode()
    rows = [json.loads(line) for line in text.splitlines()]
    names = [name for name in rows[0] if name.startswith("state_")]
    x = np.array([[1.0, *(row[name] for name in names)] for row in rows])
    y, weight = (np.array([row[name] for row in rows]) for name in ("reward_coin", "weight"))
    train, test = (np.array([row["split"] == split for row in rows]) for split in ("TRAIN", "TEST"))
    root = np.sqrt(weight[train])
    beta = np.linalg.lstsq(x[train] * root[:, None], y[train] * root, rcond=None)[0]
    assert np.isfinite(x[test] @ beta).all()


async def test_what_is_refused(lab: LabCaller) -> None:
    """A run that is not there, rows or a format that nobody named: each with its reason and field."""
    known = (await _ended(lab)).backtest_id

    async def refusal(**request: Any) -> tuple[str, str, str]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(aiter(lab.backtests.ExportTrainingData(pb.ExportTrainingDataRequest(**request))))
        return reason_of(refused.value)

    assert await refusal(rows=CANDIDATES, format=CSV) == ("INVALID_ARGUMENT", "MISSING_FIELD", "backtest_id")
    assert await refusal(backtest_id=known, format=CSV) == ("INVALID_ARGUMENT", "UNSPECIFIED_VALUE", "rows")
    assert await refusal(backtest_id=known, rows=CANDIDATES) == ("INVALID_ARGUMENT", "UNSPECIFIED_VALUE", "format")
    found = await refusal(backtest_id="nobody", rows=CANDIDATES, format=CSV)
    assert found == ("NOT_FOUND", "BACKTEST_NOT_FOUND", "backtest_id")


async def test_a_run_that_goes_on_has_no_training_data(tmp_path: Path) -> None:
    """It is refused as long as the run has not ended; what was cancelled has the rows of its decisions until then."""
    with RunningServer(tmp_path / "ledger.db", "--lab-part", "0.000001") as slow:
        async with calling(slow.target) as lab:
            run = await lab.create(call_spec(await lab.bars(days=4000)))
            await lab.seen(run.backtest_id, lambda seen: seen.status.progress_pct > 2)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await _export(lab, run.backtest_id)
            assert reason_of(refused.value) == ("FAILED_PRECONDITION", "BACKTEST_NOT_ENDED", "backtest_id")
            await lab.backtests.CancelBacktest(pb.CancelBacktestRequest(backtest_id=run.backtest_id))
            steps = await lab.steps(run.backtest_id)
            data, told, _ = await _export(lab, run.backtest_id, EXAMPLES)
            rows = pl.read_csv(io.BytesIO(data))
            assert len(rows) + told.open_at_end + told.without_state == len(steps) > 0
            assert rows["decision"].max() == len(steps) - 1


async def test_a_kill_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """A worker that is killed ends the export, without the last message; a server that is killed leaves files that are
    gone after its next start; and then the same request is answered in full."""
    with RunningServer(tmp_path / "ledger.db") as server:
        async with calling(server.target) as lab:
            run = await lab.until((await lab.create(call_spec(await lab.bars(days=2000)))).backtest_id)
            request = pb.ExportTrainingDataRequest(backtest_id=run.backtest_id, rows=CANDIDATES, format=CSV)
            call = lab.backtests.ExportTrainingData(request)
            await anext(aiter(call))
            os.kill(_worker(server), signal.SIGKILL)
            with pytest.raises(grpc.aio.AioRpcError) as died:
                _ = [message async for message in call]
            assert died.value.code() == grpc.StatusCode.UNAVAILABLE
            left = tmp_path / "lab.db.exports"
            assert list(left.iterdir()) == []
            call = lab.backtests.ExportTrainingData(request)
            await anext(aiter(call))
            assert len(list(left.iterdir())) == 1
            server.kill()
        server.start()
        async with calling(server.target) as lab:
            data, told, _ = await _export(lab, run.backtest_id)
            assert len(pl.read_csv(io.BytesIO(data))) == told.examples
        assert list(left.iterdir()) == []


def _worker(server: RunningServer) -> int:
    started = [json.loads(line) for line in list(server.lines) if '"worker_started"' in line]
    return next(int(said["pid"]) for said in reversed(started) if said["work"] == "export")
