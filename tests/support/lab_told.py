"""Chains of a run, told to the ledger as a bot would that did the same."""

from __future__ import annotations

from decimal import Decimal

from rollbook import (
    AsyncLab,
    Backtest,
    BacktestChain,
    BacktestLeg,
    BacktestSpec,
    BacktestState,
    ContractStyle,
    DatasetKind,
    DataSpec,
    ExitSpec,
    Fill,
    FillSource,
    Side,
    StrategyKind,
    SyntheticMarket,
    VolatilitySpec,
)
from tests.support.lab import START
from tests.support.trading import Trader, new_id


async def ran(lab: AsyncLab, style: ContractStyle) -> tuple[Backtest, list[BacktestChain]]:
    """A run on a market that is made up, and its chains that ended."""
    market = SyntheticMarket(seed=1, start_time=START, days=150)
    bars = await lab.register_dataset(kind=DatasetKind.BARS, underlying="BTC", synthetic=market)
    spec = BacktestSpec(
        underlying="BTC",
        strategy=StrategyKind.COVERED_CALL,
        style=style,
        exits=ExitSpec(take_profit=0.95, defend=1.02, max_debit=0.01),
        volatility=VolatilitySpec(multiplier=1.2),
        data=DataSpec(spot_dataset_id=bars.dataset_id),
    )
    run = await lab.create_backtest(spec)
    async for message in lab.watch_backtests(run.backtest_id):
        if any(each.status and each.status.state is BacktestState.SUCCEEDED for each in message.backtests):
            break
    chains = [each async for each in lab.iterate_backtest_chains(run.backtest_id)]
    return run, [chain for chain in chains if not chain.open_at_end]


def exactly(value: float) -> Decimal:
    return Decimal(repr(value))


def fill_of(leg: BacktestLeg, side: Side) -> Fill:
    """What a bot would say that did as the engine."""
    opening = side is Side.SELL
    return Fill(
        source=FillSource.VENUE_TRADE,
        trade_id=new_id("parity-"),
        symbol=leg.symbol,
        side=side,
        quantity=exactly(leg.quantity),
        price=exactly(leg.open_price if opening else leg.close_price),
        fee=exactly(leg.open_fee if opening else leg.close_fee),
        index_price=exactly(leg.open_index_price if opening else leg.close_index_price),
        executed_time=leg.open_time if opening else leg.close_time,
    )


async def told(trader: Trader, chain: BacktestChain, first: Fill | None = None, last: Fill | None = None) -> str:
    """Tells the ledger a chain as the engine traded it, but for the first or the last fill."""
    position = (await trader.open(first or fill_of(chain.legs[0], Side.SELL))).position_id
    for before, after in zip(chain.legs, chain.legs[1:], strict=False):
        await trader.roll(position, fill_of(before, Side.BUY), fill_of(after, Side.SELL))
    end = chain.legs[-1]
    if end.trigger == "expiry":
        if (await trader.chain(position)).open_quantity:
            await trader.settle(repr(end.close_index_price), end.symbol)
    else:
        await trader.close(position, last or fill_of(end, Side.BUY))
    return position
