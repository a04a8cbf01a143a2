"""A leg while its chain is folded: what is open, what it brought, what it binds."""

from collections.abc import Container
from dataclasses import dataclass, field
from decimal import Decimal

from rollbook_server.domain.chains import Leg, LegState
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.decimals import ONE, ZERO, quotient
from rollbook_server.domain.executions import Side
from rollbook_server.domain.history import Key
from rollbook_server.domain.instruments import ContractStyle, Instrument, OptionType
from rollbook_server.domain.trades import Trade


@dataclass(slots=True)
class FoldedLeg:
    """A contract from flat to flat, while the chain is folded."""

    instrument: Instrument
    short: bool
    first: Trade
    keys: list[Key] = field(default_factory=list)
    open: Decimal = ZERO
    opened: Decimal = ZERO
    premium: Decimal = ZERO
    """Price times quantity times multiplier of all opening fills."""
    credit: Decimal = ZERO
    """Of what is open; positive for long legs too."""
    credit_usd: Decimal | None = ZERO
    closed: Decimal = ZERO
    paid: Decimal = ZERO
    """Price times quantity times multiplier of all closing fills."""
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    close_time: Micros | None = None
    settled: Decimal | None = None
    delivery_price: Decimal | None = None
    payoff: Decimal | None = None
    delivery_fee: Decimal | None = None
    number: int = 0

    @property
    def sign(self) -> Decimal:
        return ONE if self.short else -ONE

    @property
    def collateral(self) -> Decimal | None:
        """What the leg binds: inverse call n, linear call n * index, linear put n * K, inverse put n * K / index, the
        index being that of its first opening fill."""
        instrument = self.instrument
        if not self.short or not self.open:
            return ZERO
        coins = self.open * instrument.multiplier
        inverse = instrument.style is ContractStyle.INVERSE
        if instrument.option_type is OptionType.CALL:
            if inverse:
                return coins
            return None if self.first.index_price is None else coins * self.first.index_price
        if not inverse:
            return coins * instrument.strike
        if self.first.index_price is None:
            return None
        return quotient(coins * instrument.strike, self.first.index_price, 18)

    def release(self, quantity: Decimal) -> tuple[Decimal, Decimal | None]:
        """Takes the credit of `quantity` out, in the settlement currency and in USD: the average's share, rounded
        half-even to 18 places; the last slice takes the rest."""
        if quantity == self.open:
            released, released_usd = self.credit, self.credit_usd
            self.open, self.credit, self.credit_usd = ZERO, ZERO, ZERO
            return released, released_usd
        released = quotient(self.credit * quantity, self.open, 18)
        released_usd = None
        if self.credit_usd is not None:
            released_usd = quotient(self.credit_usd * quantity, self.open, 18)
            self.credit_usd -= released_usd
        self.credit -= released
        self.open -= quantity
        return released, released_usd

    def figures(self, expired: Container[str]) -> Leg:
        """The leg's figures; `expired` names the contracts that wait for their delivery."""
        instrument = self.instrument
        if self.settled is not None:
            state = LegState.SETTLED
        elif not self.open:
            state = LegState.CLOSED
        elif instrument.symbol in expired:
            state = LegState.AWAITING_DELIVERY
        else:
            state = LegState.OPEN
        why = self.first.why
        return Leg(
            leg_number=self.number,
            instrument=instrument,
            side=Side.SELL if self.short else Side.BUY,
            state=state,
            open_quantity=self.open,
            opened_quantity=self.opened,
            entry_price=_average(self.premium, self.opened, instrument),
            exit_price=_average(self.paid, self.closed, instrument) if self.closed else None,
            open_credit=self.sign * self.credit,
            open_credit_usd=None if self.credit_usd is None else self.sign * self.credit_usd,
            gross_pnl=self.gross,
            fees=self.fees,
            net_pnl=self.gross - self.fees,
            delivery_price=self.delivery_price,
            payoff=self.payoff,
            delivery_fee=self.delivery_fee,
            settled_quantity=self.settled,
            open_time=self.first.time,
            close_time=self.close_time,
            decision_id=why.decision_id,
            trigger=why.trigger,
            reason=why.reason,
            collateral=self.collateral,
        )


def _average(value: Decimal, quantity: Decimal, instrument: Instrument) -> Decimal:
    return quotient(value, quantity * instrument.multiplier, 18)
