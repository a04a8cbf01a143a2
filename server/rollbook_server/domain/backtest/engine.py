"""The engine: (spec, data, state) -> (state, rows), a stretch of bars at a time. Pure; a run is a fold over stretches,
and any cutting into stretches gives the same bits.
"""

import struct
from dataclasses import dataclass
from typing import Self

import numpy as np

from rollbook_server.domain.backtest import kernel, world
from rollbook_server.domain.backtest.chains import Leg, chain_of, legs_by_chain, named_records
from rollbook_server.domain.backtest.costs import fees_of
from rollbook_server.domain.backtest.cycles import Turns, ended_cycle, open_cycle
from rollbook_server.domain.backtest.grid import COINS
from rollbook_server.domain.backtest.market import Floats, MarketData
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, Rows, Steps
from rollbook_server.domain.backtest.spec import (
    BacktestSpec,
    ExitStyle,
    FeeSchedule,
    FillPrice,
    MissingOffer,
    QuoteSource,
    Scoring,
)
from rollbook_server.domain.backtest.timeline import market_of
from rollbook_server.domain.backtest.version import ENGINE_VERSION as ENGINE_VERSION
from rollbook_server.domain.backtest.world import Market, Records, Rules
from rollbook_server.domain.clock import DAY, Micros
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle

_LEGS_AT_ONCE = 1024
"""Ended legs that are taken from the kernel at a time."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run made ready. Cheap to make again, so that workers need not pass it around."""

    spec: BacktestSpec
    rules: Rules
    covered: Rules
    """While a wheel has its coins; of any other strategy the same."""
    market: Market
    fees: Records

    @property
    def bars_total(self) -> int:
        return len(self.market.bars)

    @property
    def decisions_total(self) -> int:
        return len(self.market.decision_times)

    def bars_until(self, time: Micros) -> int:
        """How many bars have closed by then."""
        return int(np.searchsorted(self.market.bars["time"] + self.market.interval, time, side="right"))


@dataclass(frozen=True, slots=True)
class State:
    """Where a run stands. Arrays of the types in `world`; nobody changes them."""

    head: Records
    """(1,)"""
    slots: Records
    """(max_open_chains,)"""
    legs: Records
    """The open leg of each slot (max_open_chains,)."""
    past: Records
    """The legs that chains still open have left behind."""
    lots: Records
    """The coins of each slot of a wheel (max_open_chains,); of any other strategy (0,)."""

    @property
    def finished(self) -> bool:
        return bool(self.head["bars_done"][0] == self.head["bars_total"][0])

    @property
    def bars_done(self) -> int:
        return int(self.head["bars_done"][0])

    @property
    def decisions_done(self) -> int:
        return int(self.head["decisions_done"][0])

    @property
    def simulated_time(self) -> Micros:
        return int(self.head["simulated_time"][0])

    def encode(self) -> bytes:
        """The state as bytes."""
        sizes = struct.pack("<2q", len(self.slots), len(self.past))
        return sizes + b"".join(part.tobytes() for part in (self.head, self.slots, self.legs, self.past, self.lots))

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """The state that was encoded."""
        slots, past = struct.unpack_from("<2q", encoded)
        parts, offset = [], struct.calcsize("<2q")
        for dtype, count in ((world.HEAD, 1), (world.SLOT, slots), (world.LEG, slots), (world.LEG, past)):
            parts.append(np.frombuffer(encoded, dtype, count, offset).copy())
            offset += count * dtype.itemsize
        parts.append(np.frombuffer(encoded, world.LOT, -1, offset).copy())
        return cls(*parts)


def prepare(spec: BacktestSpec, data: MarketData) -> Prepared:
    """A run of a resolved spec on data. Raises InvalidArgument where that cannot be."""
    market = market_of(spec, data)
    charged = spec.fills.fees is not FeeSchedule.NONE
    assert spec.style is not None
    rules = _rules(spec, float(market.bars["open"][0]))
    covered = rules._replace(is_call=True) if spec.strategy is StrategyKind.WHEEL else rules
    return Prepared(spec, rules, covered, market, fees_of(spec.style, charged))


def begin(prepared: Prepared) -> State:
    """The state before the first bar."""
    chains = prepared.spec.max_open_chains
    assert chains is not None
    head = np.zeros(1, world.HEAD)
    head["bars_total"] = prepared.bars_total
    head["simulated_time"] = prepared.market.bars["time"][0]
    slots = np.zeros(chains, world.SLOT)
    slots["order"] = world.NOTHING
    lots = np.zeros(chains if prepared.spec.strategy is StrategyKind.WHEEL else 0, world.LOT)
    return State(head, slots, np.zeros(chains, world.LEG), np.zeros(0, world.LEG), lots)


def advance(prepared: Prepared, state: State, max_bars: int) -> tuple[State, Rows]:
    """The state after `max_bars` more bars (fewer if the data ends), and what they brought forth."""
    market = prepared.market
    head, slots, legs, lots = state.head.copy(), state.slots.copy(), state.legs.copy(), state.lots.copy()
    begun, until = state.bars_done, min(state.bars_done + max_bars, prepared.bars_total)
    decided = 0
    if until > begun:
        decided = int(np.searchsorted(market.decision_times, market.bars["time"][until - 1], side="right"))
    steps = np.zeros(max(decided - state.decisions_done, 0), world.STEP)
    points = np.empty((len(world.POINT), until - begun))
    room = np.zeros(_LEGS_AT_ONCE + kernel.LEGS_OF_A_BAR * len(slots), world.LEG)
    cycles_room = np.zeros(len(room) if len(lots) else 0, world.LOT)  # each cycle has a leg
    gone, turned = [state.past], [np.zeros(0, world.LOT)]
    while head["bars_done"][0] < until:
        made = int(head["decisions_done"][0]) - state.decisions_done
        _, count, over = kernel.advance(
            prepared.rules, prepared.covered, market, prepared.fees, head, slots, legs, lots, begun, until,
            steps[made:], points, room, cycles_room,
        )  # fmt: skip
        gone.append(room[:count].copy())
        turned.append(cycles_room[:over].copy())
    left = np.concatenate(gone)
    still_open = np.isin(left["chain"], slots["chain"][slots["chain"] != 0])
    after = State(head, slots, legs, left[still_open], lots)
    done = named_records(np.concatenate(turned))
    turns = Turns([*done, *named_records(lots)])
    chains = tuple(
        _chain(prepared, turns, of_chain, 0, 0.0, 0.0, False) for of_chain in legs_by_chain(left[~still_open])
    )
    cycles = tuple(ended_cycle(lot, prepared.rules.quantity) for lot in done)
    if after.finished and not state.finished:
        chains += _open(prepared, after, data_ended=True)
        cycles += open_cycles(prepared, after)
    return after, Rows(_steps(steps), _equity(points), chains, cycles)


def open_chains(prepared: Prepared, state: State) -> tuple[BacktestChain, ...]:
    """What is open now, marked at its ask."""
    return _open(prepared, state, data_ended=state.finished)


def open_cycles(prepared: Prepared, state: State) -> tuple[BacktestCycle, ...]:
    """What turns now, its coins at the newest close and its option at the ask."""
    index = _index(prepared, state)
    legs = named_records(state.legs)
    return tuple(
        open_cycle(
            lot,
            prepared.rules.quantity,
            legs[slot] if state.slots["chain"][slot] else None,
            float(state.slots["mark"][slot]),
            index,
            state.finished,
        )
        for slot, lot in enumerate(named_records(state.lots))
        if lot["cycle"] and not lot["end_time"]
    )


def _index(prepared: Prepared, state: State) -> float:
    """The newest close."""
    return float(prepared.market.bars["close"][max(state.bars_done, 1) - 1])


def _chain(
    prepared: Prepared, turns: Turns, legs: list[Leg], now: Micros, mark: float, index: float, data_ended: bool
) -> BacktestChain:
    cycle, calls = turns.place(legs[0]["chain"], legs[0]["open_time"])
    rules = prepared.covered if calls else prepared.rules
    return chain_of(prepared.spec, rules, legs, now, mark, index, data_ended, cycle)


def _open(prepared: Prepared, state: State, data_ended: bool) -> tuple[BacktestChain, ...]:
    taken = state.slots["chain"] != 0
    marks = dict(zip(state.slots["chain"][taken].tolist(), state.slots["mark"][taken].tolist(), strict=True))
    index = _index(prepared, state)
    turns = Turns(named_records(state.lots))
    legs = np.concatenate([state.past, state.legs[taken]])
    chains = (
        _chain(prepared, turns, of_chain, state.simulated_time, marks[of_chain[0]["chain"]], index, data_ended)
        for of_chain in legs_by_chain(legs)
    )
    return tuple(sorted(chains, key=lambda chain: chain.number))


def _rules(spec: BacktestSpec, first_open: float) -> Rules:
    """The spec as numbers; `first_open` is the price at which puts get their cash."""
    selection, exits, volatility, fills = spec.selection, spec.exits, spec.volatility, spec.fills
    calls = spec.strategy is StrategyKind.COVERED_CALL
    coins = _number(spec.quantity) * _number(spec.max_open_chains)
    return Rules(
        coin=COINS.index(spec.underlying),
        is_call=calls,
        inverse=spec.style is ContractStyle.INVERSE,
        recorded=fills.quotes is QuoteSource.RECORDED,
        at_mid=fills.price is FillPrice.MID,
        ticks=not fills.without_ticks,
        min_life=max(round(_number(selection.min_dte_days) * DAY), 1),
        max_life=round(_number(selection.max_dte_days) * DAY),
        min_delta=_number(selection.min_delta),
        target_delta=_number(selection.target_delta),
        max_delta=_number(selection.max_delta),
        nearest_delta=selection.scoring is Scoring.NEAREST_DELTA,
        min_score=_number(selection.min_score),
        rolls=spec.exit_style is ExitStyle.TP_AND_ROLL,
        take_profit=_threshold(exits.take_profit),
        defend=_threshold(exits.defend),
        stop=_threshold(exits.stop),
        least_life=round((exits.min_dte_days or 0.0) * DAY),
        max_rolls=exits.max_rolls or 0,
        max_debit=exits.max_debit or 0.0,
        slope=_number(volatility.smile_slope),
        curvature=_number(volatility.smile_curvature),
        basis=_number(spec.forward_basis),
        half_spread=_number(fills.half_spread_vol_points),
        short_half_spread=_number(fills.short_dated_half_spread_vol_points),
        penalised=fills.missing_offer is MissingOffer.MARK_PLUS_PENALTY,
        penalty=_number(fills.penalty),
        quantity=_number(spec.quantity),
        capital_coins=coins if calls else 0.0,
        capital_usd=0.0 if calls else coins * first_open,
    )


def _number(value: float | None) -> float:
    """A value that a resolved spec has; as a double, or the kernel would be compiled for integers too."""
    assert value is not None
    return float(value)


def _threshold(value: float | None) -> float:
    return world.NEVER if value is None else float(value)


def _steps(records: Records) -> Steps:
    return Steps(
        time=records["time"].copy(),
        index_price=records["index_price"].copy(),
        candidates=records["candidates"].astype(np.int32),
        best_score=records["best_score"].copy(),
        best_expiry=records["best_expiry"].copy(),
        best_strike=records["best_strike"].copy(),
        outcome=records["outcome"].astype(np.int8),
        chain_number=records["chain_number"].astype(np.int32),
    )


def _equity(points: Floats) -> Equity:
    columns = dict(zip(world.POINT, points, strict=True))
    columns["time"] = columns["time"].astype(np.int64)
    columns["open_chains"] = columns["open_chains"].astype(np.int32)
    return Equity(**columns)
