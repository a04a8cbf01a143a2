"""A chain of the ledger as the engine can follow it: a contract sold, bought back or settled, then the next one.

Whatever does not fit that is refused: the engine knows no two legs at a time, no addition and no partial close, and a
wrong number is worse than none.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from rollbook_server.domain.chains import CashLine, Chain, ChainState, Leg, LineKind
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.decimals import exact, plain
from rollbook_server.domain.errors import FailedPrecondition, Reason
from rollbook_server.domain.executions import FillSource, Side
from rollbook_server.domain.instruments import DERIBIT, ContractStyle, OptionType


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFill:
    """A cash line of the chain. Money in the settlement currency; `price` per coin, of a settlement the payoff;
    `index_price` in USD, of a settlement the delivery price."""

    time: Micros
    coins: float
    price: float
    fee: float
    index_price: float
    cash: float
    cash_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTrade:
    """One action of the chain on one contract, with all its fills in order. `decided_time` is its first fill's, for
    both trades of a roll that of the earlier one: the engine rolls by one order."""

    kind: LineKind
    leg_number: int
    symbol: str
    expiry: Micros
    strike: float
    decided_time: Micros
    fills: tuple[OwnFill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A closed chain: sales and what ended each, in turn. `coins` are those of every leg."""

    underlying: str
    style: ContractStyle
    option_type: OptionType
    settlement_currency: str
    coins: float
    net_pnl: float
    net_pnl_usd: float
    trades: tuple[OwnTrade, ...]
    fees_estimated: bool
    simulated: bool

    @property
    def open_time(self) -> Micros:
        """When its first contract was sold."""
        return self.trades[0].decided_time


def not_comparable(sentence: str, field: str = "position_id") -> FailedPrecondition:
    """The refusal of a chain that the engine cannot follow."""
    return FailedPrecondition(Reason.CHAIN_NOT_COMPARABLE, sentence, field)


@exact
def followed(chain: Chain, lines: Sequence[CashLine]) -> Followed:
    """A chain with all its lines of cash. Raises FailedPrecondition where the engine cannot follow it."""
    _judge(chain)
    legs = sorted(chain.legs, key=lambda leg: (leg.open_time, leg.leg_number))
    of_legs: dict[int, list[CashLine]] = {leg.leg_number: [] for leg in legs}
    for line in lines:
        of_legs[line.leg_number].append(line)
    trades: list[OwnTrade] = []
    rolls: list[int] = []
    for leg in legs:
        by_kind = itertools.groupby(of_legs[leg.leg_number], key=lambda line: line.kind)
        actions = [(kind, tuple(parts)) for kind, parts in by_kind]
        if len(actions) != 2:  # a sale, and what ended it
            raise _in_steps(leg)
        for kind, fills in actions:
            _judge_fills(leg, fills)
            trades.append(_trade(leg, kind, fills))
            rolls.append(fills[0].roll_number)
    for number in range(1, len(trades) - 1, 2):
        ended, sold, next_end = trades[number : number + 3]
        over = ended.fills[-1].time
        one_roll = rolls[number] != 0 and rolls[number] == rolls[number + 1]
        if next_end.fills[0].time < over or (sold.decided_time < over and not one_roll):
            raise not_comparable(
                f"legs {ended.leg_number} and {sold.leg_number} were open at a time, and the engine holds one"
            )
        if one_roll:
            decided = min(ended.decided_time, sold.decided_time)
            trades[number] = replace(ended, decided_time=decided)
            trades[number + 1] = replace(sold, decided_time=decided)
    first = legs[0].instrument
    assert chain.net_pnl_usd is not None
    return Followed(
        underlying=first.underlying,
        style=first.style,
        option_type=first.option_type,
        settlement_currency=chain.settlement_currency,
        coins=float(_coins(legs[0])),
        net_pnl=float(chain.net_pnl),
        net_pnl_usd=float(chain.net_pnl_usd),
        trades=tuple(trades),
        fees_estimated=chain.fees_estimated,
        simulated=any(line.source is FillSource.SIMULATED for line in lines),
    )


def _judge(chain: Chain) -> None:
    """What can be told of the chain as a whole."""
    if chain.venue != DERIBIT:
        raise not_comparable(f"it traded at {chain.venue}, and the engine has {DERIBIT}'s ticks and fees only")
    if chain.state is not ChainState.CLOSED:
        raise not_comparable(f"it is {chain.state}, and only what is closed can be compared")
    if chain.settlement_currency not in (chain.underlying, "USDC"):
        raise not_comparable(f"it settles in {chain.settlement_currency}, and the engine in the coin or in USDC")
    if not chain.filled:
        raise not_comparable("nothing of it was ever filled")
    if not chain.fees_complete:
        raise not_comparable("the fee of a fill or of its delivery is not known")
    for leg in chain.legs:
        if leg.side is not Side.SELL:
            raise not_comparable(f"leg {leg.leg_number} is long, and the engine sells")
        if leg.instrument.option_type is not chain.legs[0].instrument.option_type:
            raise not_comparable("it sold calls and puts, and a run of the engine one of them")
        if _coins(leg) != _coins(chain.legs[0]):
            raise not_comparable(
                f"leg {leg.leg_number} is of {plain(_coins(leg))} coins and leg {chain.legs[0].leg_number} of "
                f"{plain(_coins(chain.legs[0]))}, and the engine never changes the quantity"
            )


def _coins(leg: Leg) -> Decimal:
    return leg.opened_quantity * leg.instrument.multiplier


def _judge_fills(leg: Leg, fills: Sequence[CashLine]) -> None:
    """Whether these fills of one direction are those of one action: all of one report, or of one order."""
    reports = {(line.revision, line.sequence) for line in fills}
    orders = {line.order_id for line in fills}
    if len(reports) > 1 and (len(orders) > 1 or "" in orders):
        raise _in_steps(leg)
    for line in fills:
        if line.index_price is None:
            raise not_comparable(f"a fill of leg {leg.leg_number} has no index_price, and its quote hangs on it")


def _in_steps(leg: Leg) -> FailedPrecondition:
    return not_comparable(f"leg {leg.leg_number} was added to or closed in steps, and the engine trades it as a whole")


def _trade(leg: Leg, kind: LineKind, fills: Sequence[CashLine]) -> OwnTrade:
    instrument = leg.instrument
    return OwnTrade(
        kind=kind,
        leg_number=leg.leg_number,
        symbol=instrument.symbol,
        expiry=instrument.expiry_time,
        strike=float(instrument.strike),
        decided_time=min(line.time for line in fills),
        fills=tuple(_fills(leg, fills)),
    )


def _fills(leg: Leg, lines: Iterable[CashLine]) -> Iterable[OwnFill]:
    for line in lines:
        assert line.fee is not None
        assert line.index_price is not None
        assert line.cash_usd is not None
        coins = line.quantity * leg.instrument.multiplier
        received = line.cash + line.fee
        paid_for = received if line.kind is LineKind.OPENING else -received
        yield OwnFill(
            time=line.time,
            coins=float(coins),
            price=float(paid_for) / float(coins),
            fee=float(line.fee),
            index_price=float(line.index_price),
            cash=float(line.cash),
            cash_usd=float(line.cash_usd),
        )
