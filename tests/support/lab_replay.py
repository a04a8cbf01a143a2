"""A simulated chain replayed through the ledger's own arithmetic: its fills and settlements, exact from there on."""

from decimal import Decimal

from rollbook_server.domain.backtest.rows import BacktestChain, BacktestLeg
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.chains import Chain
from rollbook_server.domain.entries import Delivery
from rollbook_server.domain.executions import FeeSource, Fill, FillSource, Mode, PositionEffect, Side
from rollbook_server.domain.fees import estimate_fee
from rollbook_server.domain.fold import fold
from rollbook_server.domain.history import ChainFill, Delivered, History, RollFact, Why
from rollbook_server.domain.instruments import DERIBIT, Instrument, parse_deribit


def replayed(spec: BacktestSpec, chain: BacktestChain) -> Chain:
    """The ledger's figures of the same fills."""
    return fold(history_of(spec, chain))[0]


def history_of(spec: BacktestSpec, chain: BacktestChain) -> History:
    """The same fills as the ledger has them. Fees of fills are the ledger's own estimates, payoffs and delivery fees
    its own computation at the delivery price."""
    assert spec.strategy is not None
    fills: list[ChainFill] = []
    rolls: list[RollFact] = []
    deliveries: dict[str, Delivered] = {}
    currency = ""
    for number, leg in enumerate(chain.legs):
        instrument = parse_deribit(leg.symbol)
        assert instrument is not None
        assert leg.close_time is not None
        currency = instrument.settlement_currency
        if number:
            before = chain.legs[number - 1].symbol
            rolls.append(
                RollFact(number=number, from_symbols=(before,), to_symbols=(leg.symbol,), why=Why(), errors=())
            )
        fills.append(_fill(instrument, leg, Side.SELL, len(fills) + 1, number))
        if leg.trigger == "expiry":
            deliveries[leg.symbol] = Delivered(
                key=(len(fills) + 1, 1, 0),
                expiry_time=leg.close_time,
                price=_exact(leg.close_index_price),
                delivery=Delivery(symbol=leg.symbol),
            )
        else:
            following = number + 1 if number + 1 < len(chain.legs) else 0
            fills.append(_fill(instrument, leg, Side.BUY, len(fills) + 1, following))
    return History(
        account="lab",
        position_id=f"chain-{chain.number}",
        venue=DERIBIT,
        mode=Mode.DRY_RUN,
        strategy=spec.strategy,
        strategy_name="",
        underlying=spec.underlying,
        settlement_currency=currency,
        previous_position_id="",
        created_revision=1,
        revision=len(fills) + 1,
        fills=tuple(fills),
        rolls=tuple(rolls),
        deliveries=deliveries,
    )


def _exact(value: float) -> Decimal:
    return Decimal(repr(float(value)))


def _fill(instrument: Instrument, leg: BacktestLeg, side: Side, revision: int, roll: int) -> ChainFill:
    opening = side is Side.SELL
    time = leg.open_time if opening else leg.close_time
    assert time is not None
    fill = Fill(
        source=FillSource.SIMULATED,
        symbol=leg.symbol,
        side=side,
        quantity=_exact(leg.quantity),
        price=_exact(leg.open_price if opening else leg.close_price),
        executed_time=time,
        trade_id=f"{revision}",
        index_price=_exact(leg.open_index_price if opening else leg.close_index_price),
    )
    return ChainFill(
        key=(revision, 1, 0),
        fill=fill,
        instrument=instrument,
        effect=PositionEffect.OPENING if opening else PositionEffect.CLOSING,
        fee=estimate_fee(DERIBIT, instrument, fill),
        fee_source=FeeSource.ESTIMATED,
        roll_number=roll,
        why=Why(),
    )
