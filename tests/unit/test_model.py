"""The reference model is right about every worked case, before it judges the server."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest

from tests.support.golden import GOLDEN, INSTRUMENT_NAMES
from tests.support.model import (
    Answer,
    Chain,
    Execution,
    Fill,
    LateFills,
    Ledger,
    Mark,
    Order,
    RefusedError,
    Settlement,
    parse_contract,
)

ACCOUNT = "main"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _number(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def _fill(raw: dict[str, str]) -> Fill:
    return Fill(
        symbol=raw["symbol"],
        side=raw["side"],
        quantity=Fraction(raw["quantity"]),
        price=Fraction(raw["price"]),
        time=_time(raw["time"]),
        trade_id=raw["trade_id"],
        fee=_number(raw.get("fee")),
        index=_number(raw.get("index_price")),
        order_id=raw.get("order_id", ""),
    )


def _order(raw: dict[str, str]) -> Order:
    return Order(raw["order_id"], raw["symbol"], raw["side"], Fraction(raw["quantity"]), raw["state"])


class Case:
    """One worked case, played to a model."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.mode = "LIVE"
        self.strategy = "COVERED_CALL"
        self.named: dict[str, str] = {}
        self.newest = ""

    def play(self, number: int, step: dict[str, Any]) -> None:
        """Does one step."""
        match step["do"]:
            case "settle":
                price = Fraction(step["delivery_price"])
                self.ledger.record(Settlement(f"r{number}", ACCOUNT, self.mode, price, step["symbol"]))
            case "mark":
                price, index = Fraction(step["mark_price"]), Fraction(step["index_price"])
                scope = (ACCOUNT, self.mode, "deribit")
                assert self.ledger.mark(scope, Mark(step["symbol"], _time(step["time"]), price, index))
            case "record_fills":
                fills = tuple(_fill(fill) for fill in step["fills"])
                self.ledger.record(LateFills(f"r{number}", ACCOUNT, self.mode, fills=fills))
            case "expect":
                self.check(self.chain(), {name: value for name, value in step.items() if name != "do"})
            case action:
                self._execute(number, action.upper(), step)

    def _execute(self, number: int, action: str, step: dict[str, Any]) -> None:
        if action == "OPEN":
            self.mode, self.strategy = step["mode"], step["strategy"]
        answer = self.ledger.record(
            Execution(
                request_id=f"r{number}",
                account=ACCOUNT,
                mode=self.mode,
                strategy=self.strategy,
                action=action,
                status=step.get("status", "EXECUTED"),
                executed_time=_time(step["fills"][-1]["time"] if step["fills"] else "2026-03-02T08:59:00Z"),
                position_id=self._names(action, step),
                from_symbols=(step["from"],) if "from" in step else (),
                to_symbols=(step["to"],) if "to" in step else (),
                orders=tuple(_order(order) for order in step.get("orders", [])),
                fills=tuple(_fill(fill) for fill in step["fills"]),
                errors=tuple(step.get("errors", [])),
            )
        )
        self.newest = answer.position_id
        if "as" in step:
            self.named[step["as"]] = answer.position_id

    def _names(self, action: str, step: dict[str, Any]) -> str:
        if "position_id" in step:
            return str(step["position_id"])
        return "" if action == "OPEN" or step.get("by_symbol") else self.newest

    def chain(self, name: str = "") -> Chain:
        """The chain of that name, or the newest."""
        return self.ledger.chain(ACCOUNT, self.named[name] if name else self.newest)

    def check(self, chain: Chain, expect: dict[str, Any]) -> None:
        """Compares all figures; those of a leg are the last leg's."""
        valuation = self.ledger.valuation(chain)
        for name, expected in expect.items():
            if name == "option_type":
                found: object = "CALL" if chain.legs[-1].contract.call else "PUT"
            else:
                owner = next(o for o in (chain, valuation, chain.legs[-1] if chain.legs else None) if hasattr(o, name))
                found = getattr(owner, name)
            if isinstance(found, Fraction):
                assert isinstance(expected, str), name
                expected = Fraction(expected)
            assert found == expected, name


@pytest.mark.parametrize("case", GOLDEN, ids=[case["name"] for case in GOLDEN])
def test_worked_case(case: dict[str, Any]) -> None:
    """The model gives every figure of the worked cases, and refuses what they refuse."""
    play, expect = Case(), case["expect"]
    *steps, last = case["steps"]
    for number, step in enumerate(steps):
        play.play(number, step)
    if "error" in expect:
        before = play.ledger.chains()
        with pytest.raises(RefusedError) as refused:
            play.play(len(steps), last)
        assert refused.value.code == expect["error"]
        assert play.ledger.chains() == before
        return
    play.play(len(steps), last)
    for name, figures in expect.get("chains", {"": expect}).items():
        play.check(play.chain(name), figures)


def test_refused_trade_ids_are_free_again() -> None:
    """A corrected execution with the trade_id and request_id of a refused one is accepted."""
    play = Case()
    case = next(case for case in GOLDEN if case["name"] == "closing_more_than_is_open_is_refused")
    play.play(0, case["steps"][0])
    with pytest.raises(RefusedError):
        play.play(1, case["steps"][1])
    fill = case["steps"][1]["fills"][0] | {"quantity": "0.1"}
    play.play(1, case["steps"][1] | {"fills": [fill]})
    assert play.chain().state == "CLOSED"


@pytest.mark.parametrize("name", INSTRUMENT_NAMES, ids=[repr(name["symbol"]) for name in INSTRUMENT_NAMES])
def test_contract_names(name: dict[str, Any]) -> None:
    """The model reads a contract from its name, and nothing from what is no name."""
    if name.get("invalid"):
        with pytest.raises(ValueError):  # noqa: PT011 - which of several checks refused it is no promise
            parse_contract(name["symbol"])
        return
    contract = parse_contract(name["symbol"])
    assert contract.underlying == name["underlying"]
    assert contract.call == (name["option_type"] == "CALL")
    assert contract.strike == Fraction(name["strike"])
    assert contract.expiry == _time(name["expiry"])
    assert contract.currency == name["settlement_currency"]
    assert contract.inverse == (name["style"] == "INVERSE")


# ---------------------------------------------------------------------------------------------------------------------
# What the worked cases leave out

NEAR, FAR, PUT = "BTC-27MAR26-100000-C", "BTC-24APR26-110000-C", "BTC-27MAR26-80000-P"


def _at(hour: int) -> datetime:
    return _time(f"2026-03-{2 + hour // 24:02}T{hour % 24:02}:00:00Z")


def _trade(trade_id: str, side: str, quantity: str, symbol: str, hour: int, price: str = "0.01", **more: Any) -> Fill:
    defaults: dict[str, Any] = {"fee": Fraction("0.0001"), "index": Fraction(90000)}
    return Fill(symbol, side, Fraction(quantity), Fraction(price), _at(hour), trade_id, **(defaults | more))


class Book:
    """A model's ledger with short ways to say things; every execution is about the chain "c"."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.count = 0

    def do(self, action: str, *fills: Fill, hour: int | None = None, position_id: str = "c", **more: Any) -> Answer:
        """Records an execution at its last fill's time, or at that hour."""
        self.count += 1
        time = fills[-1].time if hour is None else _at(hour)
        defaults: dict[str, Any] = {
            "request_id": f"r{self.count}",
            "account": ACCOUNT,
            "mode": "LIVE",
            "executed_time": time,
        }
        return self.ledger.record(Execution(action=action, fills=fills, position_id=position_id, **(defaults | more)))

    def late(self, *fills: Fill, orders: tuple[Order, ...] = (), mode: str = "LIVE") -> Answer:
        """Records late fills and order states."""
        self.count += 1
        return self.ledger.record(LateFills(f"r{self.count}", ACCOUNT, mode, fills=fills, orders=orders))

    def settle(self, symbol: str, price: int, mode: str = "LIVE") -> Answer:
        """Records a delivery price."""
        self.count += 1
        return self.ledger.record(Settlement(f"r{self.count}", ACCOUNT, mode, Fraction(price), symbol))

    def refused(self, action: str, *fills: Fill, **more: Any) -> str:
        """The code of the refusal that this execution meets."""
        with pytest.raises(RefusedError) as refused:
            self.do(action, *fills, **more)
        return refused.value.code

    @property
    def chain(self) -> Chain:
        """The chain "c"."""
        return self.ledger.chain(ACCOUNT, "c")


def test_arrival_order_changes_no_figure() -> None:
    """The same late fills give the same money, days and collateral, in whatever order they were told."""
    fills = [
        _trade("a", "SELL", "0.3", NEAR, 1, "0.0101", order_id="open"),
        _trade("b", "SELL", "0.4", NEAR, 3, "0.0108", order_id="open"),
        _trade("c", "BUY", "0.2", NEAR, 5, "0.0047", order_id="close"),
        _trade("d", "BUY", "0.1", NEAR, 7, "0.0032", order_id="close"),
    ]
    found = set()
    for order in permutations(fills):
        book = Book()
        book.do("OPEN", hour=0, orders=(Order("open", NEAR, "SELL", Fraction("0.7")),))
        book.do("OPEN", _trade("0", "SELL", "0.5", NEAR, 0), position_id="other")
        try:
            for fill in order:
                if fill.order_id == "close" and not book.ledger._order_fact((ACCOUNT, "LIVE", "deribit"), "close"):
                    book.do("CLOSE", hour=4, orders=(Order("close", NEAR, "BUY", Fraction("0.3")),))
                book.late(fill)
        except RefusedError:
            continue  # a closing fill that came before what it closes
        chain = book.chain
        found.add((chain.net_cash, chain.gross_pnl, chain.open_credit, chain.net_pnl_usd, chain.open_quantity))
    assert len(found) == 1


def test_fills_that_come_before_their_order_wait_for_it() -> None:
    """A fill of an unknown order moves nothing, is counted as waiting, and counts once when its order comes."""
    book = Book()
    fill = _trade("a", "SELL", "0.3", NEAR, 1, order_id="o")
    assert book.late(fill).unmatched_order_ids == ("o",)
    assert book.late(fill).dropped_trade_ids == ("a",)
    assert book.ledger.waiting_fills(ACCOUNT) == 1
    book.do("OPEN", hour=0, orders=(Order("o", NEAR, "SELL", Fraction("0.5")),), status="RESTING")
    assert (book.chain.state, book.chain.open_quantity) == ("OPEN", Fraction("0.3"))
    assert book.ledger.waiting_fills(ACCOUNT) == 0


def test_a_cancelled_order_closes_a_chain_that_never_filled() -> None:
    """PENDING ends as ORDER_CANCELLED, and a fill that comes after all opens the chain."""
    book = Book()
    book.do("OPEN", hour=0, orders=(Order("o", NEAR, "SELL", Fraction("0.5")),), status="RESTING")
    assert book.chain.state == "PENDING"
    book.late(orders=(Order("o", NEAR, "SELL", Fraction("0.5"), "CANCELLED", _at(2)),))
    assert (book.chain.state, book.chain.close_reason) == ("CLOSED", "ORDER_CANCELLED")
    book.late(_trade("a", "SELL", "0.1", NEAR, 1, order_id="o"))
    assert book.chain.state == "OPEN"


def test_two_rolls_into_one_contract_count_two_and_one_roll_into_two_counts_one() -> None:
    """num_rolls counts rolls, neither legs nor fills."""
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 0))
    for number, hour in enumerate((1, 2)):
        out, into = _trade(f"o{number}", "BUY", "0.5", NEAR, hour), _trade(f"i{number}", "SELL", "0.5", FAR, hour)
        book.do("ROLL", out, into, from_symbols=(NEAR,), to_symbols=(FAR,))
    assert (book.chain.num_rolls, book.chain.num_legs) == (2, 2)
    other = Book()
    other.do("OPEN", _trade("a", "SELL", "1", NEAR, 0))
    third = "BTC-24APR26-120000-C"
    fills = _trade("b", "BUY", "1", NEAR, 1), _trade("c", "SELL", "0.5", FAR, 1), _trade("d", "SELL", "0.5", third, 1)
    other.do("ROLL", *fills, from_symbols=(NEAR,), to_symbols=(FAR, third))
    assert (other.chain.num_rolls, other.chain.num_legs) == (1, 3)


def _half_rolled() -> Book:
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 0))
    closing = _trade("b", "BUY", "1", NEAR, 24)
    book.do("ROLL", closing, from_symbols=(NEAR,), to_symbols=(FAR,), status="PARTIAL")
    return book


def test_a_flat_chain_is_given_up_by_an_empty_close() -> None:
    """FLAT binds nothing and ends as ROLL_ABANDONED; what was closed cannot be opened again."""
    book = _half_rolled()
    assert book.chain.state == "FLAT"
    assert book.chain.collateral == 0
    assert book.chain.holding_days == 1
    book.do("CLOSE", hour=30)
    assert (book.chain.state, book.chain.close_reason) == ("CLOSED", "ROLL_ABANDONED")
    assert book.chain.num_rolls == 0
    assert book.chain.holding_days == 1
    assert book.refused("OPEN", _trade("c", "SELL", "1", FAR, 31)) == "FAILED_PRECONDITION"
    assert book.refused("CLOSE", hour=32) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("action", ["OPEN", "ROLL"])
def test_a_flat_chain_is_completed_in_the_same_roll(action: str) -> None:
    """An OPEN naming it, or a ROLL that only opens, completes the roll; the gap counts as held but not at risk."""
    book = _half_rolled()
    book.do(action, _trade("c", "SELL", "1", FAR, 48), to_symbols=(FAR,) if action == "ROLL" else ())
    book.do("CLOSE", _trade("d", "BUY", "1", FAR, 72))
    chain = book.chain
    assert (chain.num_rolls, len(chain.rolls), chain.state, chain.close_reason) == (1, 1, "CLOSED", "BOUGHT_BACK")
    assert chain.holding_days == 3
    assert chain.days_at_risk == chain.collateral_days == 2
    assert (chain.rolls[0].strike_move, chain.rolls[0].expiry_move) == ("HIGHER", "HIGHER")


def test_a_late_open_of_a_chain_that_was_flat_then_completes_it() -> None:
    """What counts is how the chain stood at executed_time, not how it stands when the report comes."""
    book = _half_rolled()
    book.do("CLOSE", hour=60)
    book.do("OPEN", _trade("c", "SELL", "1", FAR, 48))
    assert (book.chain.state, book.chain.num_rolls) == ("OPEN", 1)


def test_an_open_chain_cannot_be_opened_again() -> None:
    """OPEN naming a chain that is open, pending or closed is refused; ADD is the way into an open one."""
    book = Book()
    book.do("OPEN", hour=0, orders=(Order("o", NEAR, "SELL", Fraction("0.5")),), status="RESTING")
    assert book.refused("OPEN", _trade("x", "SELL", "1", NEAR, 1)) == "FAILED_PRECONDITION"
    assert book.refused("ADD", _trade("x", "SELL", "1", NEAR, 1)) == "FAILED_PRECONDITION"
    book.late(_trade("a", "SELL", "0.5", NEAR, 1, order_id="o"))
    assert book.refused("OPEN", _trade("x", "SELL", "1", NEAR, 2)) == "FAILED_PRECONDITION"
    book.do("CLOSE", _trade("b", "BUY", "0.5", NEAR, 3))
    assert book.refused("OPEN", _trade("x", "SELL", "1", NEAR, 4)) == "FAILED_PRECONDITION"
    assert book.refused("ADD", _trade("x", "SELL", "1", NEAR, 4)) == "FAILED_PRECONDITION"
    book.do("ADD", _trade("x", "SELL", "0.5", NEAR, 2))
    assert book.chain.open_quantity == Fraction("0.5")


def test_a_late_close_finds_the_chain_that_held_the_contract_then() -> None:
    """A close by contract goes to whoever held it at the fill's time, settled since or not."""
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 0))
    book.settle(NEAR, 110_000)
    assert book.do("CLOSE", _trade("b", "BUY", "0.3", NEAR, 5), position_id="").position_id == "c"
    assert book.chain.legs[0].settled_quantity == Fraction("0.7")
    assert book.chain.close_reason == "SETTLED"
    early = _time("2026-03-01T00:00:00Z")
    fill = Fill(NEAR, "BUY", Fraction("0.1"), Fraction("0.01"), early, "c")
    assert book.refused("CLOSE", fill, position_id="") == "NOT_FOUND"


def test_over_closing_at_any_moment_is_refused() -> None:
    """A late fill may not make a fill that is booked already close more than was there."""
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 0))
    book.do("CLOSE", _trade("b", "BUY", "1", NEAR, 10))
    assert book.refused("CLOSE", _trade("c", "BUY", "0.1", NEAR, 5)) == "FAILED_PRECONDITION"
    assert book.chain.close_reason == "BOUGHT_BACK"


def test_the_wrong_side_is_refused() -> None:
    """A close goes against its leg and an opening along with it."""
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 0))
    assert book.refused("CLOSE", _trade("b", "SELL", "1", NEAR, 1)) == "FAILED_PRECONDITION"
    assert book.refused("ADD", _trade("b", "BUY", "1", NEAR, 1)) == "FAILED_PRECONDITION"


def test_trades_count_once() -> None:
    """A known trade is dropped under any request, other content under its id is refused, and requests repeat."""
    book = Book()
    trade = _trade("a", "SELL", "1", NEAR, 0)
    first = book.do("OPEN", trade)
    answer = book.do("OPEN", trade, position_id="")
    assert (answer.position_id, answer.dropped_trade_ids) == ("c", ("a",))
    assert len(book.ledger.chains()) == 1
    assert book.refused("OPEN", _trade("a", "SELL", "2", NEAR, 0), position_id="") == "ALREADY_EXISTS"
    assert book.do("OPEN", trade, request_id="r1") == first
    assert book.refused("OPEN", _trade("z", "SELL", "2", NEAR, 0), request_id="r1") == "ALREADY_EXISTS"


@pytest.mark.parametrize(
    ("symbol", "liquidity", "index", "fee"),
    [
        (NEAR, "MAKER", "90000", "0.0003"),
        ("BTC_USDC-27MAR26-100000-C", "MAKER", "90000", "9"),
        ("BTC_USDC-27MAR26-100000-C", "TAKER", "90000", "45"),
        ("BTC_USDC-27MAR26-100000-C", "", "90000", "45"),
        ("BTC_USDC-27MAR26-100000-C", "", None, None),
    ],
)
def test_a_dry_run_without_a_fee_gets_an_estimate(symbol: str, liquidity: str, index: str | None, fee: str) -> None:
    """DRY_RUN fees come from the table, the dearer one where the liquidity is unknown; an explicit zero stays."""
    book = Book()
    price = "0.01" if symbol == NEAR else "1000"
    more = {"fee": None, "index": _number(index), "liquidity": liquidity}
    book.do("OPEN", _trade("a", "SELL", "1", symbol, 0, price, **more), mode="DRY_RUN")
    assert book.chain.fees == (_number(fee) or 0)
    assert (book.chain.fees_estimated, book.chain.fees_complete) == (fee is not None, fee is not None)


@pytest.mark.parametrize(
    ("time", "liquidity", "fee"),
    [
        ("2026-07-31T23:59:59.999999Z", "MAKER", "9"),
        ("2026-07-31T23:59:59.999999Z", "TAKER", "45"),
        ("2026-08-01T00:00:00Z", "MAKER", "27"),
        ("2026-08-01T00:00:00Z", "TAKER", "27"),
    ],
)
def test_the_fee_table_changes_at_the_first_of_august(time: str, liquidity: str, fee: str) -> None:
    """Linear options cost 1 or 5 basis points until the end of July 2026 and 3 from then on."""
    book = Book()
    fill = _trade("a", "SELL", "1", "BTC_USDC-28AUG26-100000-C", 0, "1000", fee=None, liquidity=liquidity)
    book.do("OPEN", replace(fill, time=_time(time)), mode="DRY_RUN")
    assert book.chain.fees == Fraction(fee)


def test_a_leg_number_belongs_to_its_first_reported_fill() -> None:
    """A late fill that is older than all others does not move the numbers, and a contract that returns is a new leg."""
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 10))
    book.do("ADD", _trade("b", "SELL", "1", PUT, 11))
    book.do("CLOSE", _trade("c", "BUY", "1", NEAR, 12))
    book.do("ADD", _trade("d", "SELL", "2", NEAR, 13))
    book.do("ADD", _trade("e", "SELL", "1", PUT, 11))
    legs = [(leg.leg_number, leg.contract.symbol, int(leg.opened_quantity)) for leg in book.chain.legs]
    assert legs == [(1, NEAR, 1), (2, PUT, 2), (3, NEAR, 2)]
    assert book.chain.leg_one_premium == Fraction("0.01")


def test_a_stated_collateral_holds_until_the_next_or_until_nothing_is_open() -> None:
    """The override replaces the computed collateral from executed_time on."""
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 0), collateral=Fraction(3))
    assert book.chain.collateral == 3
    book.do("CLOSE", _trade("b", "BUY", "0.5", NEAR, 24))
    book.do("CLOSE", _trade("c", "BUY", "0.5", NEAR, 48))
    assert book.chain.collateral == 0
    assert book.chain.collateral_days == 6


def test_a_half_done_roll_of_a_part_does_not_outlive_the_close_of_the_rest() -> None:
    """The last event decides how a chain ended."""
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 0))
    closing = _trade("b", "BUY", "0.4", NEAR, 1)
    book.do("ROLL", closing, from_symbols=(NEAR,), to_symbols=(FAR,), status="PARTIAL")
    assert book.chain.state == "OPEN"
    book.do("CLOSE", _trade("c", "BUY", "0.6", NEAR, 2))
    assert (book.chain.state, book.chain.close_reason) == ("CLOSED", "BOUGHT_BACK")


def test_a_chain_of_call_and_put_is_settled_whole_by_index_and_expiry() -> None:
    """One settlement by index and expiry takes all contracts; one in the money makes it SETTLED."""
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 0), _trade("b", "SELL", "1", PUT, 0))
    expiry = parse_contract(NEAR).expiry
    settlement = Settlement("s", ACCOUNT, "LIVE", Fraction(70_000), index_name="btc_usd", expiry=expiry)
    assert book.ledger.record(settlement).position_ids == ("c",)
    assert (book.chain.state, book.chain.close_reason) == ("CLOSED", "SETTLED")
    with pytest.raises(RefusedError):
        book.settle(PUT, 70_001)
    assert book.settle(PUT, 70_000).position_ids == ()
    book.do("OPEN", _trade("d", "SELL", "1", PUT, 0), position_id="late")
    assert book.ledger.chain(ACCOUNT, "late").close_reason == "SETTLED"


def test_an_aggregate_stands_for_trades_that_nobody_told_yet() -> None:
    """Trades take the place of as much of an aggregate as they carry; the rest preserves its total and its leg."""
    book = Book()
    order = Order("o", NEAR, "SELL", Fraction(3))
    whole: dict[str, Any] = {"order_id": "o", "source": "ORDER_AGGREGATE", "trade_id": ""}
    book.do("OPEN", replace(_trade("", "SELL", "2", NEAR, 1, "0.01"), **whole), orders=(order,))
    book.late(replace(_trade("", "SELL", "3", NEAR, 2, "0.02"), **whole))
    book.late(replace(_trade("", "SELL", "1", NEAR, 0, "0.03"), **whole))  # older: only its time counts
    assert (book.chain.open_quantity, book.chain.open_credit) == (Fraction(3), Fraction("0.06"))
    book.late(_trade("a", "SELL", "1", NEAR, 1, "0.018", order_id="o", fee=Fraction("0.00004")))
    assert [line.price for line in book.chain.lines] == [Fraction("0.021"), Fraction("0.018"), Fraction("0.021")]
    assert (book.chain.open_credit, book.chain.fees) == (Fraction("0.06"), Fraction("0.0001"))
    book.late(_trade("b", "SELL", "2", NEAR, 1, "0.021", order_id="o", fee=Fraction("0.00006")))
    assert [line.trade_id for line in book.chain.lines] == ["a", "b"]
    assert [leg.leg_number for leg in book.chain.legs] == [1]


def test_totals_are_sums() -> None:
    """A portfolio row is the sum of its chains; USD is unset and counted where one chain's is unknown."""
    book = Book()
    book.do("OPEN", _trade("a", "SELL", "1", NEAR, 0))
    book.do("CLOSE", _trade("b", "BUY", "1", NEAR, 1, "0.004"))
    book.do("OPEN", _trade("c", "SELL", "1", NEAR, 0, index=None), position_id="d")
    (row,) = book.ledger.portfolio(ACCOUNT, (_at(0), _at(1)))
    chains = book.ledger.chains()
    assert row.net_pnl == sum(chain.net_pnl for chain in chains)
    assert (row.open_chains, row.closed_chains, row.winning_chains, row.usd_missing) == (1, 1, 1, 1)
    assert (row.net_pnl_usd, row.closed_net_pnl_usd) == (None, Fraction("0.0058") * 90000)
    assert row.period_realized_pnl == Fraction("-0.0002")
