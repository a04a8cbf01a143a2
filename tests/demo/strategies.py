"""What the bot trades and when: pure decisions from a snapshot and from what the ledger says is held."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from rollbook import OptionType, PositionChain, PositionLeg, StrategyKind
from tests.demo.market import Quote, Snapshot

NEAREST_DELTA, TARGET_DELTA, FURTHEST_DELTA = 0.15, 0.25, 0.32
WIDEST_SPREAD = Decimal("0.25")
"""Of the ask: whoever sells into a wider market gives the premium away."""

DEFEND_PRICE, DEFEND_DELTA, MOST_ROLLS = 2, 0.5, 2
TAKE_PROFIT, SCALE_OUT = Decimal("0.55"), Decimal("0.35")
"""Captured part of the premium at which all, and at which half, is bought back."""
ADD_PRICE, ADD_DELTA = Decimal("1.25"), 0.45

LOTS = {"BTC": Decimal("0.1"), "ETH": Decimal(1), "BTC_USDC": Decimal("0.01")}
"""The venue's smallest quantity and step, in coins."""


@dataclass(frozen=True)
class Strategy:
    """One line of business: at most one chain at a time, and one new chain a day."""

    product: str
    option_type: OptionType
    horizon: str
    quantity: Decimal
    days: tuple[float, float]
    exit_style: str
    rests: bool = False
    """Enters by a limit order at the ask instead of selling at the bid."""
    adds: bool = False
    """Sells half as much again when the premium has risen."""

    @property
    def name(self) -> str:
        """Names its chains; with the kind, unique among the strategies."""
        return f"{self.product.lower().removeprefix('btc_')}-{self.horizon}-{self.option_type.lower()}"

    def half(self, quantity: Decimal) -> Decimal:
        """Half of it in whole lots."""
        lot = LOTS[self.product]
        return quantity / 2 // lot * lot

    @property
    def kind(self) -> StrategyKind:
        """Calls are covered by coins, puts by cash."""
        return StrategyKind.COVERED_CALL if self.option_type is OptionType.CALL else StrategyKind.CASH_SECURED_PUT


def _weekly(
    product: str, option_type: OptionType, quantity: str, *, rests: bool = False, adds: bool = False
) -> Strategy:
    return Strategy(product, option_type, "weekly", Decimal(quantity), (7, 14), "tp_and_roll", rests, adds)


def _daily(product: str, option_type: OptionType, quantity: str) -> Strategy:
    return Strategy(product, option_type, "daily", Decimal(quantity), (0.2, 2), "hold_to_expiry")


CALL, PUT = OptionType.CALL, OptionType.PUT
STRATEGIES = (
    _weekly("BTC", CALL, "0.4"),
    _weekly("BTC", PUT, "0.4"),
    _daily("BTC", CALL, "0.2"),
    _weekly("ETH", CALL, "6", adds=True),
    _weekly("ETH", PUT, "6", adds=True),
    _daily("ETH", PUT, "2"),
    _weekly("BTC_USDC", CALL, "0.4", rests=True),
    _weekly("BTC_USDC", PUT, "0.4"),
    _daily("BTC_USDC", PUT, "0.2"),
)


class Move(Enum):
    """What to do with a chain that holds something."""

    HOLD = auto()
    ADD = auto()
    CLOSE_HALF = auto()
    CLOSE = auto()
    ROLL = auto()


@dataclass(frozen=True)
class Decision:
    """A move, the rule that fired, and why."""

    move: Move
    trigger: str = ""
    reason: str = ""


HOLD = Decision(Move.HOLD)


def decide(strategy: Strategy, chain: PositionChain, leg: PositionLeg, quote: Quote) -> Decision:
    """The move for a leg that is open. Without an ask it goes by the mark, and the trade waits for one."""
    entry, opened, still_open = leg.entry_price, leg.opened_quantity, leg.open_quantity
    if strategy.exit_style == "hold_to_expiry" or entry is None:
        return HOLD
    size = abs(quote.delta)
    captured = 1 - (quote.ask or quote.mark) / entry
    if quote.mark >= DEFEND_PRICE * entry or size > DEFEND_DELTA:
        why = f"mark {quote.mark:f} after an entry at {entry:f}, delta {quote.delta:+.2f}"
        return Decision(Move.ROLL if chain.num_rolls < MOST_ROLLS else Move.CLOSE, "defend", why)
    if captured >= TAKE_PROFIT:
        return Decision(Move.CLOSE, "take_profit", f"{captured:.0%} of the premium is captured")
    if captured >= SCALE_OUT and still_open == opened:
        return Decision(Move.CLOSE_HALF, "scale_out", f"{captured:.0%} of the premium is captured")
    may_add = strategy.adds and opened == strategy.quantity == still_open and size <= ADD_DELTA
    if may_add and quote.bid is not None and quote.bid >= ADD_PRICE * entry:
        return Decision(Move.ADD, "richer_premium", f"bid {quote.bid} after an entry at {entry:f}")
    return HOLD


def pick(strategy: Strategy, snapshot: Snapshot, instead_of: str = "") -> Quote | None:
    """The contract to sell: in the strategy's days to expiry, nearest to the target delta, with a fair market."""
    candidates = [
        quote
        for quote in snapshot.quotes.values()
        if quote.contract.option_type is strategy.option_type
        and quote.symbol != instead_of
        and strategy.days[0] <= quote.days <= strategy.days[1]
        and _has_fair_market(quote)
        and NEAREST_DELTA <= abs(quote.delta) <= FURTHEST_DELTA
    ]
    return min(candidates, key=lambda quote: (abs(abs(quote.delta) - TARGET_DELTA), quote.days), default=None)


def _has_fair_market(quote: Quote) -> bool:
    return quote.bid is not None and quote.ask is not None and quote.ask - quote.bid <= WIDEST_SPREAD * quote.ask
