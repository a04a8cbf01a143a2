"""What `execute_action` makes of an action: the dry run, the labels, and what cannot be done."""

from __future__ import annotations

import enum
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from rollbook_bot import ExecutionSettings, execute_action, execute_actions, found_order
from tests.support.venue import Venue

LIVE = ExecutionSettings(dry_run=False)
CALL, LATER = "BTC-26DEC98-100000-C", "BTC-25JUN99-105000-C"
USDC_PUT, USDC_LATER = "BTC_USDC-26DEC98-80000-P", "BTC_USDC-25JUN99-80000-P"
QUOTES = {
    CALL: ("0.012", "0.0125"),
    LATER: ("0.0043", "0.0046"),
    USDC_PUT: ("700", "725"),
    USDC_LATER: ("1000", "1030"),
}


@pytest.fixture
def venue() -> Any:
    made = Venue()
    for symbol, (bid, ask) in QUOTES.items():
        made.quote(symbol, bid, ask)
    return made


def action(word: str = "OPEN_COVERED_CALL", symbol: str = CALL, size: Any = 0.1, **params: Any) -> dict[str, Any]:
    return {
        "action": word,
        "params": {"symbol": symbol, "size": size, "underlying": "BTC", **params},
        "strategy": "weekly",
        "reason": "rich premium",
        "decision_id": "d-17",
        "trigger": "entry",
    }


def roll(old: str, new: str, kind: str = "COVERED_CALL", **params: Any) -> dict[str, Any]:
    return {"action": f"ROLL_{kind}", "params": {"from_symbol": old, "to_symbol": new, "size": 0.1, **params}}


def fills(result: dict[str, Any]) -> list[tuple[str, str, Any, Any]]:
    return [(order["type"], order["symbol"], order["size"], order["price"]) for order in result["orders"]]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (action(), [("SELL", CALL, 0.1, 0.012)]),
        (action("CLOSE_COVERED_CALL"), [("BUY", CALL, 0.1, 0.0125)]),
        (action("OPEN_COVERED_CALL", LATER, 2), [("SELL", LATER, 2, 0.0044)]),
        (action("CLOSE_COVERED_CALL", LATER), [("BUY", LATER, 0.1, 0.0045)]),
        (action("OPEN_CASH_SECURED_PUT", USDC_PUT, 0.01), [("SELL", USDC_PUT, 0.01, 710)]),
        (action("CLOSE_CASH_SECURED_PUT", USDC_PUT, 0.01), [("BUY", USDC_PUT, 0.01, 715)]),
        (roll(CALL, LATER), [("BUY", CALL, 0.1, 0.0125), ("SELL", LATER, 0.1, 0.0044)]),
        (
            roll(USDC_PUT, USDC_LATER, "CASH_SECURED_PUT"),
            [("BUY", USDC_PUT, 0.1, 715), ("SELL", USDC_LATER, 0.1, 1015)],
        ),
    ],
)
def test_a_dry_run_fills_at_the_mid(venue: Any, asked: dict[str, Any], expected: list[Any]) -> None:
    """A simulated order fills whole at the mid, on the venue's grid, a sale never above it and a purchase never below;
    a roll does both, and nothing is placed."""
    result = execute_action(venue, asked)
    assert (result["status"], result["dry_run"], result["errors"]) == ("simulated", True, [])
    assert fills(result) == expected
    for order in result["orders"]:
        assert (order["simulated"], order["filled_amount"], order["index_price"]) == (True, order["size"], 98000.5)
    assert not venue.orders


def test_a_result_says_what_was_asked_for(venue: Any) -> None:
    """The keys of the action come back, as JSON can hold them: exact numbers, enums and whatever else is in there."""

    class Word(enum.Enum):
        OPEN = "OPEN_COVERED_CALL"

    asked = {**action(size=Decimal("0.1"), exit_style="tp_and_roll", expiry=datetime(2098, 12, 26, tzinfo=UTC))}
    result = execute_action(venue, {**asked, "action": Word.OPEN})
    again = json.loads(json.dumps(result))
    assert again == result
    names = ("action", "strategy", "reason", "decision_id", "trigger", "underlying")
    assert [result[name] for name in names] == ["OPEN_COVERED_CALL", "weekly", "rich premium", "d-17", "entry", "BTC"]
    assert result["params"] == {**asked["params"], "size": 0.1, "expiry": "2098-12-26 00:00:00+00:00"}
    assert result["message"] == f"sold 0.1 {CALL} at 0.0120"
    assert datetime.fromisoformat(result["executed_time"]).tzinfo is not None


@pytest.mark.parametrize(
    ("bid", "ask", "missing"), [("0", "0.01", "bid"), ("0.01", "0", "ask"), ("0", "0", "bid and no ask")]
)
@pytest.mark.parametrize("settings", [ExecutionSettings(), LIVE])
def test_a_price_is_never_guessed(venue: Any, bid: str, ask: str, missing: str, settings: ExecutionSettings) -> None:
    """With one side quoted, or none, nothing is simulated and nothing is placed; a roll does not begin if either of its
    contracts has no market."""
    venue.quote(CALL, bid, ask)
    for asked in (action(), roll(CALL, LATER), roll(LATER, CALL)):
        result = execute_action(venue, asked, settings)
        assert (result["status"], result["orders"]) == ("error", [])
        assert result["errors"] == [f"{CALL}: nobody quotes it, there is no {missing}"] == [result["message"]]
    assert not venue.orders


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"action": "FLY"}, "action: 'FLY' is none of OPEN_"),
        ({}, "action: '' is none of OPEN_"),
        ("OPEN_COVERED_CALL", "is none of OPEN_"),
        ({"action": "OPEN_COVERED_CALL"}, "params: None is no mapping"),
        (action(size="much"), "params.size: 'much' is no number"),
        (action(size=0), "params.size: 0 is no quantity above 0"),
        (action(symbol=""), "params.symbol: '' names no contract"),
        (action(price=-1), "params.price: -1 is no price above 0"),
        (action(price=0.0125), "the limit of 0.0125 is not met by its mid, 0.0120"),
        (action("CLOSE_COVERED_CALL", price=0.012), "the limit of 0.012 is not met by its mid, 0.0125"),
        (roll(CALL, CALL), f"a roll from {CALL} to itself"),
        (roll(CALL, LATER, price=0.01), "one price cannot be the limit of both"),
        (action(symbol="BTC-26DEC98-999000-C"), "the exchange gives no ticker: not_found"),
        (action(symbol="DOGE_USDC-26DEC98-1-C"), "the exchange gives no ticker: not_found"),
    ],
)
def test_what_cannot_be_done_is_an_error(venue: Any, asked: Any, words: str) -> None:
    """An action that makes no sense, or cannot be priced, is a result that says why; the bot goes on."""
    result = execute_action(venue, asked)
    assert (result["status"], result["orders"]) == ("error", [])
    assert words in result["message"]
    json.dumps(result)


def test_a_limit_that_is_met(venue: Any) -> None:
    """A dry run with a limit fills at the mid where that is not worse than the limit."""
    assert fills(execute_action(venue, action(price=0.0115))) == [("SELL", CALL, 0.1, 0.012)]
    assert fills(execute_action(venue, action("CLOSE_COVERED_CALL", price="0.013"))) == [("BUY", CALL, 0.1, 0.0125)]


@pytest.mark.parametrize(
    ("asked", "side", "limit"),
    [
        (action(), "sell", "0.012"),
        (action("CLOSE_COVERED_CALL"), "buy", "0.0125"),
        (action(price=0.01234), "sell", "0.0125"),
        (action("CLOSE_COVERED_CALL", price=0.01234), "buy", "0.012"),
    ],
)
def test_the_limit_of_a_real_order(venue: Any, asked: dict[str, Any], side: str, limit: str) -> None:
    """Without a limit an order goes out at what a dry run fills at; a limit is put on the grid, and never made worse
    than it was said."""
    result = execute_action(venue, asked, LIVE)
    [order] = venue.orders.values()
    assert (order.side, order.price, order.amount) == (side, Decimal(limit), Decimal("0.1"))
    assert result["orders"][0]["price"] == float(limit)


def test_an_order_can_be_found_by_its_label(venue: Any) -> None:
    """A label is made of the decision and the leg; where the decision has no id, or one that the venue would not take,
    of the result's request_id."""
    execute_action(venue, {**roll(CALL, LATER), "decision_id": "d-18"}, LIVE)
    assert [order.label for order in venue.orders.values()] == ["d-18-close", "d-18-open"]
    for decision in ("", "x" * 64, "a\nb", "décision"):
        result = execute_action(venue, {**action(), "decision_id": decision}, LIVE)
        label = result["orders"][0]["label"]
        assert label == f"{result['request_id']}-open"
        assert len(label) <= 64


def test_nothing_to_do(venue: Any) -> None:
    """DO_NOTHING is skipped, whatever else is in the action."""
    result = execute_action(venue, {"action": "DO_NOTHING", "reason": "calm"}, LIVE)
    assert (result["status"], result["orders"], result["reason"]) == ("skipped", [], "calm")


def test_a_batch_goes_on(venue: Any) -> None:
    """Each action of a batch is executed, whatever came of the ones before."""
    batch = execute_actions(venue, [action(), {"action": "FLY"}, action(symbol=USDC_PUT), {"action": "DO_NOTHING"}])
    assert [result["status"] for result in batch["results"]] == ["simulated", "error", "simulated", "skipped"]
    assert batch["message"] == "2 simulated, 1 error, 1 skipped"
    assert execute_actions(venue, [])["message"] == "nothing to do"


def test_an_answer_that_cannot_be_read(venue: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An order whose answer is no answer may be on the venue: it is unknown, and said loudly with its label."""

    class Mumbling(Venue):
        def place_order(self, **order: Any) -> Any:
            return "accepted"

    mumbling: Any = Mumbling()
    mumbling.quote(CALL, *QUOTES[CALL])
    result = execute_action(mumbling, action(), LIVE)
    assert (result["status"], result["orders"]) == ("unknown", [])
    assert result["unknown"] == {
        "leg": "open", "type": "SELL", "symbol": CALL, "size": 0.1, "price": 0.012, "label": "d-17-open",
    }  # fmt: skip
    assert "label 'd-17-open' is on the venue" in caplog.text
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


def test_only_an_unknown_order_is_found(venue: Any) -> None:
    """A result that knows its orders has none to be found."""
    with pytest.raises(ValueError, match="knows all of its orders"):
        found_order(execute_action(venue, action(), LIVE), {})
