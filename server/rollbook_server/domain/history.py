"""What has happened to one chain: the facts of its journal entries, gathered for the fold.

`History.after(entry)` is the only way a history grows, in the order of the journal. What the numbers mean is
decided in `fold`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from rollbook_server.domain.clock import Micros
from rollbook_server.domain.entries import (
    Delivery,
    Entry,
    ExecutionEntry,
    ExpiryEntry,
    FillsEntry,
    SettlementEntry,
)
from rollbook_server.domain.executions import (
    FeeSource,
    Fill,
    Mode,
    Order,
    OrderState,
    PositionEffect,
    StrategyKind,
)
from rollbook_server.domain.instruments import Instrument

Key = tuple[int, int, int]
"""Where a fill stands in the journal: (revision, sequence, place)."""

_ENDED = (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED)


@dataclass(frozen=True, slots=True)
class Why:
    """Who decided: an execution's decision_id, trigger and reason."""

    decision_id: str = ""
    trigger: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFill:
    """A fill in its chain."""

    key: Key
    fill: Fill
    instrument: Instrument
    effect: PositionEffect
    fee: Decimal | None
    fee_source: FeeSource
    roll_number: int
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainOrder:
    """An order of the chain and what its fills do; `order` is None where only its fills have been seen."""

    effect: PositionEffect
    roll_number: int
    why: Why
    order: Order | None = None
    update_time: Micros = 0

    @property
    def working(self) -> bool:
        """Whether the venue may still fill it."""
        return self.order is not None and self.order.state is OrderState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class RollFact:
    """A roll as it was begun."""

    number: int
    from_symbols: tuple[str, ...]
    to_symbols: tuple[str, ...]
    why: Why
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A contract's delivery."""

    key: Key
    expiry_time: Micros
    price: Decimal
    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something said about the chain at an instant: a roll given up (`collateral` is None) or a collateral."""

    key: Key
    time: Micros
    collateral: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The facts of one chain in the order of the journal."""

    account: str
    position_id: str
    venue: str
    mode: Mode
    strategy: StrategyKind
    strategy_name: str
    underlying: str
    settlement_currency: str
    previous_position_id: str
    created_revision: int
    revision: int
    exit_style: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    fills: tuple[ChainFill, ...] = ()
    orders: Mapping[str, ChainOrder] = field(default_factory=dict)
    rolls: tuple[RollFact, ...] = ()
    deliveries: Mapping[str, Delivered] = field(default_factory=dict)
    expired: Mapping[str, Micros] = field(default_factory=dict)
    abandonments: tuple[Moment, ...] = ()
    collaterals: tuple[Moment, ...] = ()
    leg_numbers: Mapping[Key, int] = field(default_factory=dict)
    """The leg of each opening fill, as numbered when it arrived; kept so that numbers never change."""

    @classmethod
    def begun_by(cls, entry: Entry) -> "History":
        """The history of the chain that an OPEN makes, that OPEN included."""
        body = entry.body
        if not isinstance(body, ExecutionEntry) or not body.begins_chain:
            raise ValueError(f"entry {entry.revision}.{entry.sequence} begins no chain")
        said = body.said
        empty = cls(
            account=entry.account,
            position_id=entry.position_id,
            venue=said.venue,
            mode=said.mode,
            strategy=said.strategy,
            strategy_name=said.strategy_name,
            underlying=body.underlying,
            settlement_currency=body.settlement_currency,
            previous_position_id=said.previous_position_id,
            created_revision=entry.revision,
            revision=entry.revision,
        )
        return empty.after(entry)

    def after(self, entry: Entry) -> "History":
        """The history with one more entry."""
        match entry.body:
            case ExecutionEntry() as body:
                return self._after_execution(entry, body)
            case FillsEntry() as body:
                return self._after_fills(entry, body)
            case SettlementEntry() as body:
                return self._after_settlement(entry, body)
            case ExpiryEntry() as body:
                expired = {**self.expired, **dict.fromkeys(body.symbols, body.expiry_time)}
                return replace(self, revision=entry.revision, expired=expired)

    def _after_execution(self, entry: Entry, body: ExecutionEntry) -> "History":
        said = body.said
        why = Why(said.decision_id, said.trigger, said.reason)
        fills = list(self.fills)
        orders = dict(self.orders)
        for decided in body.orders:
            order = body.order_of(decided)
            _note_order(orders, order, decided.effect, decided.roll_number, why, said.executed_time)
        for decided_fill in body.fills:
            fill = body.fill_of(decided_fill)
            key = (entry.revision, entry.sequence, decided_fill.place)
            fills.append(
                ChainFill(
                    key=key,
                    fill=fill,
                    instrument=decided_fill.instrument,
                    effect=decided_fill.effect,
                    fee=decided_fill.fee,
                    fee_source=decided_fill.fee_source,
                    roll_number=decided_fill.roll_number,
                    why=why,
                )
            )
            if fill.order_id and fill.order_id not in orders:
                orders[fill.order_id] = ChainOrder(
                    effect=decided_fill.effect, roll_number=decided_fill.roll_number, why=why
                )
        rolls = self.rolls
        if body.opens_roll:
            begun = RollFact(
                number=body.opens_roll,
                from_symbols=body.from_symbols,
                to_symbols=body.to_symbols,
                why=why,
                errors=said.errors,
            )
            rolls = (*rolls, begun)
        here = (entry.revision, entry.sequence, 1_000_000)  # after the entry's own fills
        abandonments = self.abandonments
        if body.abandons_roll:
            abandonments = (*abandonments, Moment(key=here, time=said.executed_time))
        collaterals = self.collaterals
        if said.collateral is not None:
            own = [fill.fill.executed_time for fill in fills if fill.key[:2] == here[:2]]
            since = max(said.executed_time, min(own)) if own else said.executed_time
            collaterals = (*collaterals, Moment(key=here, time=since, collateral=said.collateral))
        return replace(
            self,
            revision=entry.revision,
            exit_style=said.exit_style or self.exit_style,
            labels={**self.labels, **said.labels} if said.labels else self.labels,
            fills=tuple(fills),
            orders=orders,
            rolls=rolls,
            abandonments=abandonments,
            collaterals=collaterals,
        )

    def _after_fills(self, entry: Entry, body: FillsEntry) -> "History":
        fills = list(self.fills)
        orders = dict(self.orders)
        for decided in body.orders:
            order = body.order_of(decided)
            known = orders.get(order.order_id)
            why = known.why if known else Why()
            _note_order(orders, order, decided.effect, decided.roll_number, why, entry.event_time)
        for decided_fill in body.fills:
            fill = body.fill_of(decided_fill)
            known = orders.get(fill.order_id)
            fills.append(
                ChainFill(
                    key=(entry.revision, entry.sequence, decided_fill.place),
                    fill=fill,
                    instrument=decided_fill.instrument,
                    effect=decided_fill.effect,
                    fee=decided_fill.fee,
                    fee_source=decided_fill.fee_source,
                    roll_number=decided_fill.roll_number,
                    why=known.why if known else Why(),
                )
            )
        return replace(self, revision=entry.revision, fills=tuple(fills), orders=orders)

    def _after_settlement(self, entry: Entry, body: SettlementEntry) -> "History":
        deliveries = dict(self.deliveries)
        for place, delivery in enumerate(body.deliveries):
            deliveries[delivery.symbol] = Delivered(
                key=(entry.revision, entry.sequence, place),
                expiry_time=body.expiry_time,
                price=body.delivery_price,
                delivery=delivery,
            )
        return replace(self, revision=entry.revision, deliveries=deliveries)


def _note_order(
    orders: dict[str, ChainOrder],
    order: Order,
    effect: PositionEffect,
    roll_number: int,
    why: Why,
    default_time: Micros,
) -> None:
    """Keeps the newest state of an order; an ended order is not reopened by a report of the same time."""
    time = order.update_time if order.update_time is not None else default_time
    known = orders.get(order.order_id)
    if known is not None and known.order is not None:
        if time < known.update_time or (
            time == known.update_time and known.order.state in _ENDED and order.state not in _ENDED
        ):
            return
        order = _merged(known.order, order)
        effect, roll_number, why = known.effect, known.roll_number, known.why
    orders[order.order_id] = ChainOrder(effect=effect, roll_number=roll_number, why=why, order=order, update_time=time)


def _merged(before: Order, now: Order) -> Order:
    """The newer report, with what it leaves out taken from the one before."""
    return replace(
        now,
        symbol=now.symbol or before.symbol,
        instrument=now.instrument or before.instrument,
        side=now.side or before.side,
        quantity=now.quantity if now.quantity is not None else before.quantity,
        limit_price=now.limit_price if now.limit_price is not None else before.limit_price,
        filled_quantity=now.filled_quantity if now.filled_quantity is not None else before.filled_quantity,
        position_effect=now.position_effect or before.position_effect,
        label=now.label or before.label,
        reason=now.reason or before.reason,
    )
