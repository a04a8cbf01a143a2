"""Tells a server and the model the same, and compares all that both then say."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import grpc
from hypothesis.stateful import RuleBasedStateMachine

from rollbook.v1 import chain_pb2, ledger_service_pb2, watch_pb2
from rollbook.v1.ledger_service_pb2_grpc import LedgerServiceStub
from rollbook_server.storage.check import check_ledger
from tests.property.compare import chain_differences, portfolio_differences
from tests.property.wire import Wire, timestamp
from tests.property.world import (
    COIN_PRICES,
    FAMILIES,
    INDICES,
    MODES,
    PAPER,
    PAPER_COIN,
    QUANTITIES,
    START,
    STEPS,
    USDC_PRICES,
    Choices,
    Family,
)
from tests.support.model import (
    Answer,
    Chain,
    Command,
    Contract,
    Execution,
    Fill,
    LateFills,
    Ledger,
    Leg,
    Order,
    RefusedError,
    Scope,
    Settlement,
)


class Driver(RuleBasedStateMachine):
    """A server and the model, told the same and compared; each example has two accounts of its own."""

    database: ClassVar[Path]
    stub: ClassVar[LedgerServiceStub]
    examples: ClassVar[Iterator[int]] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.example = next(self.examples)
        self.accounts = (f"machine-{self.example}-a", f"machine-{self.example}-b")
        self.model = Ledger()
        self.model.custom_contracts = {("paper", contract.symbol): contract for contract in (*PAPER, PAPER_COIN)}
        self.wire = Wire(self.model)
        self.clock = START
        self.numbers = itertools.count(1)
        self.sent: list[Command] = []
        self.accepted: list[Command] = []
        self.answers: dict[tuple[str, str], Any] = {}
        self.planned: list[tuple[Scope, Order]] = []
        self.sealed: set[tuple[Scope, str]] = set()
        """Contracts whose delivery was booked as the venue told it: nothing is told of them any more."""
        self.deliveries: dict[tuple[str, datetime], Fraction] = {}
        self.over = False
        self.awaiting = False
        """Whether the server's clock has ended a contract that the model still values."""
        self._chains: list[Chain] | None = None
        self.cursors: dict[str, watch_pb2.Cursor] = {}
        self.watched: dict[tuple[str, str], chain_pb2.PositionChain] = {}
        """What a watcher who is cut off again and again has put together."""

    # What is there

    @property
    def chains(self) -> list[Chain]:
        if self._chains is None:
            self._chains = self.model.chains()
        return self._chains

    def in_state(self, *states: str) -> list[Chain]:
        return [chain for chain in self.chains if chain.state in states]

    def next_id(self, prefix: str) -> str:
        return f"{prefix}{next(self.numbers)}"

    def request_id(self, account: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{account}/{next(self.numbers)}"))

    # Telling both

    def call(self, command: Command) -> tuple[str, Any]:
        """The server's status code, with its answer or the refusal's text."""
        try:
            if isinstance(command, Execution):
                request = ledger_service_pb2.RecordExecutionRequest(execution=self.wire.execution(command))
                return "OK", self.stub.RecordExecution(request)
            if isinstance(command, LateFills):
                return "OK", self.stub.RecordFills(self.wire.late_fills(command))
            return "OK", self.stub.RecordSettlement(self.wire.settlement(command))
        except grpc.RpcError as error:
            return error.code().name, error.details()

    def tell(self, command: Command) -> Answer | None:
        """Sends a command to both; the outcome, the answer and every chain that it may have moved must be the same."""
        if self.is_sealed(command):
            return None
        code, answer = self.call(command)
        assigned = answer.position_id if code == "OK" and isinstance(command, Execution) else ""
        expected: Answer | None = None
        try:
            expected = self.model.record(command, assigned)
            expected_code = why = "OK"
        except RefusedError as refused:
            expected_code, why = refused.code, str(refused)
        self.agree(code == expected_code, f"{command}\nthe server: {code} {answer}\nthe model: {why}")
        self.sent.append(command)
        self._chains = None
        if expected is not None:
            self.accepted.append(command)
            self.check_answer(command, answer, expected)
            first = self.answers.setdefault((command.account, command.request_id), answer)
            self.agree(answer == first, f"{command}\nat first: {first}\nagain: {answer}")
        self.check_chains(command, expected)
        if len(self.sent) % 7 == 0:
            self.watch()
        return expected

    def agree(self, same: bool, otherwise: str) -> None:
        """Fails the example, whose end is then of no interest."""
        if not same:
            self.over = True
            raise AssertionError(otherwise)

    def is_sealed(self, command: Command) -> bool:
        if isinstance(command, Settlement) or not self.sealed:
            return False
        scope = (command.account, command.mode, command.venue)
        symbols = {fill.symbol for fill in command.fills} | {order.symbol for order in command.orders}
        return any((scope, symbol) in self.sealed for symbol in symbols)

    def check_answer(self, command: Command, answer: Any, expected: Answer) -> None:
        same = [
            (sorted(expected.position_ids), [answer.position_id][: len(answer.position_id)])
            if isinstance(command, Execution)
            else (sorted(expected.position_ids), sorted(answer.position_ids))
        ]
        if not isinstance(command, Settlement):
            same.append((sorted(expected.dropped_trade_ids), sorted(answer.dropped_trade_ids)))
        if isinstance(command, LateFills):
            same.append((sorted(expected.unmatched_order_ids), sorted(answer.unmatched_order_ids)))
        self.agree(all(a == b for a, b in same), f"{command}\nthe server: {answer}\nthe model: {expected}")

    def check_chains(self, command: Command, answer: Answer | None) -> None:
        named = set(answer.position_ids) if answer else set()
        if isinstance(command, Execution):
            named.add(command.position_id)
        for chain in self.chains:
            if chain.account == command.account and chain.position_id in named:
                self.check_chain(chain, f"after {command}")

    def check_chain(self, chain: Chain, when: str) -> None:
        request = ledger_service_pb2.GetChainRequest(account=chain.account, position_id=chain.position_id)
        answer = self.stub.GetChain(request)
        self.awaiting |= any(leg.state == chain_pb2.LEG_STATE_AWAITING_DELIVERY for leg in answer.chain.legs)
        differences = list(chain_differences(answer, chain, self.model.valuation(chain)))
        self.agree(not differences, "\n".join([*differences, when]))

    def watch(self) -> None:
        """Goes on from the cursor of the last time until nothing is missing."""
        for account in self.accounts:
            cursor = self.cursors.get(account, watch_pb2.Cursor())
            request = watch_pb2.WatchChainsRequest(
                account=account,
                include_closed=True,
                ledger_id=cursor.ledger_id,
                after_revision=cursor.revision,
            )
            stream = self.stub.WatchChains(request)
            for message in stream:
                self.watched.update({(chain.account, chain.position_id): chain for chain in message.chains})
                if message.bookmark:
                    self.cursors[account] = message.cursor
                    break
            stream.cancel()

    def check_watched(self) -> None:
        """What was watched is what GetChain says."""
        self.watch()
        for account, position_id in {(chain.account, chain.position_id) for chain in self.chains} | {*self.watched}:
            request = ledger_service_pb2.GetChainRequest(account=account, position_id=position_id)
            known, seen = self.stub.GetChain(request).chain, self.watched.get((account, position_id))
            self.agree(known == seen, f"the server: {known}\nwas watched: {seen}")

    def check_portfolio(self, account: str) -> None:
        period = (START + timedelta(days=1), START + timedelta(days=4))
        request = ledger_service_pb2.GetPortfolioRequest(
            account=account, period_from_time=timestamp(period[0]), period_before_time=timestamp(period[1])
        )
        answer = self.stub.GetPortfolio(request)
        values = None if self.awaiting else self.model.portfolio_values(account)
        differences = list(portfolio_differences(answer, self.model.portfolio(account, period), values))
        waiting = self.model.waiting_fills(account)
        if answer.unmatched_fills != waiting:
            differences.append(f"unmatched_fills: the server says {answer.unmatched_fills}, the model {waiting}")
        self.agree(not differences, "\n".join(differences))

    def teardown(self) -> None:
        """At the end of an example all is compared, touched last or not, and now and then the file proves itself."""
        if self.over:
            return
        for chain in self.chains:
            self.check_chain(chain, "at the end")
        self.check_watched()
        for account in self.accounts:
            self.check_portfolio(account)
        if self.example % 10 == 0:
            self.check_file()

    @classmethod
    def check_file(cls) -> None:
        """Every projection of the server's live file is what its journal makes."""
        report = check_ledger(cls.database)
        assert report.ok, report.problems

    # Making things up

    def time(self, draw: Choices) -> datetime:
        """Mostly a little later than all before, now and then long ago."""
        if draw.seldom():
            return max(START, self.clock - draw.one(STEPS[2:]))
        self.clock += draw.one(STEPS)
        return self.clock

    def alive(self, draw: Choices, when: datetime, contract: Contract) -> datetime:
        """That time, but mostly before the contract's expiry, as a report that comes late."""
        if when < contract.expiry or draw.seldom():
            return when
        return contract.expiry - draw.one((timedelta(seconds=1), timedelta(hours=30)))

    def contract(self, draw: Choices, family: Family, when: datetime, *but: Contract) -> Contract:
        venue, symbols = family
        contracts = [contract for symbol in symbols if (contract := self.model.contract(venue, symbol)) not in but]
        return draw.one([contract for contract in contracts if contract.expiry > when] or contracts)

    def fill(
        self,
        draw: Choices,
        contract: Contract,
        side: str,
        quantity: Fraction,
        when: datetime,
        dry: bool,
        **more: Any,
    ) -> Fill:
        """A fill with any price, index and fee."""
        closing = (Fraction(0),) if side == "BUY" else ()
        fees = (
            (Fraction("0.0003"), Fraction(0), Fraction("-0.00001")) if contract.inverse else (Fraction(3), Fraction(0))
        )
        made = Fill(
            symbol=contract.symbol,
            side=side,
            quantity=quantity,
            price=draw.one((COIN_PRICES if contract.inverse else USDC_PRICES) + closing),
            time=when,
            trade_id=self.next_id("t"),
            fee=None if draw.seldom(5) and contract not in PAPER else draw.one(fees),
            index=None if draw.seldom(10) else draw.one(INDICES),
            liquidity=draw.one(("", "MAKER", "TAKER")),
        )
        if dry and draw.seldom(2):
            made = replace(made, source="SIMULATED", trade_id="")
        return replace(made, **more)

    def slice_of(self, draw: Choices, whole: Fraction) -> Fraction:
        """All of it, or a part."""
        return draw.one([whole, *(quantity for quantity in QUANTITIES if quantity < whole)])

    def execution(self, chain: Chain | None, action: str, when: datetime, **more: Any) -> Execution:
        """An execution about a chain; without one, of the first account."""
        about = {}
        if chain is not None:
            about = {
                "account": chain.account,
                "mode": chain.mode,
                "venue": chain.fact.scope[2],
                "strategy": chain.fact.strategy,
                "strategy_name": chain.fact.strategy_name,
                "position_id": chain.position_id,
            }
        base: dict[str, Any] = {"account": self.accounts[0], "mode": "LIVE", **about, **more}
        base.setdefault("request_id", self.request_id(base["account"]))
        base.setdefault("decision_id", self.next_id("d"))
        return Execution(action=action, executed_time=when, **base)

    def closing_fill(self, draw: Choices, chain: Chain, leg: Leg, when: datetime, **more: Any) -> Fill:
        side = "BUY" if leg.side == "SELL" else "SELL"
        quantity = more.pop("quantity", None) or self.slice_of(draw, leg.open_quantity)
        return self.fill(draw, leg.contract, side, quantity, when, chain.mode == "DRY_RUN", **more)

    def opening_fill(self, draw: Choices, chain: Chain, contract: Contract, when: datetime, **more: Any) -> Fill:
        held = next((leg.side for leg in chain.open_legs if leg.contract == contract), "SELL")
        return self.fill(draw, contract, held, draw.one(QUANTITIES), when, chain.mode == "DRY_RUN", **more)

    def family(self, chain: Chain) -> Family:
        if chain.fact.scope[2] == "paper":
            return FAMILIES[2]
        return FAMILIES[chain.settlement_currency == "USDC"]

    def somewhere(self, draw: Choices, family: Family) -> Scope:
        """An account and mode; mostly the same, so that chains meet."""
        account = self.accounts[draw.seldom(4)]
        return account, MODES[draw.seldom(3)], family[0]

    def order_for(self, fill: Fill, **more: Any) -> Order:
        return replace(Order(self.next_id("o"), fill.symbol, fill.side, fill.quantity), **more)

    def known_orders(self) -> list[tuple[Chain, Order]]:
        return [(chain, order) for chain in self.chains for order in chain.orders.values()]

    def late_fill(self, draw: Choices, chain: Chain, order: Order) -> Fill:
        contract = self.model.contract(chain.fact.scope[2], order.symbol)
        quantity = self.slice_of(draw, order.quantity)
        when = self.alive(draw, self.time(draw), contract)
        return self.fill(draw, contract, order.side, quantity, when, dry=False, order_id=order.order_id)

    def late(self, scope: Scope, **what: Any) -> LateFills:
        return LateFills(self.request_id(scope[0]), *scope, **what)

    def newer(self, draw: Choices, order: Order, state: str) -> Order:
        """The order in another state, at an instant of its own; seldom a report that is older than the last one."""
        age = timedelta(days=2) if draw.seldom() else timedelta(0)
        return replace(order, state=state, update_time=self.clock - age + timedelta(microseconds=next(self.numbers)))
