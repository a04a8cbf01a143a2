"""A run as people see it: what is simulated, how far it has come, its newest decisions, chains and equity.

Field names are those of the API's Backtest, BacktestStatus, BacktestStep and EquityPoint.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rollbook_server.domain.backtest.cycles import sold_calls
from rollbook_server.domain.backtest.metrics import BacktestMetrics
from rollbook_server.domain.backtest.outcomes import BacktestState, StepOutcome
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, Steps
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import deribit_symbol

WAITING, LOADING, SIMULATING, MEASURING, DONE = "waiting", "loading", "simulating", "measuring", "done"
"""What a run does."""

CURVE = 200
"""Points of the equity that a status shows, about."""
NEWEST = 50
"""Decisions and chains that a status shows."""

_OUTCOMES = tuple(StepOutcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come."""

    phase: str = WAITING
    bars_done: int = 0
    bars_total: int = 0
    """0 until the data is loaded."""
    decisions_done: int = 0
    decisions_total: int = 0
    simulated_time: Micros | None = None
    seconds: float = 0.0
    """Of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestStep:
    """One decision."""

    number: int
    decision_time: Micros
    index_price: float
    candidates: int
    best_score: float | None
    best_symbol: str
    outcome: StepOutcome
    chain_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """The account at the close of a bar."""

    time: Micros
    index_price: float
    equity_coin: float
    equity_usd: float
    hodl_coin: float
    hodl_usd: float
    open_chains: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestStatus:
    """Where a run stands, with the newest of what it has brought forth, oldest first."""

    state: BacktestState
    progress: Progress
    error: str = ""
    last_steps: Sequence[BacktestStep] = ()
    last_chains: Sequence[BacktestChain] = ()
    metrics: BacktestMetrics | None = None
    equity: Sequence[EquityPoint] = ()

    @property
    def progress_pct(self) -> float:
        """0 to 100, by bars."""
        return 100.0 * self.progress.bars_done / self.progress.bars_total if self.progress.bars_total else 0.0

    @property
    def decisions_done(self) -> int:
        """Decisions that were made."""
        return self.progress.decisions_done

    @property
    def decisions_total(self) -> int:
        """Decisions of the whole run; 0 until its data is loaded."""
        return self.progress.decisions_total

    @property
    def simulated_time(self) -> Micros | None:
        """How far the simulated time has come."""
        return self.progress.simulated_time

    @property
    def phase(self) -> str:
        """What it does."""
        if self.state.ended:
            return DONE
        return self.progress.phase if self.state is BacktestState.RUNNING else WAITING

    @property
    def decisions_per_second(self) -> float:
        """Of work."""
        return self.progress.decisions_done / self.progress.seconds if self.progress.seconds else 0.0

    @property
    def eta_seconds(self) -> float | None:
        """Of work that is left, by the speed until now."""
        speed = self.decisions_per_second
        if self.state is not BacktestState.RUNNING or not speed:
            return None
        return (self.decisions_total - self.decisions_done) / speed


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """A run, from its creation on. Of one that was deleted nothing is left but this."""

    backtest_id: str
    spec: BacktestSpec
    status: BacktestStatus
    create_time: Micros
    revision: int
    group_id: str = ""
    run_digest: str = ""
    start_time: Micros | None = None
    end_time: Micros | None = None
    delete_time: Micros | None = None
    result_digest: str = ""
    engine_version: str = ""


def steps_of(
    spec: BacktestSpec, steps: Steps, first: int, cycles: Sequence[BacktestCycle] = ()
) -> Iterator[BacktestStep]:
    """Decisions one by one; `first` is the number of the first. `cycles` are those of a wheel: they say when it looked
    for calls."""
    assert spec.style is not None
    covered = spec.strategy is StrategyKind.COVERED_CALL
    calls = np.full(len(steps.time), True) if covered else sold_calls(cycles, steps.time)
    for row in range(len(steps.time)):
        score, expiry = float(steps.best_score[row]), int(steps.best_expiry[row])
        yield BacktestStep(
            number=first + row,
            decision_time=int(steps.time[row]),
            index_price=float(steps.index_price[row]),
            candidates=int(steps.candidates[row]),
            best_score=None if math.isnan(score) else score,
            best_symbol=(
                deribit_symbol(spec.underlying, spec.style, expiry, float(steps.best_strike[row]), bool(calls[row]))
                if expiry
                else ""
            ),
            outcome=_OUTCOMES[int(steps.outcome[row])],
            chain_number=int(steps.chain_number[row]),
        )


def points_of(equity: Equity) -> Iterator[EquityPoint]:
    """The account bar by bar."""
    for row in range(len(equity.time)):
        yield EquityPoint(
            time=int(equity.time[row]),
            index_price=float(equity.index_price[row]),
            equity_coin=float(equity.equity_coin[row]),
            equity_usd=float(equity.equity_usd[row]),
            hodl_coin=float(equity.hodl_coin[row]),
            hodl_usd=float(equity.hodl_usd[row]),
            open_chains=int(equity.open_chains[row]),
        )
