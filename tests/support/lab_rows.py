"""Rows of a backtest, made by hand: a spec, an equity curve, decisions, and chains that say what their legs do."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from rollbook_server.domain.backtest.rows import BacktestChain, BacktestLeg, Equity, StepOutcome, Steps
from rollbook_server.domain.backtest.spec import BacktestSpec, FillSpec, QuoteSource
from rollbook_server.domain.chains import CloseReason
from rollbook_server.domain.clock import DAY, SECOND, Micros, micros
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle

HOUR = 3600 * SECOND
START = micros(datetime(2024, 1, 1, tzinfo=UTC))


def spec_of(**more: Any) -> BacktestSpec:
    spec = BacktestSpec(
        underlying="BTC",
        start_time=START,
        end_time=START + 3650 * DAY,
        strategy=StrategyKind.COVERED_CALL,
        style=ContractStyle.INVERSE,
        bar_minutes=60,
        quantity=1.0,
        max_open_chains=1,
        fills=FillSpec(quotes=QuoteSource.MODEL),
        seed=7,
    )
    return replace(spec, **more)


def equity_of(coin: Any, index: Any, **more: Any) -> Equity:
    """Hourly bars from START on; HODL is one coin."""
    coin, index = np.asarray(coin, dtype=float), np.asarray(index, dtype=float)
    count = len(coin)
    curve = Equity(
        time=START + HOUR * np.arange(1, count + 1),
        index_price=index,
        equity_coin=coin,
        equity_usd=coin * index,
        hodl_coin=np.ones(count),
        hodl_usd=index,
        open_chains=np.zeros(count, dtype=np.int32),
        collateral=np.zeros(count),
        delta=np.zeros(count),
    )
    return replace(curve, **more)


def steps_of(outcomes: list[StepOutcome] | None = None, times: list[Micros] | None = None) -> Steps:
    outcomes = outcomes or []
    count = len(outcomes)
    return Steps(
        time=np.array(times or [START + 9 * HOUR + k * DAY for k in range(count)], dtype=np.int64),
        index_price=np.full(count, 50_000.0),
        candidates=np.ones(count, dtype=np.int32),
        best_score=np.ones(count),
        best_expiry=np.zeros(count, dtype=np.int64),
        best_strike=np.zeros(count),
        outcome=np.array([list(StepOutcome).index(each) for each in outcomes], dtype=np.int8),
        chain_number=np.zeros(count, dtype=np.int32),
    )


def leg_of(
    number: int = 1, *, at: Micros = START, sold: float = 0.02, bought: float = 0.01, **more: Any
) -> BacktestLeg:
    leg = BacktestLeg(
        leg_number=number,
        symbol="BTC-26JAN24-60000-C",
        quantity=1.0,
        open_time=at,
        open_price=sold,
        open_fee=0.0003,
        open_index_price=50_000.0,
        open_delta=0.2,
        open_volatility=0.6,
        close_time=at + 5 * DAY,
        close_price=bought,
        close_fee=0.0003,
        close_index_price=60_000.0,
        trigger="take_profit",
    )
    return replace(leg, **more)


def chain_of(number: int, *legs: BacktestLeg, open_at_end: bool = False, linear: bool = False) -> BacktestChain:
    """A chain that says of its legs what they say themselves."""
    gross = sum(leg.quantity * (leg.open_price - leg.close_price) for leg in legs)
    fees = sum(leg.open_fee + leg.close_fee for leg in legs)
    factor = (lambda _: 1.0) if linear else (lambda index: index)
    return BacktestChain(
        number=number,
        open_time=legs[0].open_time,
        close_time=legs[-1].close_time,
        close_reason=None if open_at_end else CloseReason.BOUGHT_BACK,
        legs=legs,
        num_rolls=len(legs) - 1,
        gross_pnl=gross,
        fees=fees,
        net_pnl=gross - fees,
        net_pnl_usd=sum(
            (leg.quantity * leg.open_price - leg.open_fee) * factor(leg.open_index_price)
            - (leg.quantity * leg.close_price + leg.close_fee) * factor(leg.close_index_price)
            for leg in legs
        ),
        premium=sum(leg.quantity * leg.open_price for leg in legs),
        collateral_days=sum(leg.quantity * ((leg.close_time or 0) - leg.open_time) / DAY for leg in legs),
        open_at_end=open_at_end,
    )


def random_run(days: int = 400, seed: int = 3) -> tuple[Equity, list[BacktestChain]]:
    """Equity like a covered call's on a random walk, and 40 chains one after another, most of them winners."""
    random = np.random.Generator(np.random.PCG64(seed))
    count = 24 * days
    index = 40_000 * np.exp(np.cumsum(random.normal(0, 0.006, count)))
    coin = 1 + np.cumsum(random.normal(2e-6, 2e-4, count))
    chains = [
        chain_of(k + 1, leg_of(at=START + k * 6 * DAY, bought=float(random.choice([0.0, 0.005, 0.04]))))
        for k in range(40)
    ]
    return equity_of(coin, index), chains
