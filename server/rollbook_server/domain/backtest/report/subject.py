"""What a report is about: a run with all that came of it, and what is known about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rollbook_server.domain.backtest.metrics import BacktestMetrics
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, StepOutcome, Steps
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.executions import StrategyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLine:
    """A dataset of the run, in a line."""

    use: str
    """spot, volatility or quotes."""
    dataset_id: str
    name: str
    source: str
    content_hash: str
    first_time: Micros
    last_time: Micros
    gaps: int
    synthetic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Who the run is. What is empty is left out."""

    backtest_id: str = ""
    state: str = "SUCCEEDED"
    run_digest: str = ""
    result_digest: str = ""
    engine_version: str = ""
    create_time: Micros | None = None
    datasets: tuple[DatasetLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A run. `spec` is resolved; `equity` may be empty."""

    spec: BacktestSpec
    metrics: BacktestMetrics
    equity: Equity
    chains: Sequence[BacktestChain]
    steps: Steps
    cycles: Sequence[BacktestCycle]
    about: About

    @property
    def currency(self) -> str:
        """In which the contracts settle."""
        return self.metrics.settlement_currency

    @property
    def in_cash(self) -> bool:
        """Whether the capital is cash."""
        return self.spec.strategy is not StrategyKind.COVERED_CALL

    @property
    def wheel(self) -> bool:
        return self.spec.strategy is StrategyKind.WHEEL

    def count_of(self, outcome: StepOutcome) -> int:
        """Decisions that came to it."""
        return int((self.steps.outcome == list(StepOutcome).index(outcome)).sum())

    @property
    def benchmark(self) -> str:
        """The same capital left alone, in words."""
        return "cash" if self.in_cash else f"holding {self.spec.underlying}"
