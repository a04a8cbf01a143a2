"""What a contract's name says, and when a contract given in full agrees with it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from rollbook_server.domain.clock import micros, moment
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.domain.instruments import Instrument, SettlementPeriod, parse_deribit, resolve
from tests.support.golden import INSTRUMENT_NAMES


@pytest.mark.parametrize("case", INSTRUMENT_NAMES, ids=lambda case: ascii(case["symbol"]))
def test_names_of_deribit(case: dict[str, Any]) -> None:
    """A name is read by the venue's grammar to the letter, or is no option's name."""
    contract = parse_deribit(case["symbol"])
    if case.get("invalid"):
        assert contract is None
        return
    assert contract is not None
    assert contract.symbol == case["symbol"]
    assert contract.underlying == case["underlying"]
    assert contract.option_type == case["option_type"]
    assert contract.strike == Decimal(case["strike"])
    assert contract.expiry_time == micros(datetime.fromisoformat(case["expiry"]))
    assert contract.settlement_currency == case["settlement_currency"]
    assert contract.style == case["style"]
    assert contract.multiplier == 1


@pytest.mark.parametrize(
    "symbol",
    ["BTC-1JAN26-1-C ", " BTC-1JAN26-1-C", "BTC-0JAN26-1-C", "BTC-31APR26-1-C", "BTC-1jan26-1-C", "BTC-1JAN2026-1-C",
     "BTC-1JAN26-01-C", "BTC-1JAN26-1d-C", "BTC-1JAN26-d5-C", "BTC-1JAN26-1d5d5-C", "BTC-1JAN26-1-c", "BTC_-1JAN26-1-C",
     "_USDC-1JAN26-1-C", "BTC_USDC_X-1JAN26-1-C", "BTC-1JAN26-1-C-C", "BTC-1JAN26-" + "1" * 19 + "-C",
     "BTC-1JAN26-1-\u0421", "BTC-1JAN26-\uff11-C", "BTC-FS-1JAN26_PERP", "BTC-1JAN26-1-C\x00"],
)  # fmt: skip
def test_what_is_nearly_a_name(symbol: str) -> None:
    """What is nearly a name is none: nothing is trimmed, padded or folded."""
    assert parse_deribit(symbol) is None


def test_a_leap_day() -> None:
    """The 29th of February is there in a leap year."""
    contract = parse_deribit("BTC-29FEB28-100000-P")
    assert contract is not None
    assert moment(contract.expiry_time) == datetime(2028, 2, 29, 8, tzinfo=UTC)


def test_index_names() -> None:
    """A coin's options settle on its USD index, linear ones on that of their quote."""
    for symbol, index in (("BTC-1JAN26-1-C", "btc_usd"), ("SOL_USDC-1JAN26-1-C", "sol_usdc")):
        contract = parse_deribit(symbol)
        assert contract is not None
        assert contract.index_name == index


def test_dailies() -> None:
    """A contract that expires on a Friday is no daily, any other is, unless its cycle is told."""
    friday, monday = parse_deribit("BTC-27MAR26-1-C"), parse_deribit("BTC-30MAR26-1-C")
    assert friday is not None
    assert monday is not None
    assert (friday.daily, monday.daily) == (False, True)
    assert replace(friday, settlement_period=SettlementPeriod.DAY).daily
    assert not replace(monday, settlement_period=SettlementPeriod.MONTH).daily


def _given(**changes: Any) -> Instrument:
    contract = parse_deribit("BTC-27MAR26-100000-C")
    assert contract is not None
    return replace(contract, **changes)


@pytest.mark.parametrize(
    "change",
    [
        {"strike": Decimal(1)},
        {"underlying": "ETH"},
        {"settlement_currency": "USDC"},
        {"expiry_time": 1},
        {"symbol": "X"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_contract_must_agree_with_its_name(change: dict[str, Any]) -> None:
    """Where both are there they must agree."""
    with pytest.raises(InvalidArgument) as refused:
        resolve("deribit", "BTC-27MAR26-100000-C", _given(**change), "fills[3]")
    assert refused.value.reason is Reason.INSTRUMENT_MISMATCH
    assert refused.value.field == "fills[3].instrument"


def test_what_the_name_does_not_say_is_taken_as_given() -> None:
    """Multiplier, index and cycle are not in the name: what is given counts, and an index left out is the venue's."""
    given = _given(multiplier=Decimal("0.1"), index_name="", settlement_period=SettlementPeriod.WEEK)
    assert resolve("deribit", given.symbol, given, "fills[0]") == replace(given, index_name="btc_usd")
    assert resolve("deribit", given.symbol, None, "fills[0]") == parse_deribit(given.symbol)


@pytest.mark.parametrize(
    ("symbol", "given", "reason", "field"),
    [
        ("BTC-27MAR26-100000-C", None, Reason.MISSING_FIELD, "fills[0].instrument"),
        ("another", _given(), Reason.INSTRUMENT_MISMATCH, "fills[0].instrument"),
    ],
)
def test_a_contract_of_another_venue(symbol: str, given: Instrument | None, reason: Reason, field: str) -> None:
    """Another venue's contract must be given in full, under the symbol that names it."""
    with pytest.raises(InvalidArgument) as refused:
        resolve("elsewhere", symbol, given, "fills[0]")
    assert (refused.value.reason, refused.value.field) == (reason, field)
    good = _given(symbol="XBT.C")
    assert resolve("elsewhere", "XBT.C", good, "fills[0]") == good
