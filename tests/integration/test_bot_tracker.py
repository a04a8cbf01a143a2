"""The drop-in tracker on a real ledger: dicts as the execution layer before Rollbook made them."""

from __future__ import annotations

import copy
import json
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rollbook import Client, FillSource, LedgerError, PositionChain
from rollbook_bot.position_tracker import PositionTracker
from tests.support.proxy import free_port
from tests.support.server import RunningServer
from tests.support.trading import figures, new_account, prove

CALL, LATER, HIGHER = "BTC-26DEC98-100000-C", "BTC-25JUN99-105000-C", "BTC-26DEC98-110000-C"
PUT, USDC_CALL = "BTC-26DEC98-80000-P", "BTC_USDC-26DEC98-100000-C"
PATIENCE = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    path = tmp_path_factory.mktemp("tracker") / "ledger.db"
    with RunningServer(path) as running:
        yield running
    prove(path)


class Book:
    """A tracker with an account of its own, and a look at what the ledger made of it."""

    def __init__(self, server: RunningServer, spool: Path) -> None:
        self.account = new_account()
        self.target = server.target
        self.spool = spool
        self.tracker = PositionTracker(target=server.target, account=self.account, spool=spool)
        self.ledger = Client(server.target, account=self.account).open()

    def close(self) -> None:
        self.tracker.close()
        self.ledger.close()

    def tell(self, result: dict[str, Any]) -> dict[str, Any]:
        self.tracker.process_execution_result(result)
        return result

    def chains(self) -> list[PositionChain]:
        """The ledger's chains, once it has everything."""
        assert self.tracker.flush(PATIENCE)
        return sorted(self.ledger.iterate_chains(), key=lambda chain: chain.created_revision)


@pytest.fixture
def book(server: RunningServer, tmp_path: Path) -> Iterator[Book]:
    made = Book(server, tmp_path / "spool")
    yield made
    made.close()


_ids = iter(range(1, 10_000))


def order(side: str, symbol: str, size: float, price: float, state: str = "filled", **more: Any) -> dict[str, Any]:
    """As the real path made it."""
    return {
        "type": side,
        "symbol": symbol,
        "size": size,
        "price": price,
        "order_id": f"{symbol[:3]}-{next(_ids)}",
        "order_state": state,
        **more,
    }


def simulated(side: str, symbol: str, size: float, price: float, **more: Any) -> dict[str, Any]:
    """As the dry run made it."""
    return {"type": side, "symbol": symbol, "size": size, "price": price, "simulated": True, **more}


def opened(*orders: dict[str, Any], kind: str = "COVERED_CALL", **more: Any) -> dict[str, Any]:
    dry = bool(orders) and bool(orders[0].get("simulated"))
    return {
        "status": "simulated" if dry else "executed",
        "dry_run": dry,
        "action": f"OPEN_{kind}",
        "params": {"symbol": orders[0]["symbol"], "size": orders[0]["size"]},
        "orders": list(orders),
        "errors": [],
        "underlying": "BTC",
        **more,
    }


def closed(*orders: dict[str, Any], kind: str = "COVERED_CALL", **more: Any) -> dict[str, Any]:
    return {**opened(*orders, kind=kind), "action": f"CLOSE_{kind}", **more}


def rolled(*orders: dict[str, Any], kind: str = "COVERED_CALL", to: str = LATER, **more: Any) -> dict[str, Any]:
    return {
        **opened(*orders, kind=kind),
        "action": f"ROLL_{kind}",
        "params": {"from_symbol": orders[0]["symbol"], "to_symbol": to, "size": orders[0]["size"]},
        **more,
    }


def test_open_roll_and_close(book: Book) -> None:
    """A covered call is opened, rolled and closed: one chain, exact to the last digit of what the dicts say."""
    book.tell(opened(order("SELL", CALL, 0.3, 0.0123)))
    book.tell(
        rolled(
            order("BUY", CALL, 0.3, 0.0045, leg="close"),
            order("SELL", LATER, 0.3, 0.0155, leg="open"),
        )
    )
    book.tell(closed(order("BUY", LATER, 0.3, 0.002)))
    [chain] = book.chains()
    assert (chain.state, chain.num_rolls, chain.num_legs) == ("CLOSED", 1, 2)
    assert chain.net_pnl == (Decimal("0.0123") - Decimal("0.0045") + Decimal("0.0155") - Decimal("0.002")) * Decimal(
        "0.3"
    )
    assert not chain.fees_complete  # nobody said what they were
    lines = book.ledger.get_chain(chain.position_id).lines
    assert {line.source for line in lines} == {FillSource.ORDER_AGGREGATE}


def test_the_dry_run(book: Book) -> None:
    """Simulated orders are DRY_RUN, with the ledger's estimate of their fees; LIVE ones stay apart."""
    book.tell(opened(simulated("SELL", PUT, 1, 0.01), kind="CASH_SECURED_PUT"))
    book.tell(opened(order("SELL", PUT, 1, 0.01), kind="CASH_SECURED_PUT"))
    dry, live = book.chains()
    assert (dry.mode, dry.strategy, dry.fees_estimated) == ("DRY_RUN", "CASH_SECURED_PUT", True)
    assert (live.mode, live.fees_estimated) == ("LIVE", False)


def test_a_resting_order_is_no_fill(book: Book) -> None:
    """What rests is told as resting; the same dict with the order filled, or gone, is told as what became of it."""
    filling, leaving = order("SELL", CALL, 0.5, 0.01, "open"), order("SELL", HIGHER, 0.5, 0.01, "open")
    first, second = book.tell(opened(filling)), book.tell(opened(leaving))
    assert [figures(chain, "state", "open_quantity") for chain in book.chains()] == [("PENDING", 0), ("PENDING", 0)]
    filling.update(order_state="filled", average_price=0.0102)
    leaving.update(order_state="cancelled")
    book.tell(first)
    book.tell(second)
    book.tell(second)
    one, other = book.chains()
    assert (one.state, one.open_quantity, one.open_credit) == ("OPEN", Decimal("0.5"), Decimal("0.0051"))
    assert (other.state, other.close_reason) == ("CLOSED", "ORDER_CANCELLED")


def test_told_twice(book: Book) -> None:
    """The same dict again is the same trade, by its orders or by the id that is written into it; so is one that was
    made anew with the same orders. Two dicts alike without ids are two trades."""
    live = opened(order("SELL", CALL, 0.1, 0.01))
    again = copy.deepcopy(live)
    for result in (live, live, again):
        book.tell(result)
    dry = opened(simulated("SELL", CALL, 0.1, 0.01))
    like = copy.deepcopy(dry)
    for result in (dry, dry, like):
        book.tell(result)
    first, second = book.chains()
    assert (first.mode, first.open_quantity) == ("LIVE", Decimal("0.1"))
    assert (second.mode, second.open_quantity) == ("DRY_RUN", Decimal("0.2"))  # the second one is an ADD
    assert live["request_id"] == again.get("request_id", live["request_id"])


def test_an_open_of_what_is_held_is_an_add(book: Book) -> None:
    """One chain grows; another contract, and another strategy, are chains of their own."""
    book.tell(opened(order("SELL", CALL, 0.1, 0.01)))
    book.tell(opened(order("SELL", CALL, 0.2, 0.02)))
    book.tell(opened(order("SELL", HIGHER, 0.1, 0.01)))
    book.tell(opened(order("SELL", PUT, 0.1, 0.01), kind="CASH_SECURED_PUT"))
    grown, *others = book.chains()
    assert (grown.open_quantity, grown.open_credit) == (Decimal("0.3"), Decimal("0.005"))
    assert len(others) == 2


def test_a_roll_that_failed_half_way(book: Book) -> None:
    """The buy-back counts, the chain is FLAT and says why; a later OPEN of the same underlying completes the roll."""
    book.tell(opened(order("SELL", CALL, 0.1, 0.02)))
    book.tell(
        rolled(
            order("BUY", CALL, 0.1, 0.005, leg="close"),
            status="partial_error",
            errors=["Open leg failed: not_enough_funds"],
        )
    )
    [chain] = book.chains()
    assert (chain.state, chain.flat_reason) == ("FLAT", "Open leg failed: not_enough_funds")
    book.tell(opened(order("SELL", HIGHER, 0.1, 0.01)))
    [chain] = book.chains()
    assert (chain.state, chain.num_rolls, chain.num_legs) == ("OPEN", 1, 2)


def test_a_roll_that_failed_at_once(book: Book) -> None:
    """Where not even the first order was taken nothing changes, and the journal has the reason."""
    book.tell(opened(order("SELL", CALL, 0.1, 0.02)))
    failed = rolled(order("BUY", CALL, 0.1, 0.005), status="partial_error", errors=["Close leg failed: no_liquidity"])
    failed["orders"] = []
    book.tell(failed)
    [chain] = book.chains()
    assert (chain.state, chain.open_quantity, chain.num_rolls) == ("OPEN", Decimal("0.1"), 0)
    entry = book.ledger.get_chain(chain.position_id).entries[-1].execution
    assert entry is not None
    assert entry.execution is not None
    assert entry.execution.errors == ("Close leg failed: no_liquidity",)


def test_a_batch(book: Book) -> None:
    """Each of its results is told, whatever the others came to."""
    book.tell(
        {
            "status": "executed_batch",
            "results": [
                opened(order("SELL", CALL, 0.1, 0.01)),
                {"status": "skipped", "message": "Action is DO_NOTHING, no orders placed"},
                {"status": "error", "message": "Invalid action type: FLY"},
                opened(order("SELL", USDC_CALL, 0.2, 700.5)),
            ],
        }
    )
    coin, linear = book.chains()
    assert (coin.settlement_currency, linear.settlement_currency) == ("BTC", "USDC")
    assert linear.open_credit == Decimal("140.1")


def test_what_makes_no_sense_is_kept(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    """A bot is not stopped by a dict that cannot be read: it is said loudly, and kept for somebody to look at."""
    wrong = opened(order("SELL", CALL, 0.1, 0.01))
    wrong["orders"][0]["size"] = "much"
    book.tell(wrong)
    assert book.chains() == []
    [kept] = (book.spool / "unread").iterdir()
    assert json.loads(kept.read_text())["orders"][0]["size"] == "much"
    assert "orders[0].size: 'much' is no number" in caplog.text


class Exchange:
    """What a bot's client offers."""

    def __init__(self, **orders: dict[str, Any]) -> None:
        self.orders = orders

    def get_ticker(self, symbol: str) -> dict[str, Any]:
        if symbol == HIGHER:
            raise ConnectionError("too_many_requests")
        return {
            "mark_price": 0.0125,
            "best_bid_price": 0.012,
            "best_ask_price": 0.0,
            "index_price": 98_000.5,
            "mark_iv": 45.5,
            "greeks": {"delta": 0.3, "vega": 100},
        }

    def get_order_state(self, order_id: str) -> dict[str, Any]:
        return self.orders[order_id]


def test_marks_and_orders_are_refreshed(book: Book) -> None:
    """Marks of what is held reach the ledger, and what became of orders; what the exchange does not answer is left
    out, and costs nothing else."""
    resting = order("SELL", LATER, 0.4, 0.011, "open")
    book.tell(opened(order("SELL", CALL, 0.1, 0.01)))
    book.tell(opened(order("SELL", HIGHER, 0.1, 0.01)))
    book.tell(opened(resting))
    state = {"order_state": "open", "filled_amount": 0.1, "average_price": 0.0112}
    book.tracker.refresh_marks(Exchange(**{resting["order_id"]: state}))
    book.chains()
    view = book.tracker.get_open_positions_payload()
    shown = {position["symbol"]: position for position in view["positions"]}
    assert shown[CALL]["mark_price"] == 0.0125
    assert shown[HIGHER]["mark_price"] is None
    assert (shown[LATER]["quantity"], shown[LATER]["entry_price"]) == (0.1, 0.0112)
    state.update(order_state="filled", filled_amount=0.4, average_price=0.0111)
    book.tracker.refresh_marks(Exchange(**{resting["order_id"]: state}))
    *_, last = book.chains()
    assert (last.open_quantity, last.open_credit, last.working_orders) == (Decimal("0.4"), Decimal("0.00444"), ())


def test_the_ledger_is_away(server: RunningServer, tmp_path: Path) -> None:
    """What is told while the ledger is away, and to a tracker that was started anew meanwhile, arrives later, and an
    OPEN of what is held is an ADD all the same. A payload is the last one, and says since when; without one it is an
    error, and no empty list."""
    with RunningServer(tmp_path / "own.db", listen=server.target.rpartition(":")[0] + ":0") as own:
        first = Book(own, tmp_path / "spool")
        first.tell(opened(order("SELL", CALL, 0.1, 0.01)))
        assert len(first.chains()) == 1
        assert len(first.tracker.get_open_positions_payload()["positions"]) == 1
        target = own.target
        own.kill()
        assert "stale_since" in first.tracker.get_open_positions_payload()
        with pytest.raises(LedgerError):
            first.tracker.get_closed_positions_payload()
        first.close()
        later = PositionTracker(target=target, account=first.account, spool=first.spool)
        later.process_execution_result(opened(order("SELL", CALL, 0.2, 0.01)))
        later.close()
    with RunningServer(tmp_path / "own.db", listen=target):
        again = PositionTracker(target=target, account=first.account, spool=first.spool)
        assert again.flush(PATIENCE)
        with Client(target, account=first.account) as ledger:
            [chain] = ledger.list_chains().chains
        assert chain.open_quantity == Decimal("0.3")
        again.close()


class Away:
    """A tracker whose ledger of its own is away, and comes when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._target = f"127.0.0.1:{free_port()}"
        self._server = RunningServer(folder / "own.db", listen=self._target)
        self.spool = folder / "spool"
        self.tracker = PositionTracker(target=self._target, account="away", spool=self.spool)
        self._ledger: Client | None = None

    def tell(self, result: dict[str, Any]) -> dict[str, Any]:
        self.tracker.process_execution_result(result)
        return result

    def restart(self) -> None:
        """The bot ends and starts again."""
        self.tracker.close()
        self.tracker = PositionTracker(target=self._target, account="away", spool=self.spool)

    def chains(self) -> list[PositionChain]:
        """The ledger's chains: it is there from now on."""
        if self._ledger is None:
            self._server.start()
            self._ledger = Client(self._target, account="away").open()
        assert self.tracker.flush(PATIENCE)
        assert list((self.spool / "dead").iterdir()) == []
        return sorted(self._ledger.iterate_chains(), key=lambda chain: chain.created_revision)

    def close(self) -> None:
        self.tracker.close()
        if self._ledger is not None:
            self._ledger.close()
        self._server.stop()


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Away]:
    made = Away(tmp_path)
    yield made
    made.close()


def test_an_order_that_fills_while_the_ledger_is_away_is_held(away: Away) -> None:
    """A resting OPEN that has filled is a position: the next OPEN of its contract is an ADD, before the ledger has
    heard of either, and after the bot was started again."""
    resting = order("SELL", CALL, 0.1, 0.01, "open")
    result = away.tell(opened(resting))
    resting["order_state"] = "filled"
    away.tell(result)
    away.restart()
    away.tell(opened(order("SELL", CALL, 0.2, 0.01)))
    [chain] = away.chains()
    assert chain.open_quantity == Decimal("0.3")


@pytest.mark.parametrize("end", ["the buy-back fills later", "the sale is cancelled later"])
def test_a_roll_that_comes_to_half_later(away: Away, end: str) -> None:
    """Which half of a roll is done may be known later; an OPEN completes it all the same, also while the ledger is
    away, but not as long as the roll's own sale works."""
    away.tell(opened(order("SELL", CALL, 0.1, 0.02)))
    if end == "the buy-back fills later":
        later = order("BUY", CALL, 0.1, 0.005, "open", leg="close")
        result = away.tell(rolled(later, status="partial_error", errors=["Open leg failed: not_enough_funds"]))
        later["order_state"] = "filled"
    else:
        later = order("SELL", LATER, 0.1, 0.02, "open", leg="open")
        result = away.tell(rolled(order("BUY", CALL, 0.1, 0.005, leg="close"), later))
        away.tell(opened(order("SELL", HIGHER, 0.5, 0.01), strategy="other"))
        later["order_state"] = "cancelled"
    away.tell(result)
    away.restart()
    away.tell(opened(order("SELL", HIGHER, 0.1, 0.01)))
    chains = [chain for chain in away.chains() if not chain.strategy_name]
    assert [figures(chain, "state", "num_rolls", "num_legs") for chain in chains] == [("OPEN", 1, 2)]


def test_what_cannot_complete_a_roll_is_a_chain_of_its_own(book: Book) -> None:
    """An OPEN of the contract that was rolled from, and one that pays in another currency, are no ends of that roll."""
    book.tell(opened(order("SELL", CALL, 0.1, 0.02)))
    book.tell(rolled(order("BUY", CALL, 0.1, 0.005), status="partial_error", errors=["Open leg failed"]))
    book.tell(opened(order("SELL", CALL, 0.1, 0.02)))
    book.tell(opened(order("SELL", USDC_CALL, 0.1, 700.5)))
    flat, again, linear = book.chains()
    assert (flat.state, again.state, linear.settlement_currency) == ("FLAT", "OPEN", "USDC")


def test_a_roll_is_tried_again(book: Book) -> None:
    """A ROLL with the sale alone, after one that only bought back, completes it: its chain holds nothing any more."""
    book.tell(opened(order("SELL", CALL, 0.1, 0.02)))
    book.tell(rolled(order("BUY", CALL, 0.1, 0.005), status="partial_error", errors=["Open leg failed"]))
    again = rolled(order("SELL", LATER, 0.1, 0.015))
    again["params"]["from_symbol"] = CALL
    book.tell(again)
    [chain] = book.chains()
    assert figures(chain, "state", "num_rolls", "num_legs") == ("OPEN", 1, 2)


def test_a_roll_that_is_told_while_it_goes_on(book: Book) -> None:
    """Its first order is told alone, as it rests and has filled in part, then both in one dict: each fill counts once,
    in one roll."""
    first = order("BUY", CALL, 0.3, 0.005, "open", filled_size=0.1, leg="close")
    book.tell(opened(order("SELL", CALL, 0.3, 0.02)))
    book.tell(rolled(copy.deepcopy(first)))
    first.update(order_state="filled", filled_size=0.3)
    book.tell(rolled(first, order("SELL", LATER, 0.3, 0.015, leg="open")))
    book.tell(opened(order("SELL", LATER, 0.1, 0.015)))
    [chain] = book.chains()
    assert figures(chain, "state", "num_rolls", "num_legs", "open_quantity") == ("OPEN", 1, 2, Decimal("0.4"))


def trade(of: dict[str, Any], amount: float, price: float, number: int) -> dict[str, Any]:
    """A trade of an order, as the venue has it."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    return {"trade_id": f"{of['order_id']}/{number}", "amount": amount, "price": price, "fee": 0.0, "timestamp": now}


@pytest.mark.parametrize("known", ["in sum", "by trades", "by trades that come with the sale"])
@pytest.mark.parametrize("restart", [False, True])
def test_a_roll_that_is_told_in_two_steps(away: Away, known: str, restart: bool) -> None:
    """A ROLL that was told when only its buy-back was there, which had filled, and again when its sale was in it, too:
    the sale completes the roll, and the buy-back counts once."""
    away.tell(opened(order("SELL", CALL, 0.3, 0.02)))
    buying = order("BUY", CALL, 0.3, 0.005, leg="close")
    trades = [trade(buying, 0.1, 0.004, 1), trade(buying, 0.2, 0.0055, 2)]
    if known == "by trades":
        buying["trades"] = trades
    result = away.tell(rolled(buying))
    if restart:
        away.restart()
    if known == "by trades that come with the sale":
        buying["trades"] = trades
    selling = order("SELL", LATER, 0.3, 0.015, "open", filled_size=0.1, leg="open")
    result["orders"].append(selling)
    away.tell(result)
    selling.update(order_state="filled", filled_size=0.3)
    for _ in range(2):
        away.tell(result)
    [chain] = away.chains()
    assert figures(chain, "state", "num_rolls", "num_legs", "open_quantity", "working_orders") == (
        *("OPEN", 1, 2, Decimal("0.3"), ()),
    )
    bought = Decimal("0.0015") if known == "in sum" else Decimal("0.0004") + Decimal("0.0011")
    assert chain.gross_pnl == Decimal("0.006") - bought


def test_an_average_that_never_ends(book: Book) -> None:
    """A venue's quotient with more digits than the ledger takes keeps no order out of it."""
    resting = order("SELL", CALL, 0.7, 0.00002, "open")
    result = book.tell(opened(resting))
    resting.update(order_state="filled", average_price=2.2857142857142858e-05)
    book.tell(result)
    [chain] = book.chains()
    assert (chain.open_quantity, chain.open_credit) == (Decimal("0.7"), Decimal("0.0000160000000000001"))


def test_an_open_while_a_roll_works(book: Book) -> None:
    """As long as the sale of a roll works an OPEN is a chain of its own, whether the ledger was asked or not."""
    for number in range(2):
        line = {"strategy": f"line {number}"}
        selling = order("SELL", LATER, 0.1, 0.02, "open")
        book.tell(opened(order("SELL", CALL, 0.1, 0.02), **line))
        result = book.tell(rolled(order("BUY", CALL, 0.1, 0.005), selling, **line))
        if number:
            book.chains()
            book.tracker.close()
            book.tracker = PositionTracker(target=book.target, account=book.account, spool=book.spool)
        book.tell(opened(order("SELL", HIGHER, 0.2, 0.01), **line))
        selling["order_state"] = "filled"
        book.tell(result)
    assert [figures(chain, "state", "num_rolls", "open_quantity") for chain in book.chains()] == [
        ("OPEN", 1, Decimal("0.1")),
        ("OPEN", 0, Decimal("0.2")),
    ] * 2


def test_an_order_is_cancelled_after_a_part_of_it(book: Book) -> None:
    """What had filled stays, whether it was told before the end or with it; the rest is gone."""
    one, other = order("SELL", CALL, 0.5, 0.01, "open"), order("SELL", HIGHER, 0.5, 0.01, "open")
    first, second = book.tell(opened(one)), book.tell(opened(other))
    one.update(filled_size=0.1, average_price=0.011)
    book.tell(first)
    one.update(order_state="cancelled", filled_size=0.2, average_price=0.012)
    other.update(order_state="cancelled", filled_amount=0.3)
    for result in (first, second, first):
        book.tell(result)
    assert [figures(chain, "state", "open_quantity", "open_credit", "working_orders") for chain in book.chains()] == [
        ("OPEN", Decimal("0.2"), Decimal("0.0024"), ()),
        ("OPEN", Decimal("0.3"), Decimal("0.003"), ()),
    ]


def test_an_order_without_an_id_fills_later(book: Book) -> None:
    """Where the dict is the same, an order that nobody named is known again, too."""
    resting = order("SELL", CALL, 0.5, 0.01, "open", order_id=None)
    result = book.tell(opened(resting))
    resting["order_state"] = "filled"
    book.tell(json.loads(json.dumps(result)))
    [chain] = book.chains()
    assert figures(chain, "state", "open_quantity", "working_orders") == ("OPEN", Decimal("0.5"), ())


def test_an_order_of_a_closed_chain_fills(book: Book) -> None:
    """An ADD that rests while its chain is closed opens it again when it fills."""
    book.tell(opened(order("SELL", CALL, 0.1, 0.01)))
    resting = order("SELL", CALL, 0.2, 0.02, "open")
    result = book.tell(opened(resting))
    book.tell(closed(order("BUY", CALL, 0.1, 0.001)))
    assert [chain.state for chain in book.chains()] == ["CLOSED"]
    book.tracker.refresh_marks(Exchange())  # it is asked for, and not answered
    resting["order_state"] = "filled"
    book.tell(result)
    [chain] = book.chains()
    assert figures(chain, "state", "open_quantity", "num_legs") == ("OPEN", Decimal("0.2"), 2)


@pytest.mark.parametrize("end", ["it fills", "its trades come"])
def test_orders_that_only_the_ledger_remembers(book: Book, end: str) -> None:
    """Where what is held was lost with a full disk, orders of closed chains are found in the ledger's entries: one that
    fills opens its chain again, and the trades of one that was told in sum take the place of that."""
    sold = order("SELL", CALL, 0.1, 0.01)
    resting = order("SELL", CALL, 0.2, 0.02, "open")
    first, second = book.tell(opened(sold)), book.tell(opened(resting))
    book.tell(closed(order("BUY", CALL, 0.1, 0.001)))
    assert [chain.state for chain in book.chains()] == ["CLOSED"]
    book.tracker.close()
    [file] = book.spool.glob("holdings-*.json")
    file.unlink()
    book.tracker = PositionTracker(target=book.target, account=book.account, spool=book.spool)
    if end == "it fills":
        resting["order_state"] = "filled"
        book.tell(second)
        book.tell(opened(order("SELL", CALL, 0.4, 0.02)))
        [chain] = book.chains()
        assert figures(chain, "state", "open_quantity", "num_legs") == ("OPEN", Decimal("0.6"), 2)
    else:
        sold["trades"] = [{**trade(sold, 0.1, 0.01, 1), "fee": 0.0003, "timestamp": 1_780_000_000_000}]
        book.tell(first)
        [chain] = book.chains()
        assert chain.fees == Decimal("0.0003")


def test_a_later_fill_has_its_own_time(book: Book) -> None:
    """The time that is written into a dict is that of its first telling; what fills later fills when that is told, or
    when the bot says."""
    one, other = order("SELL", CALL, 0.5, 0.01, "open"), order("SELL", HIGHER, 0.5, 0.01, "open")
    said = datetime(2026, 3, 2, 10, tzinfo=UTC)
    first, second = book.tell(opened(one)), book.tell(opened(other, executed_time="2026-03-02T09:00:00"))
    one["order_state"] = other["order_state"] = "filled"
    second["executed_time"] = said
    before = datetime.now(UTC)
    book.tell(first)
    book.tell(second)
    times = [chain.open_time for chain in book.chains()]
    assert times[0] is not None
    assert times[0] >= before
    assert times[1] == said


def test_from_two_threads_at_once(book: Book) -> None:
    """The same dict, whether its orders have ids or not, is one trade, from however many threads it is told."""
    results = [opened(simulated("SELL", CALL, 0.1, 0.01)), opened(order("SELL", CALL, 0.1, 0.01))] * 4
    together = threading.Barrier(len(results))

    def tell(result: dict[str, Any]) -> None:
        together.wait()
        book.tell(result)

    threads = [threading.Thread(target=tell, args=(result,)) for result in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [chain.open_quantity for chain in book.chains()] == [Decimal("0.1")] * 2


@pytest.mark.parametrize("wrong", [None, "executed", ["executed"], 7, {"results": [None]}])
def test_what_is_no_dict_is_kept(book: Book, wrong: Any) -> None:
    """Whatever a bot tells, nothing is raised, and it is there to be looked at."""
    book.tell(wrong)
    [kept] = (book.spool / "unread").iterdir()
    assert json.loads(kept.read_text()) == (None if isinstance(wrong, dict) else wrong)


def test_request_ids_of_the_bots_own(book: Book) -> None:
    """A request_id in the dict is the trade's; one that is no UUID stands for one; and many that begin alike name no
    chain twice."""
    for number in range(2):
        for action, side in ((opened, "SELL"), (closed, "BUY")):
            numbered = str(uuid.UUID(int=(0x0197 << 112) + number * 2 + (side == "BUY")))
            for _ in range(2):
                book.tell(action(simulated(side, CALL, 0.1, 0.01), request_id=numbered))
    for _ in range(2):
        book.tell(opened(simulated("SELL", CALL, 0.3, 0.01), request_id="trade 17"))
    states = [figures(chain, "state", "open_quantity") for chain in book.chains()]
    assert states == [("CLOSED", 0), ("CLOSED", 0), ("OPEN", Decimal("0.3"))]


def test_accounts_share_a_spool(server: RunningServer, tmp_path: Path) -> None:
    """What one account holds is not what another holds, where both were started again."""
    books = [Book(server, tmp_path / "spool") for _ in range(2)]
    for book in books:
        book.tell(opened(order("SELL", CALL, 0.1, 0.01)))
        assert len(book.chains()) == 1
    for book in books:
        book.tracker.close()
        book.tracker = PositionTracker(target=server.target, account=book.account, spool=book.spool)
        book.tell(opened(order("SELL", CALL, 0.2, 0.01)))
        assert [chain.open_quantity for chain in book.chains()] == [Decimal("0.3")]
        book.close()


@pytest.mark.parametrize("damage", ["cut off", "written over", "empty", "gone"])
def test_holdings_that_are_damaged(book: Book, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """A file that was cut off is put aside and said, and what is held is asked of the ledger: an ADD is an ADD, and an
    order that works is known when its result is told again."""
    resting = order("SELL", HIGHER, 0.5, 0.01, "open")
    book.tell(opened(order("SELL", CALL, 0.1, 0.01)))
    result = book.tell(opened(resting))
    book.chains()
    book.tracker.close()
    [file] = book.spool.glob("holdings-*.json")
    whole = file.read_text()
    if damage == "gone":
        file.unlink()
    else:
        file.write_text({"cut off": whole[:-30], "written over": '{"chains": []}', "empty": ""}[damage])
    book.tracker = PositionTracker(target=book.target, account=book.account, spool=book.spool)
    resting["order_state"] = "filled"
    book.tell(result)
    book.tell(opened(order("SELL", CALL, 0.2, 0.01)))
    assert [chain.open_quantity for chain in book.chains()] == [Decimal("0.3"), Decimal("0.5")]
    assert [path.suffix for path in book.spool.glob("*.damaged")] == ([] if damage == "gone" else [".damaged"])
    assert ("cannot be read" in caplog.text) == (damage != "gone")


def test_an_order_of_a_refused_result_is_not_lost(book: Book) -> None:
    """What the ledger refused is a dead letter; what fills of its orders later waits for it in the ledger."""
    resting = order("SELL", CALL, 0.5, -0.01, "open")
    result = book.tell(opened(resting))
    assert book.chains() == []
    resting.update(order_state="filled", price=0.01)
    book.tell(result)
    assert book.chains() == []
    assert book.ledger.get_portfolio().unmatched_fills == 1
