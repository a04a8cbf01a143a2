"""What a run tells of itself: its figures, and for each that is not there the reason why."""

from __future__ import annotations

from rollbook import (
    Backtest,
    BacktestMetrics,
    BacktestPerformance,
    BacktestSpec,
    BacktestState,
    BacktestStatus,
    StrategyKind,
)
from rollbook.models import ExitStyle, FeeSchedule, FillPrice, QuoteSource, VolatilitySource
from rollbook_web.numbers import things, words
from rollbook_web.pages.lab_fields import STRATEGIES

LEAST_DAYS, LEAST_CHAINS = 90, 20
"""The server annualises nothing, and draws no interval, below them; a test holds these to it."""
ENDED = (BacktestState.SUCCEEDED, BacktestState.FAILED, BacktestState.CANCELLED)


class Told:
    """A run's metrics, each with the reason where there is none."""

    def __init__(self, backtest: Backtest) -> None:
        self.spec = backtest.spec or BacktestSpec()
        self.status = backtest.status or BacktestStatus()
        self.metrics = self.status.metrics or BacktestMetrics()
        self.coin = self.metrics.coin or BacktestPerformance()
        self.usd = self.metrics.usd or BacktestPerformance()
        self.unit = self.spec.underlying
        self.settled = self.metrics.settlement_currency
        self.linear = self.settled == "USDC"
        self.wheel = self.spec.strategy is StrategyKind.WHEEL
        self.benchmark = "HODL" if self.spec.strategy is StrategyKind.COVERED_CALL else "cash"
        """What the account is measured against."""

    @property
    def ended(self) -> bool:
        """Nothing more comes of it."""
        return self.status.state in ENDED

    @property
    def ours(self) -> tuple[tuple[BacktestPerformance, str], tuple[BacktestPerformance, str]]:
        """Both currencies, that of the contracts first."""
        both = ((self.coin, self.unit), (self.usd, "USD"))
        return (both[1], both[0]) if self.linear else both

    def why_annualised(self) -> str:
        """Why a figure of a year is not there."""
        if self.metrics.days is None:
            return "there is no bar yet"
        days, chains = self.metrics.days, self.metrics.closed_chains or 0
        if days >= LEAST_DAYS and chains >= LEAST_CHAINS:
            return "the curve does not move enough for it"
        had = f"{things(round(days), 'day')} and {things(chains, 'closed chain')}"
        return f"{had}: nothing is annualised under {LEAST_DAYS} days or {LEAST_CHAINS} chains"

    def why_chains(self, kind: str = "closed chain") -> str:
        """Why a figure of chains is not there."""
        return f"there is no {kind}" + ("" if self.ended else " yet")

    def why_concluded(self) -> str:
        """Why a figure that asks for the whole run is not there."""
        if self.status.state is BacktestState.SUCCEEDED:
            if not self.metrics.closed_chains:
                return self.why_chains()
            if self.recorded:
                return "quotes are recorded: no volatility was assumed, and none is varied"
            return ""
        return "the run did not come to its end" if self.ended else "measured when the run has ended"

    def why_interval(self) -> str:
        """Why there is no interval."""
        if self.wheel:
            return "chains of a wheel hang on the coins between them: none is drawn"
        chains = self.metrics.closed_chains or 0
        if chains < LEAST_CHAINS or (self.metrics.days or 0) < LEAST_DAYS:
            return f"{things(chains, 'closed chain')}: under {LEAST_CHAINS} luck cannot be told from skill"
        return self.why_concluded()

    @property
    def recorded(self) -> bool:
        """Quotes come from recorded chains."""
        return self.spec.fills is not None and self.spec.fills.quotes is QuoteSource.RECORDED

    @property
    def assumed(self) -> float | None:
        """The volatility multiplier of the run."""
        return None if self.spec.volatility is None else self.spec.volatility.multiplier


def warnings(told: Told) -> list[str]:
    """What makes the run an experiment, and no forecast."""
    spec, found = told.spec, []
    fills, volatility = spec.fills, spec.volatility
    if fills is not None and fills.price is FillPrice.MID:
        found.append("Scenario: orders fill at the middle of the quote. A taker does not get that price.")
    if fills is not None and fills.fees is FeeSchedule.NONE:
        found.append("Scenario: no fees are charged.")
    if fills is not None and fills.without_ticks:
        found.append("Scenario: prices without ticks.")
    if volatility is not None and not told.recorded:
        if volatility.source is VolatilitySource.CONSTANT:
            found.append("Scenario: one volatility for the whole run.")
        if volatility.allow_short_dated:
            found.append("Modelled options of less than five days were allowed: the model is poor there.")
    if told.metrics.data is not None and told.metrics.data.synthetic_bars_pct:
        found.append("The market is synthetic: it shows how the rules work, not what they earn.")
    if told.status.state in (BacktestState.FAILED, BacktestState.CANCELLED) and told.metrics.days:
        found.append("The run did not come to its end: all figures are of the part that it did.")
    return found


def kind_of(spec: BacktestSpec | None) -> str:
    """What a run sells, in a line: Covered calls BTC, inverse, take profit and roll, balanced."""
    if spec is None:
        return ""
    strategy = STRATEGIES.get(spec.strategy, words(spec.strategy))
    ends = {ExitStyle.HOLD_TO_EXPIRY: "held to expiry", ExitStyle.TP_AND_ROLL: "take profit and roll"}
    parts = [f"{strategy} {spec.underlying}", str(spec.style).lower(), ends.get(spec.exit_style, ""), spec.preset]
    return ", ".join(part for part in parts if part)
