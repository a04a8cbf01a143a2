"""The fold: a chain's figures from its history. Pure, exact, and the only place where a chain's numbers are made.

Events are taken in the order (time, revision, sequence, place). Cash of a fill is -dir * price * quantity *
multiplier - fee. A partial close releases open_credit * closed / open, rounded half-even to 18 places; the last
slice takes the rest, so that a closed chain's net PnL is the exact sum of its cash lines. Coin and USD run side by
side: each line at its own index, a settlement at its delivery price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from rollbook_server.domain.chains import (
    CashLine,
    Chain,
    ChainState,
    CloseReason,
    LineKind,
)
from rollbook_server.domain.clock import DAY, Micros
from rollbook_server.domain.decimals import HUNDRED, ONE, ZERO, exact, percent, plain, quotient
from rollbook_server.domain.errors import FailedPrecondition, Reason
from rollbook_server.domain.executions import FeeSource, Order, OrderState, PositionEffect, Side
from rollbook_server.domain.fees import delivery_fee
from rollbook_server.domain.history import Delivered, History, Key, Moment
from rollbook_server.domain.instruments import ContractStyle, OptionType
from rollbook_server.domain.legs import FoldedLeg
from rollbook_server.domain.rolls import FoldedRoll
from rollbook_server.domain.settlement import payoff
from rollbook_server.domain.trades import Trade, trades_of

DOLLARS = frozenset({"USD", "USDC"})
"""Currencies counted as USD, by a stated peg."""


def usd_factor(settlement_currency: str, underlying: str, index_price: Decimal | None) -> Decimal | None:
    """USD per unit of a settlement currency: 1 for dollars, the index for the coin itself; None where neither is
    known, as for another quote currency."""
    if settlement_currency in DOLLARS:
        return ONE
    return index_price if settlement_currency == underlying else None


@dataclass(slots=True)
class _Line:
    """A cash line while it is folded; its leg has no number yet."""

    kind: LineKind
    leg: FoldedLeg
    trade: Trade | None
    quantity: Decimal
    fee: Decimal | None
    fee_source: FeeSource
    cash: Decimal
    cash_usd: Decimal | None
    realized: Decimal
    realized_usd: Decimal | None
    time: Micros
    key: Key


_Event = tuple[Micros, Key, Trade | Delivered | Moment]


class _Fold:
    """One run over a chain's events."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.legs: list[FoldedLeg] = []
        self.held: dict[str, FoldedLeg] = {}
        self.rolls = {fact.number: FoldedRoll(fact) for fact in history.rolls}
        self.lines: list[_Line] = []
        self.net_cash = ZERO
        self.net_cash_usd = ZERO
        self.usd_missing = 0
        self.fees_complete = True
        self.fees_estimated = False
        self.now: Micros | None = None
        self.bound = ZERO  # collateral times microseconds
        self.bound_known = True
        self.bound_time = 0  # microseconds with collateral > 0
        self.at_risk = 0  # microseconds with something open
        self.override: Decimal | None = None
        self.override_to_come: Decimal | None = None  # said while nothing was open
        self.insufficient = False
        self.flat_time: Micros | None = None
        self.ending: CloseReason | None = None
        self.half_roll: FoldedRoll | None = None

    # -- time ---------------------------------------------------------------------------------------------------

    def _collateral(self) -> Decimal | None:
        """Collateral bound now: the override while something is open, else the sum over the legs."""
        if not self.held:
            return ZERO
        if self.override is not None:
            return self.override
        total = ZERO
        for leg in self.held.values():
            bound = leg.collateral
            if bound is None:
                return None
            total += bound
        return total

    def _pass_to(self, time: Micros) -> None:
        """Lets time pass: what is held binds its collateral."""
        if self.now is not None and self.held and time > self.now:
            elapsed = time - self.now
            self.at_risk += elapsed
            bound = self._collateral()
            if bound is None:
                self.bound_known = False
            elif bound:
                self.bound += bound * elapsed
                self.bound_time += elapsed
        self.now = time

    # -- events -------------------------------------------------------------------------------------------------

    def run(self, until: Micros | None) -> None:
        history = self.history
        events: list[_Event] = [(trade.time, trade.key, trade) for trade in trades_of(history)]
        events += [(delivered.expiry_time, delivered.key, delivered) for delivered in history.deliveries.values()]
        events += [(moment.time, moment.key, moment) for moment in history.abandonments + history.collaterals]
        if len(events) > 1:
            events.sort(key=lambda event: event[:2])
        for time, _, event in events:
            if until is not None and time > until:
                break
            self._pass_to(time)
            if isinstance(event, Trade):
                if event.effect is PositionEffect.OPENING:
                    self._open(event)
                else:
                    self._close(event)
            elif isinstance(event, Delivered):
                self._settle(event)
            elif event.collateral is not None:
                if self.held:
                    self.override = event.collateral
                else:
                    self.override_to_come = event.collateral
            elif self.half_roll is not None and not self.held:
                self.ending, self.half_roll = CloseReason.ROLL_ABANDONED, None

    def _open(self, trade: Trade) -> None:
        symbol = trade.instrument.symbol
        short = trade.side is Side.SELL
        leg = self.held.get(symbol)
        if leg is None:
            leg = FoldedLeg(trade.instrument, short, trade)
            self.legs.append(leg)
            self.held[symbol] = leg
        elif leg.short != short:
            held = "short" if leg.short else "long"
            raise FailedPrecondition(
                Reason.WRONG_SIDE,
                f"an opening {trade.side} of {symbol} against the {held} leg that is held",
                self._field(trade, "side"),
            )
        leg.keys += (trade.key, *trade.stands_for)
        leg.open += trade.quantity
        leg.opened += trade.quantity
        leg.premium += trade.value
        leg.credit += trade.value
        factor = self._factor(trade.index_price)
        if factor is None and trade.value:
            leg.credit_usd = None
        elif leg.credit_usd is not None and factor is not None:
            leg.credit_usd += trade.value * factor
        if short and leg.instrument.style is ContractStyle.INVERSE and leg.instrument.option_type is OptionType.PUT:
            self.insufficient = True
        self.ending, self.half_roll, self.flat_time = None, None, None
        if self.override_to_come is not None:
            self.override, self.override_to_come = self.override_to_come, None
        roll = self._roll(trade)
        if roll is not None:
            roll.opening += 1
            roll.gross += leg.sign * trade.value
            roll.opened.append(trade.instrument)
        self._line(LineKind.OPENING, leg, trade, leg.sign * trade.value, ZERO, ZERO)

    def _close(self, trade: Trade) -> None:
        symbol = trade.instrument.symbol
        leg = self.held.get(symbol)
        if leg is None or leg.open < trade.quantity:
            there = "nothing" if leg is None else plain(leg.open)
            chain = self.history.position_id
            raise FailedPrecondition(
                Reason.CLOSES_MORE_THAN_OPEN,
                f"closes {plain(trade.quantity)} of {symbol}, but {there} was open in {chain} at that time",
                self._field(trade, "quantity"),
            )
        if (trade.side is Side.BUY) != leg.short:
            held = "short" if leg.short else "long"
            raise FailedPrecondition(
                Reason.WRONG_SIDE,
                f"a closing {trade.side} of {symbol}, whose leg is {held}",
                self._field(trade, "side"),
            )
        released, released_usd = leg.release(trade.quantity)
        gross = leg.sign * (released - trade.value)
        factor = self._factor(trade.index_price)
        gross_usd = None
        if released_usd is not None and factor is not None:
            gross_usd = leg.sign * (released_usd - trade.value * factor)
        elif released_usd is not None and not trade.value:
            gross_usd = leg.sign * released_usd
        leg.closed += trade.quantity
        leg.paid += trade.value
        leg.gross += gross
        roll = self._roll(trade)
        if roll is not None:
            roll.closing += 1
            roll.gross -= leg.sign * trade.value
            roll.closed.append(trade.instrument)
        self._line(LineKind.CLOSING, leg, trade, -leg.sign * trade.value, gross, gross_usd)
        if not leg.open:
            leg.close_time = trade.time
            del self.held[symbol]
        if not self.held:
            self._went_flat(trade.time)
            if roll is not None and not roll.opening:
                self.half_roll = roll
            else:
                self.ending = CloseReason.BOUGHT_BACK

    def _settle(self, delivered: Delivered) -> None:
        symbol = delivered.delivery.symbol
        leg = self.held.get(symbol)
        if leg is None:
            return  # traded away before the expiry
        instrument, quantity = leg.instrument, leg.open
        reported = delivered.delivery
        paid = -leg.sign * reported.cash if reported.cash is not None else payoff(instrument, quantity, delivered.price)
        fee = reported.fee
        if fee is None:
            fee = delivery_fee(self.history.venue, instrument, quantity, delivered.price)
        released, released_usd = leg.release(quantity)
        gross = leg.sign * (released - paid)
        factor = self._factor(delivered.price)
        gross_usd = None
        if released_usd is not None and (factor is not None or not paid):
            gross_usd = leg.sign * (released_usd - paid * (factor or ZERO))
        leg.gross += gross
        leg.settled, leg.delivery_price, leg.payoff, leg.delivery_fee = quantity, delivered.price, paid, fee
        leg.close_time = delivered.expiry_time
        cash = -leg.sign * paid
        self._book(
            kind=LineKind.SETTLEMENT,
            leg=leg,
            cash=cash,
            fee=fee,
            fee_source=FeeSource.REPORTED if reported.fee is not None or fee is None else FeeSource.ESTIMATED,
            factor=factor,
            gross=gross,
            gross_usd=gross_usd,
            quantity=quantity,
            key=delivered.key,
            time=delivered.expiry_time,
            trade=None,
        )
        del self.held[symbol]
        if not self.held:
            self._went_flat(delivered.expiry_time)
            together = [each for each in self.legs if each.settled and each.close_time == delivered.expiry_time]
            paid_out = any(each.payoff for each in together)
            self.ending = CloseReason.SETTLED if paid_out else CloseReason.EXPIRED

    # -- parts --------------------------------------------------------------------------------------------------

    def _field(self, trade: Trade, name: str) -> str:
        """The field at fault: a fill of the newest entry, or (an older fill that no longer fits) its fills as such."""
        revision, _, place = trade.key
        return f"fills[{place}].{name}" if revision == self.history.revision else "fills"

    def _factor(self, index_price: Decimal | None) -> Decimal | None:
        """USD per unit of the settlement currency at an index."""
        return usd_factor(self.history.settlement_currency, self.history.underlying, index_price)

    def _roll(self, trade: Trade) -> FoldedRoll | None:
        roll = self.rolls.get(trade.roll_number)
        if roll is not None:
            roll.time = trade.time if roll.time is None else min(roll.time, trade.time)
            roll.fees += trade.fee or ZERO
        return roll

    def _went_flat(self, time: Micros) -> None:
        self.flat_time, self.ending, self.half_roll, self.override = time, None, None, None

    def _line(
        self, kind: LineKind, leg: FoldedLeg, trade: Trade, cash: Decimal, gross: Decimal, gross_usd: Decimal | None
    ) -> None:
        self._book(
            kind=kind,
            leg=leg,
            cash=cash,
            fee=trade.fee,
            fee_source=trade.fee_source,
            factor=self._factor(trade.index_price),
            gross=gross,
            gross_usd=gross_usd,
            quantity=trade.quantity,
            key=trade.key,
            time=trade.time,
            trade=trade,
        )

    def _book(
        self,
        *,
        kind: LineKind,
        leg: FoldedLeg,
        cash: Decimal,
        fee: Decimal | None,
        fee_source: FeeSource,
        factor: Decimal | None,
        gross: Decimal,
        gross_usd: Decimal | None,
        quantity: Decimal,
        key: Key,
        time: Micros,
        trade: Trade | None,
    ) -> None:
        """Adds one cash line to the sums."""
        charged = fee if fee is not None else ZERO
        leg.fees += charged
        cash -= charged
        self.net_cash += cash
        if factor is not None:
            cash_usd: Decimal | None = cash * factor
        else:
            cash_usd = None if cash else ZERO
        if cash_usd is None:
            self.usd_missing += 1
        else:
            self.net_cash_usd += cash_usd
        realized_usd = None
        if gross_usd is not None and (factor is not None or not charged):
            realized_usd = gross_usd - charged * (factor or ZERO)
        if fee is None:
            self.fees_complete = False
        elif fee_source is FeeSource.ESTIMATED and fee:
            self.fees_estimated = True
        self.lines.append(
            _Line(kind, leg, trade, quantity, fee, fee_source, cash, cash_usd, gross - charged, realized_usd, time, key)
        )

    # -- results ------------------------------------------------------------------------------------------------

    def state(self) -> ChainState:
        """The chain's state after the events that were run."""
        if self.held:
            return ChainState.OPEN
        if not self.legs:
            waiting = any(
                order.order is not None and order.order.state in (OrderState.OPEN, OrderState.FILLED)
                for order in self.history.orders.values()
            )
            return ChainState.PENDING if waiting else ChainState.CLOSED
        return ChainState.FLAT if self.half_roll is not None else ChainState.CLOSED

    def number_legs(self) -> dict[Key, int]:
        """Numbers the legs by the arrival of their opening fills, and returns the number that each fill is known by.

        A leg takes the lowest number that one of its fills is known by and no leg before it has, and else the next
        one that was never used. So a number stays with its contract, whatever late reports split off or join.
        """
        numbered = dict(self.history.leg_numbers)
        following = max(numbered.values(), default=0) + 1
        taken: set[int] = set()
        claimed: set[Key] = set()
        for leg in sorted(self.legs, key=lambda each: min(each.keys)):
            keys = set(leg.keys) - claimed
            known = {numbered[key] for key in keys if key in numbered} - taken
            if known:
                leg.number = min(known)
                numbered = dict.fromkeys(keys, leg.number) | numbered
            else:
                leg.number, following = following, following + 1
                numbered |= dict.fromkeys(keys, leg.number)
            claimed |= keys
            taken.add(leg.number)
        return numbered

    def chain(self) -> Chain:
        """The figures."""
        history = self.history
        legs = sorted(self.legs, key=lambda leg: leg.number)
        gross = sum((leg.gross for leg in legs), ZERO)
        fees = sum((leg.fees for leg in legs), ZERO)
        net = gross - fees
        credit = sum((leg.sign * leg.credit for leg in legs), ZERO)
        net_cash_usd = net_pnl_usd = None
        if not self.usd_missing:
            net_cash_usd = self.net_cash_usd
            net_pnl_usd = net_cash_usd
            for leg in self.held.values():
                if leg.credit_usd is None or net_pnl_usd is None:
                    net_pnl_usd = None
                else:
                    net_pnl_usd -= leg.sign * leg.credit_usd
        state = self.state()
        premium_one = next((leg.premium for leg in legs if leg.number == 1), ZERO)
        premium = sum((leg.premium for leg in legs), ZERO)
        over = bool(legs) and not self.held
        closed = over and state is ChainState.CLOSED
        collateral_days = quotient(self.bound, Decimal(DAY), 18) if over and self.bound_known else None
        returned = annualised = None
        if closed and self.bound_known and self.bound:
            returned = quotient(HUNDRED * net * self.bound_time, self.bound, 12)
            if self.bound_time >= DAY:
                annualised = quotient(HUNDRED * 365 * net * DAY, self.bound, 12)
        first = min((leg.first.time for leg in legs), default=None)
        close_reason = self.ending if closed else None
        if not legs and state is ChainState.CLOSED:
            close_reason = CloseReason.ORDER_CANCELLED
        return Chain(
            account=history.account,
            position_id=history.position_id,
            venue=history.venue,
            mode=history.mode,
            strategy=history.strategy,
            strategy_name=history.strategy_name,
            underlying=history.underlying,
            settlement_currency=history.settlement_currency,
            previous_position_id=history.previous_position_id,
            state=state,
            close_reason=close_reason,
            flat_reason=self._flat_reason() if state is ChainState.FLAT else "",
            created_revision=history.created_revision,
            revision=history.revision,
            open_time=first,
            close_time=self.flat_time if over else None,
            open_quantity=sum((leg.open for leg in legs), ZERO),
            num_rolls=sum(1 for roll in self.rolls.values() if roll.completed),
            net_cash=self.net_cash,
            open_credit=credit,
            gross_pnl=gross,
            fees=fees,
            fees_complete=self.fees_complete,
            fees_estimated=self.fees_estimated,
            net_pnl=net,
            net_cash_usd=net_cash_usd,
            net_pnl_usd=net_pnl_usd,
            usd_missing_lines=self.usd_missing,
            realized_pnl_pct=percent(net, premium_one),
            premium_kept_pct=percent(gross, premium) if closed else None,
            leg_one_premium=premium_one,
            total_premium=premium,
            collateral=self._collateral(),
            collateral_insufficient=self.insufficient,
            collateral_days=collateral_days,
            holding_days=_days(self.flat_time - first) if over and self.flat_time and first is not None else None,
            days_at_risk=_days(self.at_risk) if over else None,
            return_on_collateral_pct=returned,
            return_on_collateral_annualised_pct=annualised,
            exit_style=history.exit_style,
            labels=history.labels,
            legs=tuple(leg.figures(history.expired) for leg in legs),
            rolls=tuple(roll.figures() for roll in self.rolls.values()),
            working_orders=tuple(
                order.order for order in history.orders.values() if order.order is not None and order.working
            ),
        )

    def _flat_reason(self) -> str:
        """Why nothing is open: what went wrong with the roll, or the order that still works."""
        roll = self.half_roll
        if roll is None:
            return ""
        resting: list[Order] = [
            order.order
            for order in self.history.orders.values()
            if order.order is not None and order.working and order.roll_number == roll.fact.number
        ]
        said = [*roll.fact.errors, *(f"order {order.order_id} is resting" for order in resting)]
        return "; ".join(said) or roll.fact.why.reason or "the roll has no opening fill yet"

    def cash_lines(self) -> tuple[CashLine, ...]:
        """The lines, with their legs' numbers."""
        return tuple(
            CashLine(
                kind=line.kind,
                leg_number=line.leg.number,
                roll_number=line.trade.roll_number if line.trade else 0,
                symbol=line.leg.instrument.symbol,
                side=line.trade.side if line.trade else None,
                quantity=line.quantity,
                price=line.trade.price if line.trade else None,
                fee=line.fee,
                fee_source=line.fee_source if line.fee is not None else FeeSource.MISSING,
                cash=line.cash,
                cash_usd=line.cash_usd,
                index_price=line.trade.index_price if line.trade else line.leg.delivery_price,
                realized_pnl=line.realized,
                realized_pnl_usd=line.realized_usd,
                time=line.time,
                source=line.trade.source if line.trade else None,
                trade_id=line.trade.trade_id if line.trade else "",
                order_id=line.trade.order_id if line.trade else "",
                revision=line.key[0],
                sequence=line.key[1],
            )
            for line in self.lines
        )


def _days(elapsed: Micros) -> Decimal:
    return quotient(Decimal(elapsed), Decimal(DAY), 18)


@exact
def fold(history: History) -> tuple[Chain, Mapping[Key, int]]:
    """The figures of a chain, and the leg number of each opening fill.

    Refuses a history in which more is closed than was open at that moment, or in the wrong direction.
    """
    run = _Fold(history)
    run.run(None)
    numbers = run.number_legs()
    return run.chain(), numbers


@exact
def cash_lines(history: History) -> tuple[CashLine, ...]:
    """The lines of cash that the chain's figures are sums of, in the order of the fold."""
    run = _Fold(history)
    run.run(None)
    run.number_legs()
    return run.cash_lines()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a chain stood at an instant: its state, and the number of the roll that left it FLAT (else 0)."""

    state: ChainState
    half_roll: int


@exact
def standing(history: History, at: Micros) -> Standing:
    """How the chain stood at an instant, by its fills and settlements up to it."""
    run = _Fold(history)
    run.run(at)
    if not run.legs and history.fills:
        return Standing(ChainState.PENDING, 0)  # its first fill is still to come
    return Standing(run.state(), run.half_roll.fact.number if run.half_roll else 0)
