"""Chains from their legs: the figures that the ledger would give for the same fills and settlements."""

from collections.abc import Sequence
from typing import Any

from rollbook_server.domain.backtest.kernel import TRIGGERS
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestLeg, Trigger
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.backtest.world import NOTHING, Records, Rules
from rollbook_server.domain.chains import CloseReason
from rollbook_server.domain.clock import DAY, Micros
from rollbook_server.domain.instruments import deribit_symbol

Leg = dict[str, Any]
"""A record of `world.LEG` by its names."""


def named_records(records: Records) -> list[dict[str, Any]]:
    """Each record by its names."""
    names = records.dtype.names or ()
    return [dict(zip(names, row, strict=True)) for row in records.tolist()]


def legs_by_chain(records: Records) -> list[list[Leg]]:
    """The legs of each chain in order; chains in the order of their newest legs, which for ended ones is the order in
    which they ended, however a run is cut."""
    legs: dict[int, list[Leg]] = {}
    for leg in named_records(records):
        legs[leg["chain"]] = [*legs.pop(leg["chain"], ()), leg]
    return list(legs.values())


def chain_of(
    spec: BacktestSpec, rules: Rules, legs: Sequence[Leg], now: Micros, mark: float, index: float,
    data_ended: bool, cycle: int = 0,
) -> BacktestChain:  # fmt: skip
    """The chain of these legs, contracts of the type that `rules` say. If the last is open, the figures are as if it
    was bought at `mark` and `index` at `now`, without a fee; neither is looked at otherwise."""
    quantity = rules.quantity
    last = legs[-1]
    ended = bool(last["ends_chain"])
    gross = fees = premium = usd = collateral_days = 0.0
    for leg in legs:
        closed = leg["close_time"] != 0
        price, at = (leg["close_price"], leg["close_index"]) if closed else (mark, index)
        received = quantity * leg["open_price"]
        paid = quantity * price
        premium += received
        gross += received - paid
        fees += leg["open_fee"] + leg["close_fee"]
        opening, closing = (leg["open_index"], at) if rules.inverse else (1.0, 1.0)
        usd += (received - leg["open_fee"]) * opening - (paid + leg["close_fee"]) * closing
        collateral_days += leg["collateral"] * ((leg["close_time"] if closed else now) - leg["open_time"]) / DAY
    return BacktestChain(
        number=last["chain"],
        open_time=legs[0]["open_time"],
        close_time=last["close_time"] if ended else None,
        close_reason=_reason(last) if ended else None,
        legs=tuple(_leg_of(spec, rules, leg, mark, index, data_ended) for leg in legs),
        num_rolls=len(legs) - 1,
        gross_pnl=gross,
        fees=fees,
        net_pnl=gross - fees,
        net_pnl_usd=usd,
        premium=premium,
        collateral_days=collateral_days,
        open_at_end=data_ended and not ended,
        cycle_number=cycle,
    )


def _reason(last: Leg) -> CloseReason:
    if TRIGGERS[last["trigger"]] is not Trigger.EXPIRY:
        return CloseReason.BOUGHT_BACK
    return CloseReason.SETTLED if last["close_price"] else CloseReason.EXPIRED


def _leg_of(spec: BacktestSpec, rules: Rules, leg: Leg, mark: float, index: float, data_ended: bool) -> BacktestLeg:
    closed = leg["close_time"] != 0
    assert spec.style is not None
    volatility = leg["open_volatility"]
    if leg["trigger"] != NOTHING:
        trigger = TRIGGERS[leg["trigger"]].value
    else:
        trigger = Trigger.DATA_END.value if data_ended else ""
    return BacktestLeg(
        leg_number=leg["number"],
        symbol=deribit_symbol(spec.underlying, spec.style, leg["expiry"], leg["strike"], rules.is_call),
        quantity=rules.quantity,
        open_time=leg["open_time"],
        open_price=leg["open_price"],
        open_fee=leg["open_fee"],
        open_index_price=leg["open_index"],
        open_delta=leg["open_delta"],
        open_volatility=volatility if volatility == volatility else None,
        close_time=leg["close_time"] if closed else None,
        close_price=leg["close_price"] if closed else mark,
        close_fee=leg["close_fee"],
        close_index_price=leg["close_index"] if closed else index,
        trigger=trigger,
        delivery_is_proxy=trigger == Trigger.EXPIRY,
        without_offer=bool(leg["without_offer"]),
    )
