"""The ledger: judges commands and answers questions by the definitions alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from tests.support.model.aggregates import cover_aggregates
from tests.support.model.chain import Chain, Roll
from tests.support.model.commands import (
    Answer,
    Command,
    Execution,
    Fill,
    LateFills,
    Mark,
    Order,
    RefusedError,
    Settlement,
    exists,
    invalid,
    not_found,
    precondition,
)
from tests.support.model.contracts import Contract, parse_contract
from tests.support.model.facts import (
    AbandonFact,
    ChainFact,
    ChainKey,
    CollateralFact,
    Fact,
    FillFact,
    OrderFact,
    PriceFact,
    RollFact,
    Scope,
    WaitingFill,
    WaitingOrder,
    content,
)
from tests.support.model.fees import charged
from tests.support.model.fold import Delivery, Event, fold, held
from tests.support.model.numbers import minus, percent, total, total_if_known
from tests.support.model.totals import LegValuation, Row, RowValuation, Valuation, row, row_valuation


@dataclass(frozen=True)
class _Item:
    """A new fill of an execution with what follows from its order or the action."""

    fill: Fill
    contract: Contract
    opening: bool


class Ledger:
    """Judges commands and answers questions by the definitions alone."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now
        """The server's clock; None means that every contract has expired."""
        self.facts: list[Fact] = []
        self.marks: list[tuple[Scope, Mark]] = []
        self.revision = 0
        self._answers: dict[tuple[str, str], tuple[Command, Answer]] = {}
        self.custom_contracts: dict[tuple[str, str], Contract] = {}
        """Contracts of venues whose names cannot be read, by (venue, symbol)."""

    # Commands

    def record(self, command: Command, assigned_position_id: str = "") -> Answer:
        """Accepts a command or raises RefusedError. A new chain without a name takes the one that was assigned."""
        before = self._answers.get((command.account, command.request_id))
        if before is not None:
            if before[0] != command:
                raise exists("the request_id was used for other content")
            return before[1]
        facts, revision = list(self.facts), self.revision
        self.revision += 1
        try:
            if isinstance(command, Execution):
                answer = self._execution(command, assigned_position_id)
            elif isinstance(command, LateFills):
                answer = self._late_fills(command)
            else:
                answer = self._settlement(command)
        except RefusedError:
            self.facts, self.revision = facts, revision
            raise
        self._answers[(command.account, command.request_id)] = (command, answer)
        return answer

    def mark(self, scope: Scope, mark: Mark) -> bool:
        """Takes a mark, unless one as new is there."""
        known = self._newest_mark(scope, mark.symbol)
        if known is not None and known.time >= mark.time:
            return False
        self.marks.append((scope, mark))
        return True

    # Questions

    def chain(self, account: str, position_id: str) -> Chain:
        """A chain as of now; KeyError if there is none of that name."""
        fact = self._chain_fact((account, position_id))
        if fact is None:
            raise KeyError(position_id)
        events = self._events(fact)
        chain = fold(fact, events)
        self._number_legs(chain)
        chain.legs.sort(key=lambda leg: leg.leg_number)
        chain.rolls = self._rolls(chain)
        chain.orders = self._newest_orders(fact.key)
        return chain

    def chains(self, account: str | None = None) -> list[Chain]:
        """All chains in the order of their making."""
        facts = [fact for fact in self.facts if isinstance(fact, ChainFact)]
        return [self.chain(*fact.key) for fact in facts if account in (None, fact.key[0])]

    def contract(self, venue: str, symbol: str) -> Contract:
        """The contract of that name; ValueError if it is none."""
        return self.custom_contracts.get((venue, symbol)) or parse_contract(symbol)

    def valuation(self, chain: Chain) -> Valuation | None:
        """What the chain is worth at the newest marks; nothing if nothing is open."""
        if not chain.open_legs:
            return None
        legs: list[LegValuation] = []
        for leg in chain.open_legs:
            mark = self._newest_mark(chain.fact.scope, leg.contract.symbol)
            if mark is None:
                continue
            worth = mark.price * leg.open_quantity * leg.contract.multiplier
            factor = mark.index if leg.contract.coin_settled else Fraction(1)
            worth_usd = None if factor is None else worth * factor
            usd = minus(leg.entry_usd, worth_usd)
            legs.append(
                LegValuation(
                    leg_number=leg.leg_number,
                    symbol=leg.contract.symbol,
                    mark_price=mark.price,
                    mark_time=mark.time,
                    unrealized_pnl=leg.sign * (leg.entry - worth),
                    unrealized_pnl_usd=None if usd is None else leg.sign * usd,
                )
            )
        missing = len(chain.open_legs) - len(legs)
        pnl = None if missing else total(leg.unrealized_pnl for leg in legs)
        return Valuation(
            mark_time=min((leg.mark_time for leg in legs), default=None),
            unrealized_pnl=pnl,
            unrealized_pnl_usd=None if missing else total_if_known(leg.unrealized_pnl_usd for leg in legs),
            premium_captured_pct=percent(pnl, abs(chain.open_credit)),
            chain_pnl_pct=None if pnl is None else percent(chain.net_pnl + pnl, chain.leg_one_premium),
            missing_marks=missing,
            legs=legs,
        )

    def portfolio(self, account: str, period: tuple[datetime, datetime] | None = None) -> list[Row]:
        """Totals per (mode, currency) of an account."""
        chains = self.chains(account)
        groups = sorted({(chain.mode, chain.settlement_currency) for chain in chains})
        return [row([c for c in chains if (c.mode, c.settlement_currency) == group], period) for group in groups]

    def portfolio_values(self, account: str) -> list[RowValuation]:
        """Values per (mode, currency) of an account's open chains."""
        values = [(chain, self.valuation(chain)) for chain in self.chains(account)]
        valued = [(chain, worth) for chain, worth in values if worth is not None]
        groups = sorted({(chain.mode, chain.settlement_currency) for chain, _ in valued})
        return [
            row_valuation([pair for pair in valued if (pair[0].mode, pair[0].settlement_currency) == group])
            for group in groups
        ]

    def waiting_fills(self, account: str) -> int:
        """Fills of the account whose order nobody has reported yet."""
        return sum(isinstance(fact, WaitingFill) and fact.scope[0] == account for fact in self.facts)

    # Executions

    def _execution(self, e: Execution, assigned: str) -> Answer:
        scope = (e.account, e.mode, e.venue)
        contracts = self._check_shape(e)
        fills, dropped = self._new_fills(scope, e.fills)
        if e.fills and not fills and not e.orders:
            holder = self._holder_of(scope, dropped[0])
            return Answer(self.revision, (holder,) if holder else (), tuple(dropped))
        items = [_Item(f, self.contract(e.venue, f.symbol), self._opens(e, f, f.order_id)) for f in fills]
        if e.status in ("ERROR", "SKIPPED") and not fills:
            return Answer(self.revision, (e.position_id,) if self._chain_fact((e.account, e.position_id)) else ())
        if e.action == "OPEN":
            fact, roll = self._chain_to_open(e, contracts, assigned)
        else:
            fact = self._chain_to_change(e, contracts)
            roll = self._roll_of(e, fact, items)
            if e.action == "ADD":
                ordered = [self._waiting(scope, order.order_id) for order in e.orders]
                attached = [one.fill.time for ones in ordered for one in ones if isinstance(one, WaitingFill)]
                self._check_open(fact, [*(fill.time for fill in e.fills), *attached] or [e.executed_time])
            if e.action == "CLOSE" and e.orders and not e.fills:
                self._check_open(fact, [e.executed_time])
            if e.action == "CLOSE" and not e.fills and not e.orders:
                self.facts.append(AbandonFact(fact.key, self.revision, e.executed_time))
        for item in items:
            self._add_fill(fact, item.fill, item.contract, item.opening, roll, e.decision_id)
        for order in e.orders:
            self._add_order(fact, order, e, roll)
        if e.collateral is not None:
            self.facts.append(CollateralFact(fact.key, self.revision, e.executed_time, e.collateral))
        fold(fact, self._events(fact))
        return Answer(self.revision, (fact.position_id,), tuple(dropped))

    def _check_shape(self, e: Execution) -> list[Contract]:
        if e.mode == "LIVE" and (e.status == "SIMULATED" or any(fill.source == "SIMULATED" for fill in e.fills)):
            raise invalid("simulated things in LIVE")
        if not e.fills and not e.orders and e.status not in ("ERROR", "SKIPPED"):
            fact = self._chain_fact((e.account, e.position_id))
            flat = fact is not None and self._as_of(fact, e.executed_time).state == "FLAT"
            if e.action != "CLOSE" or e.status not in ("EXECUTED", "SIMULATED") or (fact is not None and not flat):
                raise invalid("nothing was done")
        contracts = self._check_items(e.venue, e.fills, e.orders)
        if any(e.executed_time >= self.contract(e.venue, order.symbol).expiry for order in e.orders):
            raise precondition("an order of an expired contract")
        if len({(contract.underlying, contract.currency) for contract in contracts}) > 1:
            raise invalid("contracts of several underlyings or currencies")
        for symbol in (*e.from_symbols, *e.to_symbols):
            self._readable(e.venue, symbol)
        effects = [(fill.symbol, self._opens(e, fill, fill.order_id)) for fill in e.fills]
        effects += [(order.symbol, self._opens(e, order, order.order_id)) for order in e.orders]
        if e.action == "ROLL":
            closed = {*e.from_symbols, *(symbol for symbol, opens in effects if not opens)}
            opened = {*e.to_symbols, *(symbol for symbol, opens in effects if opens)}
            if closed & opened:
                raise invalid("a roll from a contract to itself")
        elif any(opens != (e.action != "CLOSE") for _, opens in effects):
            raise invalid("an effect that contradicts the action")
        return contracts

    def _readable(self, venue: str, symbol: str) -> Contract:
        try:
            return self.contract(venue, symbol)
        except ValueError as error:
            raise invalid(str(error)) from error

    def _check_items(self, venue: str, fills: Sequence[Fill], orders: Sequence[Order]) -> list[Contract]:
        items: list[Fill | Order] = [*fills, *orders]
        contracts = [self._readable(venue, item.symbol) for item in items]
        for fill in fills:
            if fill.quantity <= 0 or fill.price < 0 or (fill.index is not None and fill.index <= 0):
                raise invalid("a number outside its range")
            if bool(fill.trade_id) != (fill.source == "VENUE_TRADE"):
                raise invalid("a trade has an id, and nothing else has one")
            if fill.source == "ORDER_AGGREGATE" and not fill.order_id:
                raise invalid("an aggregate without its order")
        if any(fill.time >= self.contract(venue, fill.symbol).expiry for fill in fills):
            raise precondition("a fill at or after the expiry")
        return contracts

    def _opens(self, e: Execution, item: Fill | Order, order_id: str) -> bool:
        """Whether it opens: as it says, else as its order says, else as the action says."""
        order = next((order for order in e.orders if order.order_id == order_id), None)
        effect = item.effect or (order.effect if order else "")
        if effect:
            return effect == "OPENING"
        if e.action != "ROLL":
            return e.action in ("OPEN", "ADD")
        if (item.symbol in e.from_symbols) == (item.symbol in e.to_symbols):
            raise invalid("a roll's contract that is neither from nor to")
        return item.symbol in e.to_symbols

    def _chain_to_open(self, e: Execution, contracts: list[Contract], assigned: str) -> tuple[ChainFact, int | None]:
        """The new chain, or the flat one that it completes together with the roll that was half done."""
        known = self._chain_fact((e.account, e.position_id)) if e.position_id else None
        if known is not None:
            self._check_same(e, known, contracts)
            then = self._as_of(known, e.executed_time)
            if then.state != "FLAT":
                raise precondition("the chain was not flat")
            return known, self._completed_by(e, then)
        fact = ChainFact(
            revision=self.revision,
            scope=(e.account, e.mode, e.venue),
            position_id=e.position_id or assigned or f"made-{self.revision}",
            strategy=e.strategy,
            strategy_name=e.strategy_name,
            underlying=contracts[0].underlying,
            currency=contracts[0].currency,
        )
        self.facts.append(fact)
        return fact, None

    def _chain_to_change(self, e: Execution, contracts: list[Contract]) -> ChainFact:
        """The chain that is named, else the one that held the named contract at the fill's time."""
        if e.position_id:
            fact = self._chain_fact((e.account, e.position_id))
            if fact is None:
                raise not_found("no chain of that name")
            self._check_same(e, fact, contracts)
            return fact
        named = self._named_contracts(e)
        if not named:
            raise invalid("neither a chain nor a contract is named")
        holders = [
            fact
            for fact in self.facts
            if isinstance(fact, ChainFact)
            and fact.scope == (e.account, e.mode, e.venue)
            and (fact.strategy, fact.strategy_name) == (e.strategy, e.strategy_name)
            and all(held(self._as_of(fact, time), contract) for contract, time in named)
        ]
        if not holders:
            raise not_found("no chain held the contract")
        if len(holders) > 1:
            raise precondition("several chains held the contract")
        self._check_same(e, holders[0], contracts)
        return holders[0]

    def _named_contracts(self, e: Execution) -> list[tuple[Contract, datetime]]:
        """What must be held, and when: for a ROLL what it closes, else what its fills and orders are in."""
        rolls = e.action == "ROLL"
        moments = [(f.symbol, f.time) for f in e.fills if not (rolls and self._opens(e, f, f.order_id))]
        said = {symbol for symbol, _ in moments}
        ordered = [o.symbol for o in e.orders if not (rolls and self._opens(e, o, o.order_id))]
        others = dict.fromkeys(symbol for symbol in (*e.from_symbols, *ordered) if symbol not in said)
        moments += [(symbol, e.executed_time) for symbol in others]
        return [(self.contract(e.venue, symbol), time) for symbol, time in moments]

    def _check_same(self, e: Execution, fact: ChainFact, contracts: list[Contract]) -> None:
        if fact.scope != (e.account, e.mode, e.venue) or (fact.strategy, fact.strategy_name) != (
            e.strategy,
            e.strategy_name,
        ):
            raise precondition("the chain is of another mode, venue or strategy")
        if any((c.underlying, c.currency) != (fact.underlying, fact.currency) for c in contracts):
            raise invalid("the chain is of another underlying or currency")

    def _check_open(self, fact: ChainFact, times: Sequence[datetime]) -> None:
        if any(self._as_of(fact, time).state != "OPEN" for time in times):
            raise precondition("the chain was not open")

    def _roll_of(self, e: Execution, fact: ChainFact, items: Sequence[_Item]) -> int | None:
        """The roll that a ROLL begins, or the half-done one that it completes: by opening only where nothing is held,
        else by the missing side of the same move."""
        if e.action != "ROLL":
            return None
        closing_fills = any(not self._opens(e, fill, fill.order_id) for fill in e.fills)
        closing_orders = any(not self._opens(e, order, order.order_id) for order in e.orders)
        then = self._as_of(fact, e.executed_time)
        if not closing_fills and not closing_orders and then.state == "FLAT":
            return self._completed_by(e, then)
        if not closing_fills and then.state != "OPEN":
            raise precondition("the chain was not open")
        said: list[Fill | Order] = [*e.fills, *e.orders]
        effects = {(item.symbol, self._opens(e, item, item.order_id)) for item in said}
        out_of = frozenset({*e.from_symbols, *(symbol for symbol, opens in effects if not opens)})
        into = frozenset({*e.to_symbols, *(symbol for symbol, opens in effects if opens)})
        told = {item.opening for item in items} | {self._opens(e, order, order.order_id) for order in e.orders}
        if len(told) == 1 and out_of and into:
            for roll in reversed([f for f in self.facts if isinstance(f, RollFact) and f.key == fact.key]):
                sides = {f.opening for f in self.facts if isinstance(f, FillFact) and f.roll == roll.revision}
                if (roll.out_of, roll.into) == (out_of, into) and len(sides) == 1 and not sides & told:
                    return roll.revision
        self.facts.append(RollFact(fact.key, self.revision, out_of, into))
        return self.revision

    def _completed_by(self, e: Execution, flat: Chain) -> int | None:
        """The half-done roll that an execution completes, with other contracts than it came from."""
        closed = {fact.fill.symbol for fact in flat.fills if fact.roll == flat.half_done_roll}
        if closed & {*e.to_symbols, *(fill.symbol for fill in e.fills), *(order.symbol for order in e.orders)}:
            raise invalid("a roll from a contract to itself")
        return flat.half_done_roll

    # Late fills

    def _late_fills(self, command: LateFills) -> Answer:
        scope = (command.account, command.mode, command.venue)
        if not command.fills and not command.orders:
            raise invalid("nothing to record")
        if command.mode == "LIVE" and any(fill.source == "SIMULATED" for fill in command.fills):
            raise invalid("simulated things in LIVE")
        if any(not fill.order_id for fill in command.fills):
            raise invalid("a late fill without its order")
        self._check_items(command.venue, command.fills, command.orders)
        fills, dropped = self._new_fills(scope, command.fills)
        moved: dict[str, ChainFact] = {}
        holders = [self._holder_of(scope, trade_id) for trade_id in dropped]
        unmatched: dict[str, None] = {}
        for fill in fills:
            known = self._order_fact(scope, fill.order_id)
            if known is None:
                unmatched[fill.order_id] = None
                self.facts.append(WaitingFill(scope, fill))
            else:
                moved[known.key[1]] = self._attach_fill(known, fill)
        for order in command.orders:
            known = self._order_fact(scope, order.order_id)
            if known is None:
                unmatched[order.order_id] = None
                self.facts.append(WaitingOrder(scope, order))
            else:
                moved[known.key[1]] = self._attach_order(known, order)
        for fact in moved.values():
            fold(fact, self._events(fact))
        named = dict.fromkeys([*moved, *filter(None, holders)])
        return Answer(self.revision, tuple(named), tuple(dropped), tuple(unmatched))

    def _attach_fill(self, order: OrderFact, fill: Fill) -> ChainFact:
        fact = self._chain_fact(order.key)
        assert fact is not None
        opening = fill.effect == "OPENING" if fill.effect else order.opening
        contract = self.contract(order.scope[2], fill.symbol)
        self._add_fill(fact, fill, contract, opening, order.roll, order.decision_id)
        return fact

    def _attach_order(self, known: OrderFact, order: Order) -> ChainFact:
        fact = self._chain_fact(known.key)
        if order.update_time is None:
            raise invalid("an order's state without its time")
        assert fact is not None
        self.facts.append(replace(known, revision=self.revision, order=order, time=order.update_time))
        return fact

    # Settlements

    def _settlement(self, s: Settlement) -> Answer:
        scope = (s.account, s.mode, s.venue)
        if s.price <= 0:
            raise invalid("a delivery price that is not above zero")
        if bool(s.symbol) == bool(s.index_name) or bool(s.index_name) != (s.expiry is not None):
            raise invalid("either one contract, or an index and an expiry")
        expiry = self._readable(s.venue, s.symbol).expiry if s.symbol else s.expiry
        assert expiry is not None
        if self.now is not None and expiry > self.now:
            raise precondition("the contract has not expired")
        prices = [fact for fact in self.facts if isinstance(fact, PriceFact) and fact.scope == scope]
        known = [f.settlement for f in prices if self._index_and_expiry(f.settlement) == self._index_and_expiry(s)]
        if any(settlement.price != s.price for settlement in known):
            raise precondition("settled at another price")
        self.facts.append(PriceFact(scope, self.revision, s))
        chains = [fact for fact in self.facts if isinstance(fact, ChainFact) and fact.scope == scope]
        return Answer(self.revision, tuple(fact.position_id for fact in chains if self._settled_now(fact)))

    def _settled_now(self, fact: ChainFact) -> bool:
        """Whether this command's price settled something of the chain."""
        events = self._events(fact)
        priced = {e.contract.symbol for e in events if isinstance(e, Delivery) and e.revision == self.revision}
        return any(line.kind == "SETTLEMENT" and line.symbol in priced for line in fold(fact, events).lines)

    def _index_and_expiry(self, s: Settlement) -> tuple[str, datetime | None]:
        if not s.symbol:
            return s.index_name, s.expiry
        contract = self.contract(s.venue, s.symbol)
        return contract.index_name, contract.expiry

    # Trades

    def _trade_key(self, scope: Scope, fill: Fill) -> tuple[Scope, str, str]:
        return scope, self.contract(scope[2], fill.symbol).currency, fill.trade_id

    def _known_trades(self, scope: Scope) -> dict[tuple[Scope, str, str], tuple[Fill, str]]:
        """Every trade that was accepted, with the chain that holds it, empty while it waits."""
        known: dict[tuple[Scope, str, str], tuple[Fill, str]] = {}
        scopes = {fact.key: fact.scope for fact in self.facts if isinstance(fact, ChainFact)}
        for fact in self.facts:
            if isinstance(fact, FillFact) and scopes[fact.key] == scope and fact.fill.trade_id:
                known[self._trade_key(scope, fact.fill)] = (fact.fill, fact.key[1])
            elif isinstance(fact, WaitingFill) and fact.scope == scope:
                known[self._trade_key(scope, fact.fill)] = (fact.fill, "")
        return known

    def _new_fills(self, scope: Scope, fills: Sequence[Fill]) -> tuple[list[Fill], list[str]]:
        """The fills that are not known yet, and the ids of those that are. Same id, other content is refused."""
        known = {key: fill for key, (fill, _) in self._known_trades(scope).items()}
        new: list[Fill] = []
        dropped: list[str] = []
        for fill in fills:
            if not fill.trade_id:
                new.append(fill)
                continue
            key = self._trade_key(scope, fill)
            if key not in known:
                known[key] = fill
                new.append(fill)
            elif content(known[key]) != content(fill):
                raise exists("the trade is known with other content")
            else:
                dropped.append(fill.trade_id)
        return new, dropped

    def _holder_of(self, scope: Scope, trade_id: str) -> str:
        return next((chain for key, (_, chain) in self._known_trades(scope).items() if key[2] == trade_id), "")

    # Adding facts

    def _add_fill(
        self,
        fact: ChainFact,
        fill: Fill,
        contract: Contract,
        opening: bool,
        roll: int | None,
        decision_id: str,
    ) -> None:
        fee, fee_source = charged(fill, contract, estimate=fact.scope[1] == "DRY_RUN")
        place = 1 + sum(isinstance(f, FillFact) and f.revision == self.revision for f in self.facts)
        self.facts.append(
            FillFact(fact.key, self.revision, place, fill, contract, opening, roll, fee, fee_source, decision_id)
        )

    def _add_order(self, fact: ChainFact, order: Order, e: Execution, roll: int | None) -> None:
        """Makes an order known, with whatever of it has waited."""
        known = self._order_fact(fact.scope, order.order_id)
        if known is not None and known.key != fact.key:
            raise precondition("the order belongs to another chain")
        opening = self._opens(e, order, order.order_id)
        time = order.update_time or e.executed_time
        added = OrderFact(fact.key, fact.scope, self.revision, order, time, opening, roll, e.decision_id)
        self.facts.append(added)
        for one in self._waiting(fact.scope, order.order_id):
            self.facts.remove(one)
            if isinstance(one, WaitingFill):
                self._attach_fill(added, one.fill)
            elif isinstance(one, WaitingOrder):
                self._attach_order(added, one.order)

    # Reading facts

    def _waiting(self, scope: Scope, order_id: str) -> list[WaitingFill | WaitingOrder]:
        """What waits for this order, in the order of arrival."""
        waiting = [fact for fact in self.facts if isinstance(fact, WaitingFill | WaitingOrder) and fact.scope == scope]
        return [
            fact
            for fact in waiting
            if (fact.fill if isinstance(fact, WaitingFill) else fact.order).order_id == order_id
        ]

    def _chain_fact(self, key: ChainKey) -> ChainFact | None:
        return next((fact for fact in self.facts if isinstance(fact, ChainFact) and fact.key == key), None)

    def _order_fact(self, scope: Scope, order_id: str) -> OrderFact | None:
        """The order as first reported: it says which chain, roll and effect its fills have."""
        return next(
            (f for f in self.facts if isinstance(f, OrderFact) and (f.scope, f.order.order_id) == (scope, order_id)),
            None,
        )

    def _newest_orders(self, key: ChainKey) -> dict[str, Order]:
        """Each order of a chain in its newest state; of two that are as new, the later report."""
        facts = [fact for fact in self.facts if isinstance(fact, OrderFact) and fact.key == key]
        return {fact.order.order_id: fact.order for fact in sorted(facts, key=lambda fact: (fact.time, fact.revision))}

    def _newest_mark(self, scope: Scope, symbol: str) -> Mark | None:
        marks = [mark for of, mark in self.marks if of == scope and mark.symbol == symbol]
        return max(marks, key=lambda mark: mark.time, default=None)

    def _events(self, fact: ChainFact, until: int | None = None) -> list[Event]:
        """All that moves a chain, up to a revision: its fills, what is said of it, deliveries of its contracts."""
        ours = [
            f
            for f in self.facts
            if isinstance(f, FillFact | AbandonFact | CollateralFact)
            and f.key == fact.key
            and (until is None or f.revision <= until)
        ]
        fills = cover_aggregates([f for f in ours if isinstance(f, FillFact)])
        events: list[Event] = [*fills, *(f for f in ours if not isinstance(f, FillFact))]
        first_seen: dict[Contract, int] = {}
        for event in ours:
            if isinstance(event, FillFact):
                first_seen.setdefault(event.contract, event.revision)
        prices = [
            f
            for f in self.facts
            if isinstance(f, PriceFact) and f.scope == fact.scope and (until is None or f.revision <= until)
        ]
        for contract, seen in first_seen.items():
            price = next((f for f in prices if f.settlement.covers(contract)), None)
            if price is not None:
                said = next((r for r in price.settlement.reported if r[0] == contract.symbol), ("", None, None))
                revision = max(price.revision, seen)
                deribit = fact.scope[2] == "deribit"
                events.append(Delivery(revision, contract, price.settlement.price, said[1], said[2], deribit))
        return events

    def _as_of(self, fact: ChainFact, time: datetime) -> Chain:
        """The chain as it stood after everything that happened up to this instant."""
        return fold(fact, [event for event in self._events(fact) if event.time <= time])

    def _number_legs(self, chain: Chain) -> None:
        """Numbers go by arrival and never change: what a leg was called when its fills came, it is called for ever."""
        names: dict[tuple[int, int], int] = {}
        revisions = {f.revision for f in self.facts if isinstance(f, FillFact) and f.key == chain.fact.key}
        for revision in sorted(revisions):
            _name_legs(fold(chain.fact, self._events(chain.fact, revision)), names)
        _name_legs(chain, names)

    def _rolls(self, chain: Chain) -> list[Roll]:
        facts = [fact for fact in self.facts if isinstance(fact, RollFact) and fact.key == chain.fact.key]
        return [
            Roll(number, fact.revision, [fill for fill in chain.fills if fill.roll == fact.revision])
            for number, fact in enumerate(facts, 1)
        ]


def _name_legs(chain: Chain, names: dict[tuple[int, int], int]) -> None:
    """Each leg, the one that was heard of first going first, keeps the first name of its fills that is free, and else
    gets a name that nobody ever had; a fill that has no name is called like its leg."""
    free = set(names.values())
    unheard = max(free, default=0) + 1
    spoken_for: set[tuple[int, int]] = set()
    for leg in sorted(chain.legs, key=lambda leg: min(leg.arrivals)):
        fills = leg.arrivals - spoken_for
        choice = sorted(free & {names[fill] for fill in fills if fill in names})
        if choice:
            leg.leg_number = choice[0]
            free.discard(leg.leg_number)
            for fill in fills:
                names.setdefault(fill, leg.leg_number)
        else:
            leg.leg_number, unheard = unheard, unheard + 1
            for fill in fills:
                names[fill] = leg.leg_number
        spoken_for |= fills
