"""What `execute_action` does on a venue that matches, told to a real ledger by the tracker: exact to the last digit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rollbook import CashLine, Client, FillSource, PositionChain
from rollbook_bot import ExecutionSettings, execute_action, execute_actions, found_order
from rollbook_bot.position_tracker import PositionTracker
from tests.support.server import RunningServer
from tests.support.trading import figures, new_account, prove
from tests.support.venue import Venue, VenueWithTrades

LIVE, DRY = ExecutionSettings(dry_run=False), ExecutionSettings()
CALL, LATER, HIGHER = "BTC-26DEC98-100000-C", "BTC-25JUN99-105000-C", "BTC-26DEC98-110000-C"
USDC_PUT, USDC_LATER = "BTC_USDC-26DEC98-80000-P", "BTC_USDC-25JUN99-80000-P"
PATIENCE = 20
TRADE, SUM = FillSource.VENUE_TRADE, FillSource.ORDER_AGGREGATE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    path = tmp_path_factory.mktemp("execution") / "ledger.db"
    with RunningServer(path) as running:
        yield running
    prove(path)


class Bot:
    """A bot on a venue, with a tracker that tells all it does."""

    def __init__(self, server: RunningServer, spool: Path) -> None:
        self.target, self.account = server.target, new_account()
        self.venue: Any = VenueWithTrades()
        self.spool = spool
        self.tracker = PositionTracker(target=self.target, account=self.account, spool=spool)
        self.ledger = Client(self.target, account=self.account).open()
        for symbol, bid, ask in (
            (CALL, "0.0125", "0.0125"),
            (LATER, "0.0155", "0.0155"),
            (HIGHER, "0.0045", "0.0045"),
            (USDC_PUT, "700", "700"),
            (USDC_LATER, "1000", "1000"),
        ):
            self.venue.quote(symbol, bid, ask)

    def without_trades(self) -> None:
        """The venue gives no trades from now on."""
        venue = Venue()
        venue.__dict__.update(self.venue.__dict__)
        self.venue = venue

    def with_trades(self) -> None:
        """It does."""
        venue = VenueWithTrades()
        venue.__dict__.update(self.venue.__dict__)
        self.venue = venue

    def start_again(self) -> None:
        """A new process on the same spool."""
        self.tracker.close()
        self.tracker = PositionTracker(target=self.target, account=self.account, spool=self.spool)

    def do(self, word: str, settings: ExecutionSettings = LIVE, **params: Any) -> dict[str, Any]:
        action = {"action": word, "params": {"size": 0.5, **params}, "strategy": "weekly", "decision_id": "d-1"}
        result = execute_action(self.venue, action, settings)
        json.dumps(result)
        self.tracker.process_execution_result(result)
        return result

    def open(self, symbol: str = CALL, **params: Any) -> dict[str, Any]:
        return self.do("OPEN_COVERED_CALL", symbol=symbol, **params)

    def close(self, symbol: str = CALL, **params: Any) -> dict[str, Any]:
        return self.do("CLOSE_COVERED_CALL", symbol=symbol, **params)

    def roll(self, old: str = CALL, new: str = LATER, **params: Any) -> dict[str, Any]:
        return self.do("ROLL_COVERED_CALL", from_symbol=old, to_symbol=new, **params)

    def refresh(self) -> None:
        self.tracker.refresh_marks(self.venue)

    def chains(self) -> list[PositionChain]:
        """The ledger's chains, once it has everything; nothing may have been refused."""
        assert self.tracker.flush(PATIENCE)
        assert not (self.spool / "unread").exists()
        assert not [*(self.spool / "dead").glob("[0-9]*")]
        return sorted(self.ledger.iterate_chains(), key=lambda chain: chain.created_revision)

    def chain(self) -> PositionChain:
        [chain] = self.chains()
        return chain

    def lines(self) -> list[tuple[Any, ...]]:
        """What moved the one chain."""
        found: tuple[CashLine, ...] = self.ledger.get_chain(self.chain().position_id).lines
        return [figures(line, "source", "quantity", "price", "fee") for line in found]


@pytest.fixture
def bot(server: RunningServer, tmp_path: Path) -> Iterator[Bot]:
    made = Bot(server, tmp_path / "spool")
    yield made
    made.tracker.close()
    made.ledger.close()


def resting(result: dict[str, Any], number: int = 0) -> str:
    """An order of a result that rests."""
    order = result["orders"][number]
    assert order["order_state"] == "open"
    return str(order["order_id"])


def test_open_roll_and_close_by_trades(bot: Bot) -> None:
    """What the venue fills at once is told by its trades, with their ids, times, fees and index prices: the chain's
    profit is exact in coin and in USD, and nothing of it is estimated or missing."""
    opened, rolled, closed = bot.open(), bot.roll(), bot.close(LATER)
    assert [each["status"] for each in (opened, rolled, closed)] == ["executed"] * 3
    chain = bot.chain()
    assert (chain.state, chain.num_rolls, chain.num_legs) == ("CLOSED", 1, 2)
    fees = 4 * Decimal("0.00015")
    assert chain.net_pnl == Decimal(0) - fees
    assert chain.net_pnl_usd == -fees * Decimal("98000.5")
    assert (chain.fees, chain.fees_complete, chain.fees_estimated, chain.usd_missing_lines) == (fees, True, False, 0)
    answer = bot.ledger.get_chain(chain.position_id)
    trades = [trade for result in (opened, rolled, closed) for order in result["orders"] for trade in order["trades"]]
    lines = [(line.trade_id, line.source, round(line.time.timestamp() * 1000)) for line in answer.lines if line.time]
    assert lines == [(trade["trade_id"], TRADE, trade["timestamp"]) for trade in trades]


@pytest.mark.parametrize(
    ("kind", "old", "new", "profit", "fees"),
    [
        # 0.1 · (0.0125 - 0.0125 + 0.0155); a coin's fee is 3 bp of it
        ("COVERED_CALL", CALL, LATER, "0.00155", "0.00009"),
        # 0.1 · (700 - 700 + 1000); 3 bp of the index of 98,000.5
        ("CASH_SECURED_PUT", USDC_PUT, USDC_LATER, "100", "8.820045"),
    ],
)
def test_a_simulated_roll(bot: Bot, kind: str, old: str, new: str, profit: str, fees: str) -> None:
    """A dry run of an open and a roll, in coin and in USDC: one DRY_RUN chain, whose fees the ledger has estimated, and
    says so; each fill has the index of its quote."""
    opened = bot.do(f"OPEN_{kind}", DRY, symbol=old, size=0.1)
    rolled = bot.do(f"ROLL_{kind}", DRY, from_symbol=old, to_symbol=new, size=0.1)
    assert [opened["status"], rolled["status"]] == ["simulated", "simulated"]
    chain = bot.chain()
    assert (chain.mode, chain.state, chain.num_rolls, chain.strategy_name) == ("DRY_RUN", "OPEN", 1, "weekly")
    assert (chain.fees, chain.fees_estimated, chain.fees_complete) == (Decimal(fees), True, True)
    assert chain.net_cash == Decimal(profit) - Decimal(fees)
    lines = bot.ledger.get_chain(chain.position_id).lines
    factor = Decimal("98000.5") if chain.settlement_currency == "BTC" else 1
    assert (chain.net_cash_usd, chain.usd_missing_lines) == (chain.net_cash * factor, 0)
    assert {line.source for line in lines} == {FillSource.SIMULATED}
    assert not bot.venue.orders


def test_in_sum_where_the_venue_gives_no_trades(bot: Bot) -> None:
    """An exchange without trades is told by its orders' sums: profit in coin is exact, and the ledger counts that fees
    are missing."""
    bot.without_trades()
    bot.venue.quote(CALL, "0.0125", "0.0125", "0.2")
    bot.open(size=0.2)
    bot.venue.quote(CALL, "0.0045", "0.0045")
    bot.close(size=0.2)
    chain = bot.chain()
    assert (chain.state, chain.net_pnl, chain.fees_complete) == ("CLOSED", Decimal("0.0016"), False)
    assert bot.lines() == [
        (SUM, Decimal("0.2"), Decimal("0.0125"), None),
        (SUM, Decimal("0.2"), Decimal("0.0045"), None),
    ]


def test_trades_take_the_place_of_a_sum(bot: Bot) -> None:
    """An order that was told in sum, since the venue did not give its trades then, is counted once when they come: at
    the next look, with their fees, though it has long ended and the bot was started anew; the look after tells nothing.
    """
    bot.without_trades()
    bot.open()
    assert bot.lines() == [(SUM, Decimal("0.5"), Decimal("0.0125"), None)]
    bot.with_trades()
    bot.start_again()
    bot.refresh()
    assert bot.lines() == [(TRADE, Decimal("0.5"), Decimal("0.0125"), Decimal("0.00015"))]
    chain = bot.chain()
    assert (chain.open_quantity, chain.open_credit, chain.fees_complete) == (Decimal("0.5"), Decimal("0.00625"), True)
    bot.refresh()
    assert bot.chain().revision == chain.revision


def test_a_result_told_again_with_its_trades(bot: Bot) -> None:
    """The same dict, told in sum at first and again when its trades are in it, is one trade with a fee."""
    bot.without_trades()
    result = bot.open()
    [order] = result["orders"]
    order["trades"] = bot.venue.orders[order["order_id"]].trades
    bot.tracker.process_execution_result(result)
    bot.tracker.process_execution_result(result)
    assert bot.lines() == [(TRADE, Decimal("0.5"), Decimal("0.0125"), Decimal("0.00015"))]


def test_some_of_its_trades(bot: Bot) -> None:
    """Where the venue gives only some of an order's trades the rest of it counts in sum, at the price that keeps the
    order's average; the missing trade takes its place when it comes."""
    order = resting(bot.open(price=0.013))
    bot.venue.meet(order, "0.2")
    bot.venue.meet(order, "0.3", "0.0135")
    trades, bot.venue.get_user_trades_by_order = bot.venue.orders[order].trades, lambda order_id: trades[:1]
    bot.refresh()
    rest = (SUM, Decimal("0.3"), Decimal("0.0135"), None)
    assert bot.lines() == [(TRADE, Decimal("0.2"), Decimal("0.013"), Decimal("0.00006")), rest]
    assert bot.chain().open_credit == Decimal("0.00665")
    del bot.venue.get_user_trades_by_order
    bot.refresh()
    assert [line[0] for line in bot.lines()] == [TRADE, TRADE]
    chain = bot.chain()
    assert (chain.open_credit, chain.fees, chain.fees_complete) == (Decimal("0.00665"), Decimal("0.00015"), True)


def test_resting_then_filled(bot: Bot) -> None:
    """An order that rests is no fill. What fills of it is told by the next look, piece by piece, each trade once."""
    result = bot.open(price=0.013)
    assert result["status"] == "resting"
    assert bot.chain().state == "PENDING"
    order = resting(result)
    bot.venue.meet(order, "0.2")
    bot.refresh()
    assert (bot.chain().open_quantity, bot.chain().state) == (Decimal("0.2"), "OPEN")
    bot.refresh()
    bot.venue.meet(order, "0.1", "0.0135")
    bot.venue.meet(order, "0.2")
    bot.refresh()
    bot.refresh()
    chain = bot.chain()
    assert (chain.open_quantity, chain.open_credit, chain.working_orders) == (Decimal("0.5"), Decimal("0.00655"), ())
    assert (chain.fees, chain.fees_complete) == (Decimal("0.00015"), True)
    assert [line[:3] for line in bot.lines()] == [
        (TRADE, Decimal("0.2"), Decimal("0.013")),
        (TRADE, Decimal("0.1"), Decimal("0.0135")),
        (TRADE, Decimal("0.2"), Decimal("0.013")),
    ]


def test_a_partial_fill_that_rests_and_is_cancelled(bot: Bot) -> None:
    """What an order meets at once counts, the rest of it rests; when that is cancelled what filled stays."""
    bot.venue.quote(CALL, "0.0125", "0.0125", "0.2")
    result = bot.open()
    assert (result["status"], result["message"]) == ("resting", f"0.2 of 0.5 {CALL} filled, the order rests")
    chain = bot.chain()
    assert (chain.open_quantity, len(chain.working_orders), chain.working_orders[0].label) == (
        Decimal("0.2"),
        1,
        "d-1-open",
    )
    bot.venue.cancel(resting(result))
    bot.refresh()
    chain = bot.chain()
    assert (chain.state, chain.open_quantity, chain.working_orders) == ("OPEN", Decimal("0.2"), ())


def test_resting_then_cancelled(bot: Bot) -> None:
    """An order that never filled leaves a chain that never held anything."""
    order = resting(bot.open(price=0.013))
    bot.venue.cancel(order)
    bot.refresh()
    chain = bot.chain()
    assert (chain.state, chain.close_reason, chain.net_cash) == ("CLOSED", "ORDER_CANCELLED", Decimal(0))


def test_an_order_that_is_refused(bot: Bot) -> None:
    """A venue that takes no order is an error with its words, in the journal too; nothing is open."""
    bot.venue.refuses[CALL] = "not_enough_funds"
    result = bot.open()
    assert (result["status"], result["errors"]) == ("error", [f"Open leg {CALL}: not_enough_funds"])
    assert bot.chains() == []
    [entry] = bot.ledger.iterate_entries()
    assert entry.execution is not None
    assert entry.execution.execution is not None
    assert entry.execution.execution.errors == (f"Open leg {CALL}: not_enough_funds",)


def test_an_order_that_ends_before_it_is_filled(bot: Bot) -> None:
    """An order that the venue ends at once counts for what it filled, and says how much that was."""
    bot.venue.quote(CALL, "0.0125", "0.0125", "0.2")
    bot.venue.takes_and_ends.add(CALL)
    result = bot.open()
    assert (result["status"], result["errors"]) == (
        "partial_error",
        [f"Open leg {CALL}: 0.2 of 0.5 filled, the order is cancelled"],
    )
    assert (bot.chain().open_quantity, bot.chain().working_orders) == (Decimal("0.2"), ())


def test_the_second_order_of_a_roll_is_refused(bot: Bot) -> None:
    """The buy-back counts, and the chain is FLAT in the venue's words; the next OPEN completes the roll."""
    bot.open()
    bot.venue.refuses[LATER] = "not_enough_funds"
    result = bot.roll()
    words = f"Open leg {LATER}: not_enough_funds"
    assert (result["status"], result["errors"], len(result["orders"])) == ("partial_error", [words], 1)
    chain = bot.chain()
    assert (chain.state, chain.flat_reason, chain.num_rolls) == ("FLAT", words, 0)
    bot.open(HIGHER)
    chain = bot.chain()
    assert (chain.state, chain.num_rolls, chain.num_legs) == ("OPEN", 1, 2)
    assert chain.net_cash == Decimal("0.00225") - 3 * Decimal("0.00015")


def test_the_first_order_of_a_roll_is_refused(bot: Bot) -> None:
    """Then nothing is sold, and nothing has changed."""
    bot.open()
    bot.venue.refuses[CALL] = "settlement_in_progress"
    result = bot.roll()
    assert (result["status"], result["orders"]) == ("error", [])
    assert [*bot.venue.orders.values()][-1].symbol == CALL
    assert (bot.chain().state, bot.chain().open_quantity, bot.chain().num_rolls) == ("OPEN", Decimal("0.5"), 0)


def test_a_roll_sells_no_more_than_it_bought_back(bot: Bot) -> None:
    """A first order that ends half filled leaves the rest where it was: only as much of the new contract is sold."""
    bot.open()
    bot.venue.quote(CALL, "0.0125", "0.0125", "0.2")
    bot.venue.takes_and_ends.add(CALL)
    result = bot.roll()
    assert (result["status"], result["errors"]) == (
        "partial_error",
        [f"Close leg {CALL}: 0.2 of 0.5 filled, the order is cancelled"],
    )
    assert [(order["symbol"], order["filled_amount"]) for order in result["orders"]] == [(CALL, 0.2), (LATER, 0.2)]
    chain = bot.chain()
    held = {leg.instrument.symbol: leg.open_quantity for leg in chain.legs if leg.instrument}
    assert (held, chain.num_rolls) == ({CALL: Decimal("0.3"), LATER: Decimal("0.2")}, 1)


def test_the_first_order_of_a_roll_rests(bot: Bot) -> None:
    """Nothing is sold before something is bought back, and the result says so. When the order has filled the chain is
    FLAT, and an OPEN completes the roll, even while the ledger has not been heard since."""
    bot.open()
    bot.venue.quote(CALL, "0.0120", "0.0130", "0")
    result = bot.roll()
    assert result["status"] == "resting"
    assert result["message"].endswith(f"{LATER} is not sold before {CALL} is bought back")
    assert [order.symbol for order in bot.venue.orders.values()] == [CALL, CALL]
    assert (bot.chain().state, bot.chain().num_rolls) == ("OPEN", 0)
    bot.venue.meet(resting(result), "0.5")
    bot.refresh()
    bot.open(LATER)
    chain = bot.chain()
    assert (chain.state, chain.num_rolls, chain.num_legs, chain.open_quantity) == ("OPEN", 1, 2, Decimal("0.5"))


def test_the_second_order_of_a_roll_rests_and_is_cancelled(bot: Bot) -> None:
    """The chain is FLAT, and the next OPEN completes its roll."""
    bot.open()
    bot.venue.quote(LATER, "0.0150", "0.0160", "0")
    result = bot.roll()
    assert result["status"] == "resting"
    bot.venue.cancel(resting(result, 1))
    bot.refresh()
    bot.open(HIGHER)
    chain = bot.chain()
    assert (chain.state, chain.num_rolls, chain.num_legs) == ("OPEN", 1, 2)


def test_an_order_lost_on_its_way(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    """A call without an answer is unknown, not nothing: it is said as CRITICAL with the label to look for, and it is in
    the journal; no position comes of it."""
    bot.venue.loses_order.add(CALL)
    result = bot.open()
    assert (result["status"], result["orders"], result["unknown"]["label"]) == ("unknown", [], "d-1-open")
    assert "nobody knows whether the order with label 'd-1-open' is on the venue: TimeoutError" in caplog.text
    assert bot.chains() == []
    [entry] = bot.ledger.iterate_entries()
    assert entry.execution is not None
    assert entry.execution.execution is not None
    assert "label 'd-1-open'" in entry.execution.execution.errors[0]


def test_an_order_whose_answer_was_lost_is_found(bot: Bot) -> None:
    """It is on the venue under its label; told as found it is the trade that it is, once."""
    bot.venue.loses_answer.add(CALL)
    result = bot.open()
    assert result["status"] == "unknown"
    assert bot.chains() == []
    [order] = [each for each in bot.venue.orders.values() if each.label == result["unknown"]["label"]]
    found = found_order(result, bot.venue.answer(order.order_id))
    assert (found["status"], found["action"]) == ("executed", "OPEN_COVERED_CALL")
    bot.tracker.process_execution_result(found)
    bot.tracker.process_execution_result(found_order(result, bot.venue.answer(order.order_id)))
    assert bot.lines() == [(TRADE, Decimal("0.5"), Decimal("0.0125"), Decimal("0.00015"))]


@pytest.mark.parametrize("lost", [CALL, LATER])
def test_a_roll_whose_answer_was_lost(bot: Bot, lost: str) -> None:
    """Whichever of its two orders it was: nothing more is placed after it, and told as found the roll goes on; its
    second order completes it, and after its first an OPEN does."""
    bot.open()
    bot.venue.loses_answer.add(lost)
    result = bot.roll()
    assert (result["status"], result["unknown"]["symbol"]) == ("unknown", lost)
    assert [order.symbol for order in bot.venue.orders.values()] == [CALL, CALL, LATER][: 2 + (lost == LATER)]
    found = found_order(result, bot.venue.answer([*bot.venue.orders][-1]))
    bot.tracker.process_execution_result(found)
    if lost == CALL:
        assert (found["action"], bot.chain().state) == ("ROLL_COVERED_CALL", "FLAT")
        bot.open(LATER)
    chain = bot.chain()
    assert (chain.state, chain.num_rolls, chain.open_quantity) == ("OPEN", 1, Decimal("0.5"))
    assert chain.net_cash == Decimal("0.00775") - 3 * Decimal("0.00015")


def test_a_fee_in_another_currency(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    """A fee that is not in the contract's currency would keep the trade out of the ledger: the trade counts, its fee is
    missing, and both are said."""
    order = resting(bot.open(price=0.013))
    bot.venue.meet(order, "0.5")
    bot.venue.orders[order].trades[0].update(fee=1.5, fee_currency="USDC")
    bot.refresh()
    assert bot.lines() == [(TRADE, Decimal("0.5"), Decimal("0.013"), None)]
    assert not bot.chain().fees_complete
    assert f"its fee of 1.5 USDC is left out, since {CALL} is paid in BTC" in caplog.text


def test_trades_that_make_no_sense(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    """Trades that cannot be the order's are left out, and said; the order still counts, in sum."""

    class Confused(VenueWithTrades):
        def answer(self, order_id: str) -> Any:
            answer = super().answer(order_id)
            return {**answer, "trades": [{**trade, "direction": "buy"} for trade in answer["trades"]]}

    confused = Confused()
    confused.__dict__.update(bot.venue.__dict__)
    bot.venue = confused
    bot.open()
    assert bot.lines() == [(SUM, Decimal("0.5"), Decimal("0.0125"), None)]
    assert "the order is a SELL, not a 'buy'" in caplog.text


def test_a_batch_is_told(bot: Bot) -> None:
    """A batch goes to the tracker as it is: what could be done is in the ledger, what could not is no position."""
    actions: list[dict[str, Any]] = [
        {"action": "OPEN_COVERED_CALL", "params": {"symbol": CALL, "size": 0.1}},
        {"action": "FLY"},
        {"action": "OPEN_CASH_SECURED_PUT", "params": {"symbol": "DOGE_USDC-26DEC98-1-P", "size": 1}},
        {"action": "OPEN_CASH_SECURED_PUT", "params": {"symbol": USDC_PUT, "size": 0.1}},
        {"action": "DO_NOTHING"},
    ]
    batch = execute_actions(bot.venue, actions, LIVE)
    json.dumps(batch)
    assert [result["status"] for result in batch["results"]] == ["executed", "error", "error", "executed", "skipped"]
    bot.tracker.process_execution_result(batch)
    assert [chain.settlement_currency for chain in bot.chains()] == ["BTC", "USDC"]
