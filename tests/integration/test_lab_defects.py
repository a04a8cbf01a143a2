"""The defects of the old backtest manager, each with its tests: 15, of runs as jobs; 16 and 17, of what they say."""

from __future__ import annotations

import asyncio
import itertools
import math
import statistics
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from rollbook.v1 import backtest_pb2
from rollbook.v1 import backtest_service_pb2 as pb
from rollbook.v1 import dataset_service_pb2 as data_pb
from rollbook.v1.backtest_pb2 import (
    BACKTEST_STATE_CANCELLED,
    BACKTEST_STATE_RUNNING,
    BACKTEST_STATE_SUCCEEDED,
)
from rollbook.v1.dataset_pb2 import DATASET_KIND_BARS, DATASET_KIND_VOLATILITY, SyntheticMarket
from rollbook.v1.instrument_pb2 import CONTRACT_STYLE_INVERSE, CONTRACT_STYLE_LINEAR
from tests.support.lab import SLOW, START, LabCaller, call_spec, calling, stamp
from tests.support.server import RunningServer


async def test_defect_15_a_crash_does_not_leave_a_run_running_for_ever(tmp_path: Path) -> None:
    """The status of a run is on the disk: after kill -9 of the server it is there, with all that the run had, and the
    run goes on by itself to its end."""
    server = RunningServer(tmp_path / "ledger.db", *SLOW)
    with server:
        async with calling(server.target) as lab:
            run = await lab.create(call_spec(await lab.bars(days=4000)))
            before = await lab.seen(run.backtest_id, lambda seen: seen.status.progress_pct > 20)
        server.kill()
        server.start()
        async with calling(server.target) as lab:
            after = await lab.get(run.backtest_id)
            assert after.status.state in (BACKTEST_STATE_RUNNING, BACKTEST_STATE_SUCCEEDED)
            assert after.status.decisions_done >= before.status.decisions_done > 0
            assert len(await lab.steps(run.backtest_id)) >= before.status.decisions_done
            assert (await lab.until(run.backtest_id)).status.state == BACKTEST_STATE_SUCCEEDED


async def test_defect_15_all_chains_of_a_run_are_kept(tmp_path: Path) -> None:
    """A run of hundreds of chains keeps each of them, also after a restart; its status shows the newest 50."""
    spec = {"max_open_chains": 4, "exit_style": backtest_pb2.EXIT_STYLE_HOLD_TO_EXPIRY}
    server = RunningServer(tmp_path / "ledger.db")
    with server:
        async with calling(server.target) as lab:
            run = await lab.until((await lab.create(call_spec(await lab.bars(days=1200), **spec))).backtest_id)
            chains = await lab.chains(run.backtest_id)
        assert len(chains) > 245
        assert [chain.number for chain in chains] == list(range(1, len(chains) + 1))
        assert len(chains) == run.status.metrics.closed_chains + run.status.metrics.open_chains
        assert list(run.status.last_chains) == chains[-50:]
        server.stop()
        server.start()
        async with calling(server.target) as lab:
            assert await lab.chains(run.backtest_id) == chains
            assert await lab.get(run.backtest_id) == run


async def test_defect_15_several_runs_at_once(tmp_path: Path) -> None:
    """Runs are not refused because another one is under way: they are queued, and as many as there are workers run at
    one time."""
    with RunningServer(tmp_path / "ledger.db", *SLOW, "--lab-workers", "2") as server:
        async with calling(server.target) as lab:
            dataset_id = await lab.bars(days=2000)
            made = [(await lab.create(call_spec(dataset_id, seed=seed))).backtest_id for seed in range(4)]
            call = lab.backtests.WatchBacktests(pb.WatchBacktestsRequest())
            runs: dict[str, Any] = {}
            at_once = 0
            async with asyncio.timeout(90):
                while len(runs) < 4 or any(run.status.state != BACKTEST_STATE_SUCCEEDED for run in runs.values()):
                    runs |= {run.backtest_id: run for run in (await call.read()).backtests}
                    running = [run for run in runs.values() if run.status.state == BACKTEST_STATE_RUNNING]
                    at_once = max(at_once, len(running))
            call.cancel()
    assert set(runs) == set(made)
    assert at_once == 2


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_defect_15_cancelled_is_a_stored_state(how: str, tmp_path: Path) -> None:
    """A run that was cancelled is CANCELLED for good: also after a restart, with the chains and decisions that it had,
    and it can be listed by that state."""
    server = RunningServer(tmp_path / "ledger.db", *SLOW)
    with server:
        async with calling(server.target) as lab:
            run = await lab.create(call_spec(await lab.bars(days=4000)))
            await lab.seen(run.backtest_id, lambda seen: seen.status.progress_pct > 5)
            request = pb.CancelBacktestRequest(backtest_id=run.backtest_id)
            cancelled = (await lab.backtests.CancelBacktest(request)).backtest
            rows = await lab.rows(run.backtest_id)
        getattr(server, how)()
        server.start()
        async with calling(server.target) as lab:
            assert await lab.get(run.backtest_id) == cancelled
            assert cancelled.status.state == BACKTEST_STATE_CANCELLED
            assert await lab.rows(run.backtest_id) == rows
            listed = await lab.backtests.ListBacktests(pb.ListBacktestsRequest(state=BACKTEST_STATE_CANCELLED))
            assert [each.backtest_id for each in listed.backtests] == [run.backtest_id]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab-defects") / "ledger.db") as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[LabCaller]:
    async with calling(server.target) as caller:
        yield caller


async def ended(lab: LabCaller, spec: backtest_pb2.BacktestSpec) -> Any:
    """A run that has succeeded."""
    run = await lab.until((await lab.create(spec)).backtest_id)
    assert run.status.state == BACKTEST_STATE_SUCCEEDED, run.status.error
    return run


@pytest.mark.parametrize("style", [CONTRACT_STYLE_INVERSE, CONTRACT_STYLE_LINEAR])
async def test_defect_16_fees_are_charged(style: Any, lab: LabCaller) -> None:
    """Every trade pays the venue's fee as taker, capped by its premium, and so much less is earned."""
    spec = {"style": style, "exit_style": backtest_pb2.EXIT_STYLE_TP_AND_ROLL}
    run = await ended(lab, call_spec(await lab.bars(days=300), **spec))
    legs = [leg for chain in await lab.chains(run.backtest_id) for leg in chain.legs]
    assert legs
    for leg in legs:
        full = 0.0003 if style == CONTRACT_STYLE_INVERSE else 0.0005 * leg.open_index_price
        assert leg.open_fee == pytest.approx(leg.quantity * min(full, 0.125 * leg.open_price), rel=1e-12)
    for chain in await lab.chains(run.backtest_id):
        assert chain.fees == pytest.approx(sum(leg.open_fee + leg.close_fee for leg in chain.legs), rel=1e-12)
        assert chain.net_pnl == pytest.approx(chain.gross_pnl - chain.fees, abs=1e-12)


async def test_defect_16_inverse_is_more_than_a_filter(lab: LabCaller) -> None:
    """Coin-settled options are paid, settled and counted in coin, linear ones in USDC: the payoff of one is divided by
    the delivery price, that of the other is not."""
    dataset_id = await lab.bars(days=700)
    hold = {"exit_style": backtest_pb2.EXIT_STYLE_HOLD_TO_EXPIRY}
    inverse = await ended(lab, call_spec(dataset_id, **hold))
    linear = await ended(lab, call_spec(dataset_id, style=CONTRACT_STYLE_LINEAR, **hold))
    assert inverse.status.metrics.settlement_currency == "BTC"
    assert linear.status.metrics.settlement_currency == "USDC"
    for run, divides in ((inverse, True), (linear, False)):
        legs = [leg for chain in await lab.chains(run.backtest_id) for leg in chain.legs if leg.close_price > 0]
        settled = [leg for leg in legs if leg.trigger == "expiry"]
        assert settled
        for leg in settled:
            above = leg.close_index_price - float(leg.symbol.split("-")[2].replace("d", "."))
            assert leg.close_price == pytest.approx(above / leg.close_index_price if divides else above, rel=1e-6)


@pytest.mark.parametrize("source", ["INDEX", "REALIZED", "CONSTANT"])
async def test_defect_16_rolls_happen_with_every_source(source: str, lab: LabCaller) -> None:
    """Chains roll wherever the volatility comes from. (With recorded quotes: tests/unit/test_engine_recorded.py.)"""
    market = SyntheticMarket(seed=1, start_time=stamp(START), days=300)
    request = data_pb.RegisterDatasetRequest(kind=DATASET_KIND_VOLATILITY, underlying="BTC", synthetic=market)
    index = (await lab.datasets.RegisterDataset(request)).dataset.dataset_id if source == "INDEX" else ""
    volatility = backtest_pb2.VolatilitySpec(
        source=backtest_pb2.VolatilitySource.Value(f"VOLATILITY_SOURCE_{source}"),
        level=0.6 if source == "CONSTANT" else None,
    )
    data = backtest_pb2.DataSpec(spot_dataset_id=await lab.bars(days=300), volatility_dataset_id=index)
    run = await ended(lab, call_spec("", data=data, volatility=volatility))
    assert run.status.metrics.rolls > 0
    assert run.status.metrics.rolls == sum(chain.num_rolls for chain in await lab.chains(run.backtest_id))


@pytest.mark.parametrize("most", [1, 3])
async def test_defect_17_no_decision_opens_more_than_allowed(most: int, lab: LabCaller) -> None:
    """However often is decided, no more chains are open than the spec allows: more leverage is never hidden."""
    spec = {"decision_interval_hours": 1, "max_open_chains": most}
    run = await ended(lab, call_spec(await lab.bars(days=120), **spec))
    points = await lab.equity(run.backtest_id)
    assert max(point.open_chains for point in points) == most
    outcomes = [step.outcome for step in await lab.steps(run.backtest_id)]
    assert outcomes.count(backtest_pb2.STEP_OUTCOME_MAX_OPEN_CHAINS) > len(outcomes) / 2
    assert all(leg.quantity == 1 for chain in await lab.chains(run.backtest_id) for leg in chain.legs)


async def test_defect_17_the_account_is_marked_at_every_bar(lab: LabCaller) -> None:
    """Equity has a point at each bar, with open options at what it costs to end them: the drawdown has the losses that
    are still open, which are more than those of closed chains."""
    run = await ended(lab, call_spec(await lab.bars(days=400), exit_style=backtest_pb2.EXIT_STYLE_HOLD_TO_EXPIRY))
    points = await lab.equity(run.backtest_id)
    assert len(points) == 400 * 24
    peak, fall = -math.inf, 0.0
    for point in points:
        peak = max(peak, point.equity_coin)
        fall = max(fall, peak - point.equity_coin)
    assert run.status.metrics.coin.max_drawdown == pytest.approx(fall, rel=1e-9)
    at_closes, best, worst = 0.0, 0.0, 0.0
    for chain in await lab.chains(run.backtest_id):
        at_closes += chain.net_pnl
        best, worst = max(best, at_closes), max(worst, best - at_closes)
    assert fall > worst


async def test_defect_17_sharpe_is_annualised(lab: LabCaller) -> None:
    """Sharpe is the mean of daily returns over their standard deviation, times the square root of 365."""
    run = await ended(lab, call_spec(await lab.bars(days=500)))
    assert run.status.metrics.closed_chains >= 20
    points = await lab.equity(run.backtest_id)
    last = {(point.time.seconds - 1) // 86_400: point.equity_usd for point in points}
    values = [points[0].hodl_usd, *last.values()]
    returns = [after / before - 1 for before, after in itertools.pairwise(values)]
    sharpe = statistics.fmean(returns) / statistics.stdev(returns) * math.sqrt(365)
    assert run.status.metrics.usd.sharpe == pytest.approx(sharpe, rel=1e-6)


async def test_defect_17_missing_data_is_not_called_no_candidates(lab: LabCaller, tmp_path: Path) -> None:
    """A decision for which there is no bar says NO_DATA, and NO_CANDIDATES is said only of a market that was looked
    at."""
    rows = ["time,open,high,low,close"]
    for hour in range(24 * 40):
        day, rest = divmod(hour, 24)
        if 10 <= day < 14:
            continue  # nothing was recorded
        month, date = divmod(day, 31)
        rows.append(f"2025-{month + 1:02}-{date + 1:02}T{rest:02}:00:00Z,50000,50100,49900,{50_000 + hour % 7 * 10}")
    file = tmp_path / "bars.csv"
    file.write_text("\n".join(rows) + "\n")
    request = data_pb.RegisterDatasetRequest(kind=DATASET_KIND_BARS, underlying="BTC", path=str(file))
    dataset = (await lab.datasets.RegisterDataset(request)).dataset
    assert dataset.gaps == 1
    volatility = backtest_pb2.VolatilitySpec(source=backtest_pb2.VOLATILITY_SOURCE_CONSTANT, level=0.5)
    nothing = backtest_pb2.SelectionSpec(min_delta=0.01, target_delta=0.01, max_delta=0.0101)
    run = await ended(lab, call_spec(dataset.dataset_id, volatility=volatility, selection=nothing))
    outcomes = [step.outcome for step in await lab.steps(run.backtest_id)]
    assert outcomes.count(backtest_pb2.STEP_OUTCOME_NO_DATA) == 4
    assert set(outcomes) == {backtest_pb2.STEP_OUTCOME_NO_DATA, backtest_pb2.STEP_OUTCOME_NO_CANDIDATES}
