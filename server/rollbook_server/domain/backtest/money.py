"""Chains in both currencies: each cash line is turned at the underlying's price of its own time.

What is settled in the coin is exact in coin, and turned for USD; what is settled in USDC (a stated peg: 1 USD) is exact
in USD, and turned for coin. A payoff is turned at its delivery price.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rollbook_server.domain.backtest.market import Floats
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, BacktestLeg, Trigger
from rollbook_server.domain.instruments import ContractStyle

COIN, USD = 0, 1
"""Columns."""


@dataclass(frozen=True, slots=True)
class ChainMoney:
    """Columns coin and USD, one row per chain (chains, 2). All are positive sums but `net`."""

    net: Floats
    fees: Floats
    premium: Floats


def of_chains(chains: Sequence[BacktestChain], style: ContractStyle) -> ChainMoney:
    """Net PnL, fees and premiums of chains in coin and in USD."""
    linear = style is ContractStyle.LINEAR
    rows = []
    for chain in chains:
        net, fees, premium = _turned(chain, linear)
        exact = (chain.net_pnl, chain.fees, chain.premium)
        turned = (net if linear else chain.net_pnl_usd, fees, premium)
        rows.append((turned, exact) if linear else (exact, turned))
    figures = np.array(rows, dtype=np.float64).reshape(len(rows), 2, 3)
    return ChainMoney(net=figures[:, :, 0], fees=figures[:, :, 1], premium=figures[:, :, 2])


def _turned(chain: BacktestChain, linear: bool) -> tuple[float, float, float]:
    """Net PnL, fees and premium of a chain in the other currency, each line at its own price."""
    net = fees = premium = 0.0
    for leg in chain.legs:
        factor = 1 / leg.open_index_price if linear else leg.open_index_price
        fees += leg.open_fee * factor
        premium += leg.quantity * leg.open_price * factor
        net += (leg.quantity * leg.open_price - leg.open_fee) * factor
        if leg.close_time is not None:
            factor = 1 / leg.close_index_price if linear else leg.close_index_price
            fees += leg.close_fee * factor
            net -= (leg.quantity * leg.close_price + leg.close_fee) * factor
    return net, fees, premium


def leg_profit(leg: BacktestLeg) -> float:
    """What a leg that has ended made after its fees, in the settlement currency."""
    return leg.quantity * (leg.open_price - leg.close_price) - leg.open_fee - leg.close_fee


def cash_lines(chains: Sequence[BacktestChain]) -> Iterator[tuple[int, float]]:
    """Instants and what moved the balance then, in the settlement currency, in no order. The mark at the end of the
    data is no cash."""
    for chain in chains:
        for leg in chain.legs:
            yield leg.open_time, leg.quantity * leg.open_price - leg.open_fee
            if leg.close_time is not None and leg.trigger != Trigger.DATA_END:
                yield leg.close_time, -leg.quantity * leg.close_price - leg.close_fee


def coin_lines(cycles: Sequence[BacktestCycle]) -> Iterator[tuple[int, float]]:
    """The same of a wheel's coins, which are bought and sold for USDC."""
    for each in cycles:
        if each.purchase_time is not None and each.purchase_price is not None:
            yield each.purchase_time, -each.quantity * each.purchase_price
        if each.end_time is not None and each.sale_price is not None:
            yield each.end_time, each.quantity * each.sale_price


def lowest_balance(moved: Iterable[tuple[int, float]], capital: float = 0.0) -> float:
    """The lowest balance that cash lines led to, from the capital on. A roll's two lines are of one instant and count
    as one."""
    lines = sorted(moved)
    if not lines:
        return capital
    times = np.array([time for time, _ in lines])
    balance = capital + np.cumsum([cash for _, cash in lines])
    return min(capital, float(balance[np.append(times[1:] != times[:-1], True)].min()))
