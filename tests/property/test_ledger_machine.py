"""Whatever is reported in whatever order: the server answers as the model does, and every figure is equal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from rollbook.v1 import ledger_service_pb2
from rollbook.v1.ledger_service_pb2_grpc import LedgerServiceStub
from tests.property.driver import Driver
from tests.property.world import (
    COIN_PRICES,
    DELIVERIES,
    FAMILIES,
    INDICES,
    INVERSE_CALLS,
    MISTAKES,
    MODES,
    NEW_FEES,
    QUANTITIES,
    STRATEGIES,
    USDC_PRICES,
    Choices,
)
from tests.support.model import Execution, LateFills, Mark, Order, Settlement
from tests.support.server import RunningServer


class LedgerMachine(Driver):
    """All that a bot may report, and much that it should not."""

    # Rules: chains and their legs

    @initialize(data=st.data())
    def first(self, data: st.DataObject) -> None:
        self.open(data)

    @precondition(lambda self: len(self.chains) < 6)
    @rule(data=st.data())
    def open(self, data: st.DataObject) -> None:
        """A new chain, of one contract or two, short or (seldom) long."""
        draw = Choices(data)
        when, family = self.time(draw), draw.one(FAMILIES)
        account, trading, venue = self.somewhere(draw, family)
        contracts = [self.contract(draw, family, when)]
        if contracts[0].expiry > max(NEW_FEES) and draw.seldom(2):
            when = draw.one(NEW_FEES)
        elif draw.seldom():
            contracts.append(self.contract(draw, family, when))
        side = "BUY" if draw.seldom(12) else "SELL"
        fills = [self.fill(draw, c, side, draw.one(QUANTITIES), when, trading == "DRY_RUN") for c in contracts]
        self.tell(
            self.execution(
                None,
                "OPEN",
                when,
                account=account,
                mode=trading,
                venue=venue,
                status="SIMULATED" if trading == "DRY_RUN" and draw.seldom(2) else "EXECUTED",
                strategy=STRATEGIES[draw.seldom(4)],
                strategy_name="weekly" if draw.seldom() else "",
                position_id=self.next_id("p") if draw.seldom(2) else "",
                fills=tuple(fills),
                collateral=draw.one((Fraction(2), Fraction("0.333333333333333333"))) if draw.seldom(8) else None,
            )
        )

    @precondition(lambda self: self.in_state("OPEN"))
    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        """More of a contract that a chain holds (named or not), or another contract in a named chain."""
        draw = Choices(data)
        when, chain = self.time(draw), draw.one(self.in_state("OPEN"))
        by_contract = draw.seldom(3)
        contract = draw.one(chain.open_legs).contract
        if not by_contract and draw.seldom(4):
            contract = self.contract(draw, self.family(chain), when)
        when = self.alive(draw, when, contract)
        fill = self.opening_fill(draw, chain, contract, when)
        more = {"position_id": ""} if by_contract else {}
        self.tell(self.execution(chain, "ADD", when, fills=(fill,), **more))

    @precondition(lambda self: self.in_state("OPEN"))
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        """Some or all of a leg, by the chain's name or by contract."""
        draw = Choices(data)
        when, chain = self.time(draw), draw.one(self.in_state("OPEN"))
        leg = draw.one(chain.open_legs)
        when = self.alive(draw, when, leg.contract)
        fill = self.closing_fill(draw, chain, leg, when)
        more = {"position_id": ""} if draw.seldom(3) else {}
        self.tell(self.execution(chain, "CLOSE", when, fills=(fill,), **more))

    @precondition(lambda self: self.in_state("CLOSED"))
    @rule(data=st.data())
    def close_late(self, data: st.DataObject) -> None:
        """A close that is reported after the chain was over."""
        draw = Choices(data)
        chain = draw.one(self.in_state("CLOSED"))
        if not chain.legs:
            return
        leg = draw.one(chain.legs)
        when = leg.open_time + draw.one((timedelta(minutes=7), timedelta(0), timedelta(days=1)))
        quantity = self.slice_of(draw, leg.opened_quantity)
        fill = self.closing_fill(
            draw, chain, leg, min(when, leg.contract.expiry - timedelta(seconds=1)), quantity=quantity
        )
        more = {"position_id": ""} if draw.seldom(2) else {}
        self.tell(self.execution(chain, "CLOSE", fill.time, fills=(fill,), **more))

    @precondition(lambda self: self.in_state("OPEN"))
    @rule(data=st.data())
    def roll(self, data: st.DataObject) -> None:
        """Out of a contract and into one or two others; whole, in part, or only the first half of it."""
        draw = Choices(data)
        when, chain = self.time(draw), draw.one(self.in_state("OPEN"))
        leg = draw.one(chain.open_legs)
        when = self.alive(draw, when, leg.contract)
        half = draw.seldom(2)
        count = 2 if draw.seldom(5) else 1
        targets = list(dict.fromkeys(self.contract(draw, self.family(chain), when, leg.contract) for _ in range(count)))
        then = when + draw.one((timedelta(0), timedelta(seconds=5)))
        whole = {"quantity": leg.open_quantity} if half and draw.seldom(2) else {}
        closing = self.closing_fill(draw, chain, leg, when, **whole)
        opening = [] if half else [self.opening_fill(draw, chain, target, then) for target in targets]
        named: dict[str, Any] = {
            "from_symbols": (leg.contract.symbol,),
            "to_symbols": tuple(target.symbol for target in targets),
        }
        if opening and draw.seldom(4):
            named = {}
            closing = replace(closing, effect="CLOSING")
            opening = [replace(fill, effect="OPENING") for fill in opening]
        if draw.seldom(4):
            named["position_id"] = ""
        status = draw.one(("PARTIAL", "ERROR")) if half else "EXECUTED"
        fills = (closing, *opening)
        self.tell(self.execution(chain, "ROLL", fills[-1].time, status=status, fills=fills, **named))

    @precondition(lambda self: self.in_state("FLAT"))
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        """The second half of a roll, by an OPEN with the chain's name or by a ROLL that only opens."""
        draw = Choices(data)
        when, chain = self.time(draw), draw.one(self.in_state("FLAT"))
        contract = self.contract(draw, self.family(chain), when)
        fill = self.opening_fill(draw, chain, contract, when)
        if draw.seldom(3):
            self.tell(self.execution(chain, "ROLL", when, fills=(fill,), to_symbols=(contract.symbol,)))
        else:
            self.tell(self.execution(chain, "OPEN", when, fills=(fill,)))

    @precondition(lambda self: self.in_state("FLAT"))
    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        """A half-done roll is given up."""
        draw = Choices(data)
        chain = draw.one(self.in_state("FLAT"))
        assert chain.flat_since is not None
        when = max(self.time(draw), chain.flat_since)
        self.tell(self.execution(chain, "CLOSE", when))

    @precondition(lambda self: self.chains)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """An attempt without any fill is on record and changes nothing."""
        draw = Choices(data)
        status = draw.one(("ERROR", "SKIPPED"))
        when = self.time(draw)
        if draw.seldom(2):
            self.tell(self.execution(None, "OPEN", when, status=status, errors=("no funds",)))
        else:
            chain = draw.one(self.chains)
            self.tell(self.execution(chain, draw.one(("CLOSE", "ROLL")), when, status=status, errors=("no funds",)))

    # Rules: orders

    @rule(data=st.data())
    def rest(self, data: st.DataObject) -> None:
        """An order that rests, with or without a first fill: of a new chain, or of one that is there."""
        draw = Choices(data)
        when = self.time(draw)
        open_chains = self.in_state("OPEN")
        action = draw.one(("OPEN", "ADD", "CLOSE", "ROLL") if open_chains else ("OPEN",))
        chain = None if action == "OPEN" else draw.one(open_chains)
        family = self.family(chain) if chain else draw.one(FAMILIES)
        contract = self.contract(draw, family, when)
        named: dict[str, Any] = {}
        if chain is None:
            fill = self.fill(draw, contract, "SELL", draw.one(QUANTITIES), when, dry=False)
            account, trading, venue = self.somewhere(draw, family)
            named = {"account": account, "mode": trading, "venue": venue, "position_id": self.next_id("p")}
        elif action == "CLOSE":
            fill = self.closing_fill(draw, chain, draw.one(chain.open_legs), when, source="VENUE_TRADE")
        elif action == "ADD":
            fill = self.opening_fill(draw, chain, draw.one(chain.open_legs).contract, when, source="VENUE_TRADE")
        else:
            leg = draw.one(chain.open_legs)
            if leg.contract == contract:
                return
            named = {"from_symbols": (leg.contract.symbol,), "to_symbols": (contract.symbol,)}
            if draw.seldom(2):
                fill = self.closing_fill(draw, chain, leg, when, source="VENUE_TRADE")
            else:
                fill = self.opening_fill(draw, chain, contract, when, source="VENUE_TRADE")
        order = self.order_for(fill)
        orders, fills = [order], []
        if draw.seldom(4):
            part = self.slice_of(draw, fill.quantity)
            fills = [replace(fill, order_id=order.order_id, quantity=part, trade_id=self.next_id("t"))]
        if action == "ROLL" and chain is not None and draw.seldom(2):
            other = self.opening_fill(draw, chain, contract, when) if fill.symbol != contract.symbol else None
            orders += [self.order_for(other)] if other else []
        status = "PARTIAL" if fills else draw.one(("RESTING", "EXECUTED"))
        self.tell(self.execution(chain, action, when, status=status, orders=tuple(orders), fills=tuple(fills), **named))

    @precondition(lambda self: self.known_orders())
    @rule(data=st.data())
    def fills_of_orders(self, data: st.DataObject) -> None:
        """Late fills of one order or of several, in any order of time, with or without the order's new state."""
        draw = Choices(data)
        chain, order = draw.one(self.known_orders())
        fills = [self.late_fill(draw, chain, order) for _ in range(draw.one((1, 2)))]
        if draw.seldom(4):
            mates = [(c, o) for c, o in self.known_orders() if c.fact.scope == chain.fact.scope]
            fills.append(self.late_fill(draw, *draw.one(mates)))
        states = (self.newer(draw, order, "FILLED"),) if draw.seldom(3) else ()
        self.tell(self.late(chain.fact.scope, fills=tuple(draw.shuffled(fills)), orders=states))

    @precondition(lambda self: self.known_orders())
    @rule(data=st.data())
    def aggregate(self, data: st.DataObject) -> None:
        """An order's cumulative fill: stands for the trades that nobody has told, before them or after them."""
        draw = Choices(data)
        chain, order = draw.one(self.known_orders())
        fill = replace(self.late_fill(draw, chain, order), source="ORDER_AGGREGATE", trade_id="")
        self.tell(self.late(chain.fact.scope, fills=(fill,)))

    @precondition(lambda self: self.known_orders())
    @rule(data=st.data())
    def order_ends(self, data: st.DataObject) -> None:
        """An order is cancelled or rejected, or comes back to life by a report out of order."""
        draw = Choices(data)
        chain, order = draw.one(self.known_orders())
        state = self.newer(draw, order, draw.one(("CANCELLED", "REJECTED", "OPEN")))
        self.tell(self.late(chain.fact.scope, orders=(state,)))

    @precondition(lambda self: len(self.planned) < 3)
    @rule(data=st.data())
    def fills_before_their_order(self, data: st.DataObject) -> None:
        """Fills (or a state) of an order that nobody has reported: they wait."""
        draw = Choices(data)
        when, family = self.time(draw), draw.one(FAMILIES)
        scope, contract = self.somewhere(draw, family), self.contract(draw, family, when)
        closing = draw.seldom(4)
        fill = self.fill(draw, contract, "BUY" if closing else "SELL", draw.one(QUANTITIES), when, dry=False)
        order = self.order_for(fill, quantity=fill.quantity + 1)
        fill = replace(fill, order_id=order.order_id)
        self.planned.append((scope, order))
        states = (self.newer(draw, order, "CANCELLED"),) if draw.seldom() else ()
        self.tell(self.late(scope, fills=() if states and draw.seldom(2) else (fill,), orders=states))

    @precondition(lambda self: self.planned)
    @rule(data=st.data())
    def the_order_comes(self, data: st.DataObject) -> None:
        """The execution of such an order: what waited attaches, once, even if the execution tells it again."""
        draw = Choices(data)
        planned = draw.one(self.planned)
        scope, order = planned
        mates = [c for c in self.in_state("OPEN") if c.fact.scope == scope and order.symbol in self.family(c)[1]]
        chain = draw.one(mates) if mates and (order.side == "BUY" or draw.seldom(3)) else None
        if chain is None and order.side == "BUY":
            return
        self.planned.remove(planned)
        action = "OPEN" if chain is None else "CLOSE" if order.side == "BUY" else "ADD"
        about = dict(zip(("account", "mode", "venue"), scope, strict=True))
        if chain is None:
            about["position_id"] = self.next_id("p")
        told = [fill for c in self.sent if isinstance(c, LateFills) for fill in c.fills]
        waiting = tuple(fill for fill in told if fill.order_id == order.order_id)[:1]
        fills = waiting if draw.seldom(2) else ()
        self.tell(self.execution(chain, action, self.time(draw), orders=(order,), fills=fills, **about))

    # Rules: the end of contracts, and marks

    @precondition(lambda self: self.chains)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """A delivery price, for one contract or for all of an index and expiry; seldom again, or at another price."""
        draw = Choices(data)
        chain = draw.one(self.chains)
        venue, symbols = self.family(chain)
        contract = draw.one([leg.contract for leg in chain.legs] or [self.model.contract(venue, symbols[0])])
        key = (contract.index_name, contract.expiry)
        if key not in self.deliveries:
            self.deliveries[key] = draw.one(DELIVERIES)
        price = self.deliveries[key]
        by_index = {"index_name": contract.index_name, "expiry": contract.expiry}
        about: dict[str, Any] = (
            by_index if venue != "paper" and (draw.seldom(2) or not chain.legs) else {"symbol": contract.symbol}
        )
        holders = [
            leg for c in self.chains if c.fact.scope == chain.fact.scope for leg in c.legs if leg.contract == contract
        ]
        alone = len(holders) == 1 and holders[0].open_quantity > 0
        if venue == "paper" and not alone:
            return  # the fee of a delivery there is known only as reported, and reported per account
        if alone and (venue == "paper" or draw.seldom(4)):
            cash = draw.one((Fraction("-0.01234567"), Fraction(0), None))
            fee = draw.one((Fraction("0.0002"), *((None,) if venue == "deribit" else ())))
            about["reported"] = ((contract.symbol, cash, fee),)
            self.sealed.add((chain.fact.scope, contract.symbol))
        scope: dict[str, Any] = dict(zip(("account", "mode", "venue"), chain.fact.scope, strict=True))
        self.tell(Settlement(self.request_id(chain.account), price=price, **scope, **about))
        if draw.seldom(3) and chain.legs:
            price += draw.one((Fraction(1), Fraction(0)))
            self.tell(Settlement(self.request_id(chain.account), price=price, symbol=contract.symbol, **scope))

    @precondition(lambda self: self.in_state("OPEN"))
    @rule(data=st.data())
    def mark(self, data: st.DataObject) -> None:
        """Marks value what is open; an older one than the newest is ignored."""
        draw = Choices(data)
        chain, when = draw.one(self.in_state("OPEN")), self.time(draw)
        marks = [
            Mark(
                leg.contract.symbol,
                when,
                draw.one(COIN_PRICES if leg.contract.inverse else USDC_PRICES),
                None if draw.seldom(8) else draw.one(INDICES),
            )
            for leg in chain.open_legs
            if leg.leg_number == 1 or not draw.seldom(4)
        ]
        if not marks:
            return
        answer = self.stub.UpdateMarks(self.wire.marks(chain.fact.scope, marks))
        taken = [self.model.mark(chain.fact.scope, mark) for mark in marks]
        self.agree(answer.accepted == sum(taken), f"{marks}: the server took {answer.accepted}, the model {taken}")
        self.check_chain(chain, f"after {marks}")

    # Rules: twice

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """The same request has one effect; one that was refused is judged again."""
        draw = Choices(data)
        self.tell(draw.one(self.sent[::-1]))

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def use_a_request_id_again(self, data: st.DataObject) -> None:
        """An accepted request_id with other content is refused."""
        draw = Choices(data)
        command = draw.one(self.accepted[::-1])
        if isinstance(command, Settlement):
            self.tell(replace(command, price=command.price + 1))
        elif isinstance(command, Execution):
            self.tell(replace(command, decision_id=f"{command.decision_id}-other"))
        else:
            other = Order(self.next_id("o"), INVERSE_CALLS[0], "SELL", Fraction(1), update_time=self.clock)
            self.tell(replace(command, orders=(*command.orders, other)))

    @precondition(lambda self: any(chain.fills for chain in self.chains))
    @rule(data=st.data())
    def tell_a_trade_again(self, data: st.DataObject) -> None:
        """A known trade under a new request counts once, and is refused with other content."""
        draw = Choices(data)
        chain = draw.one([chain for chain in self.chains if chain.fills])
        fill = draw.one(chain.fills).fill
        if not fill.trade_id or fill.effect:
            return
        if draw.seldom(3):
            fill = draw.one((replace(fill, price=fill.price + 1), replace(fill, quantity=fill.quantity + 1)))
        if fill.order_id and draw.seldom(2):
            self.tell(self.late(chain.fact.scope, fills=(fill,)))
        else:
            self.tell(self.execution(chain, "OPEN", fill.time, position_id="", fills=(fill,)))

    # Rules: what is refused

    @precondition(lambda self: self.in_state("OPEN"))
    @rule(data=st.data())
    def ask_for_the_impossible(self, data: st.DataObject) -> None:
        """Each kind of contradiction with the ledger is refused by its own status and changes nothing."""
        draw = Choices(data)
        chain = draw.one(self.in_state("OPEN"))
        leg = draw.one(chain.open_legs)
        when = max(fact.time for fact in chain.fills)
        good = self.closing_fill(draw, chain, leg, when, quantity=leg.open_quantity)
        close = self.execution(chain, "CLOSE", when, fills=(good,))
        into = next(symbol for symbol in self.family(chain)[1][::-1] if symbol != leg.contract.symbol)
        venue = chain.fact.scope[2]
        abroad = "X-COIN" if venue == "paper" else FAMILIES[chain.settlement_currency != "USDC"][1][1]
        foreign = self.model.contract(venue, abroad)
        stranger = self.fill(draw, foreign, "SELL", Fraction(1), when, dry=False)
        expired = replace(good, time=leg.contract.expiry + draw.one((timedelta(0), timedelta(days=1))))
        others = [order for c, order in self.known_orders() if c.fact.scope == chain.fact.scope and c != chain]
        wrong: dict[str, Execution] = {
            "more than is open": replace(close, fills=(replace(good, quantity=leg.open_quantity + Fraction("0.1")),)),
            "against the leg": replace(close, fills=(replace(good, side=leg.side),)),
            "opening against the leg": replace(close, action="ADD"),
            "expired": replace(close, fills=(expired,), executed_time=expired.time),
            "no such chain": replace(close, position_id=self.next_id("nobody-")),
            "other mode": replace(
                close,
                mode=MODES[chain.mode == "LIVE"],
                fills=(replace(good, source="VENUE_TRADE", trade_id=self.next_id("t")),),
            ),
            "other strategy": replace(close, strategy="OTHER"),
            "other strategy name": replace(close, strategy_name="another"),
            "nobody holds it": replace(close, position_id="", strategy="OTHER"),
            "other currency": replace(close, action="ADD", fills=(stranger,)),
            "mixed currencies": replace(close, action="ADD", fills=(replace(good, side=leg.side), stranger)),
            "open again": replace(close, action="OPEN", fills=(replace(good, side=leg.side),)),
            "roll into itself": replace(
                close,
                action="ROLL",
                from_symbols=(leg.contract.symbol,),
                to_symbols=(into, leg.contract.symbol),
            ),
            "nothing was done": replace(close, fills=()),
            "no contract": replace(close, fills=(replace(good, symbol="BTC-32MAR26-100000-C"),)),
        }
        if others:
            wrong["order of another chain"] = replace(close, orders=(draw.one(others),), fills=(), status="RESTING")
        if chain.mode == "LIVE":
            wrong["simulated"] = replace(close, status="SIMULATED")
            wrong["simulated fill"] = replace(close, fills=(replace(good, source="SIMULATED", trade_id=""),))
        self.tell(wrong[draw.one(sorted(wrong))])
        self.check_chain(chain, "after a refusal")

    @precondition(lambda self: self.in_state("OPEN"))
    @rule(data=st.data())
    def say_it_wrong(self, data: st.DataObject) -> None:
        """What cannot be read is INVALID_ARGUMENT and changes nothing."""
        draw = Choices(data)
        chain = draw.one(self.in_state("OPEN"))
        leg = draw.one(chain.open_legs)
        when = max(fact.time for fact in chain.fills)
        fill = self.closing_fill(draw, chain, leg, when, quantity=leg.open_quantity, source="VENUE_TRADE")
        command = self.execution(chain, "CLOSE", when, fills=(replace(fill, trade_id=self.next_id("t")),))
        message = self.wire.execution(command)
        name = draw.one(sorted(MISTAKES))
        MISTAKES[name](message)
        with pytest.raises(grpc.RpcError) as refused:
            self.stub.RecordExecution(ledger_service_pb2.RecordExecutionRequest(execution=message))
        status = refused.value.code()
        self.agree(status == grpc.StatusCode.INVALID_ARGUMENT, f"{name}: {status} {refused.value.details()}")
        self.check_chain(chain, f"after {name}")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[LedgerMachine]]:
    """The machine, wired to a server process that all examples share."""
    database = tmp_path_factory.mktemp("machine") / "ledger.db"
    with RunningServer(database) as server, grpc.insecure_channel(server.target) as channel:
        LedgerMachine.database = database
        LedgerMachine.stub = LedgerServiceStub(channel)
        yield LedgerMachine
        LedgerMachine.check_file()


def _run(machine: type[LedgerMachine], examples: int, steps: int, derandomize: bool = True) -> None:
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=derandomize,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=profile)


@pytest.mark.timeout(600)
def test_the_server_agrees_with_the_model(machine: type[LedgerMachine]) -> None:
    """Opens, adds, closes, rolls, orders, late fills, settlements, marks and refusals: every figure is the model's."""
    _run(machine, examples=150, steps=35)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_the_server_agrees_with_the_model_for_long(machine: type[LedgerMachine]) -> None:
    """The same, with new examples each time and longer lives."""
    _run(machine, examples=600, steps=60, derandomize=False)
