"""Small markets and runs of the lab: bars and quotes spelled out, specs resolved, stretches joined."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rollbook_server.domain.backtest import engine
from rollbook_server.domain.backtest.engine import Prepared, State
from rollbook_server.domain.backtest.market import Bars, Floats, MarketData, OptionChains
from rollbook_server.domain.backtest.rows import Equity, Rows, Steps
from rollbook_server.domain.backtest.spec import (
    BacktestSpec,
    DatasetFacts,
    DataSpec,
    ExitSpec,
    ExitStyle,
    FillSpec,
    SelectionSpec,
    VolatilitySource,
    VolatilitySpec,
    resolve,
)
from rollbook_server.domain.clock import SECOND, Micros, micros
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle

HOUR: Micros = 3600 * SECOND
ALL = 10**9
"""More bars than any run has."""

RECORDED = Path(__file__).parents[2].parent / "shared" / "data"
"""Recorded market data, beside the checkout; not part of it."""


def at(day: int, hour: int = 0, minute: int = 0, month: int = 12, year: int = 2025) -> Micros:
    """A time of December 2025, of which 1 is a Monday and 5, 12, 19, 26 are Fridays."""
    return micros(datetime(year, month, day, hour, minute, tzinfo=UTC))


def bars(
    closes: Sequence[float] | Floats,
    start: Micros,
    *,
    interval: Micros = HOUR,
    without: Sequence[Micros] = (),
    spikes: Mapping[Micros, tuple[float, float]] | None = None,
) -> Bars:
    """Bars of these closes, each opening where the one before closed (the first at its own close). `without` are opens
    of bars that are missing, `spikes` (high, low) of bars by their open, elsewhere those of open and close."""
    close = np.asarray(closes, np.float64)
    time = start + interval * np.arange(len(close), dtype=np.int64)
    opened = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    for when, (highest, lowest) in (spikes or {}).items():
        place = (when - start) // interval
        high[place], low[place] = highest, lowest
    there = ~np.isin(time, np.array(without, np.int64))
    return Bars(time[there], opened[there], high[there], low[there], close[there], interval)


Contract = tuple[Micros, float]
"""Expiry and strike."""


def chains(
    snapshots: Mapping[Micros, Mapping[Contract, tuple[float, ...]]],
    *,
    calls: bool = True,
    forward: float = 100_000.0,
    others: Collection[Contract] = (),
) -> OptionChains:
    """Recorded quotes: of each contract (bid, ask) or (bid, ask, mark), NaN for what is missing, volatility 0.5. All
    are calls, or puts, but the `others`."""
    contracts = sorted({contract for quotes in snapshots.values() for contract in quotes})
    number = {contract: place for place, contract in enumerate(contracts)}
    first, rows = [0], []
    for _, quotes in sorted(snapshots.items()):
        for contract in sorted(quotes):
            bid, ask, *mark = quotes[contract]
            rows.append((number[contract], bid, ask, mark[0] if mark else (bid + ask) / 2))
        first.append(len(rows))
    table = np.array(rows, np.float64).reshape(-1, 4)
    return OptionChains(
        time=np.array(sorted(snapshots), np.int64),
        first=np.array(first, np.int64),
        contract=table[:, 0].astype(np.int64),
        bid=table[:, 1],
        ask=table[:, 2],
        mark=table[:, 3],
        forward=np.full(len(rows), forward),
        volatility=np.full(len(rows), 0.5),
        expiry=np.array([expiry for expiry, _ in contracts], np.int64),
        strike=np.array([strike for _, strike in contracts]),
        is_call=np.array([(contract in others) != calls for contract in contracts], np.bool_),
    )


def resolved(
    data: MarketData,
    strategy: StrategyKind = StrategyKind.COVERED_CALL,
    style: ContractStyle = ContractStyle.INVERSE,
    exit_style: ExitStyle = ExitStyle.HOLD_TO_EXPIRY,
    *,
    underlying: str = "BTC",
    level: float | None = None,
    selection: Mapping[str, Any] | None = None,
    exits: Mapping[str, Any] | None = None,
    volatility: Mapping[str, Any] | None = None,
    fills: Mapping[str, Any] | None = None,
    **more: Any,
) -> BacktestSpec:
    """A resolved spec on the data; `level` is a constant volatility."""
    linear = style is ContractStyle.LINEAR

    def facts(kind: str, first: Micros, last: Micros, interval: Micros, quote: str = "USD") -> DatasetFacts:
        return DatasetFacts(
            kind=kind, underlying=underlying, quote_currency=quote, first_time=first, last_time=last, interval=interval
        )

    known = {"bars": facts("BARS", int(data.bars.time[0]), int(data.bars.time[-1]), data.bars.interval)}
    named = DataSpec(spot_dataset_id="bars")
    if data.volatility is not None:
        known["index"] = facts("VOLATILITY", 0, 0, data.volatility.interval)
        named = replace(named, volatility_dataset_id="index")
    if data.chains is not None:
        known["chains"] = facts("OPTION_CHAINS", 0, 0, HOUR, "USDC" if linear else "USD")
        named = replace(named, quotes_dataset_id="chains")
    believed = dict(volatility or {})
    if level is not None:
        believed |= {"source": VolatilitySource.CONSTANT, "level": level}
    spec = BacktestSpec(
        underlying=underlying,
        strategy=strategy,
        style=style,
        exit_style=exit_style,
        selection=SelectionSpec(**(selection or {})),
        exits=ExitSpec(**(exits or {})),
        volatility=VolatilitySpec(**believed),
        fills=FillSpec(**(fills or {})),
        data=named,
        **more,
    )
    return resolve(spec, known)


def run(spec: BacktestSpec, data: MarketData) -> Rows:
    """The rows of a whole run."""
    prepared = engine.prepare(spec, data)
    state, rows = engine.advance(prepared, engine.begin(prepared), ALL)
    assert state.finished
    return rows


def run_in_parts(prepared: Prepared, parts: Sequence[int]) -> tuple[State, Rows]:
    """The rows of stretches of so many bars, and one more to the end, each state through its bytes."""
    state, rows = engine.begin(prepared), []
    for bars_of_part in (*parts, ALL):
        state, part = engine.advance(prepared, State.decode(state.encode()), bars_of_part)
        rows.append(part)
    return state, joined(rows)


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows of consecutive stretches as one."""
    return Rows(
        steps=Steps(**_columns([part.steps for part in parts])),
        equity=Equity(**_columns([part.equity for part in parts])),
        chains=tuple(chain for part in parts for chain in part.chains),
        cycles=tuple(cycle for part in parts for cycle in part.cycles),
    )


def _columns(parts: Sequence[Steps] | Sequence[Equity]) -> dict[str, Any]:
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in type(parts[0]).__slots__}


def same_bits(one: Rows, other: Rows) -> bool:
    """Whether two runs brought forth the same, to the last bit."""
    for kind in ("steps", "equity"):
        mine, theirs = getattr(one, kind), getattr(other, kind)
        for name in type(mine).__slots__:
            if getattr(mine, name).tobytes() != getattr(theirs, name).tobytes():
                return False
    return repr((one.chains, one.cycles)) == repr((other.chains, other.cycles))


def random_bars(hours: int, *, seed: int, spot: float, volatility: float, start: Micros, cents: bool = False) -> Bars:
    """Hourly bars of a driftless geometric Brownian motion, a martingale in USD; `cents` rounds prices to 0.01."""
    random = np.random.default_rng(seed)
    deviation = volatility * np.sqrt(1 / (365 * 24))
    steps = deviation * random.standard_normal(hours) - deviation**2 / 2
    closes = spot * np.exp(np.concatenate([[0.0], np.cumsum(steps)]))
    return bars(np.round(closes, 2) if cents else closes, start)
