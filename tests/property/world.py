"""What the machine trades with, how it chooses, and the mistakes that it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, TypeVar

from hypothesis import strategies as st

from rollbook.v1 import execution_pb2
from tests.support.model import Contract

T = TypeVar("T")

START = datetime(2026, 3, 16, 10, tzinfo=UTC)
MODES = ("LIVE", "DRY_RUN")
INVERSE_CALLS = ("BTC-27MAR26-90000-C", "BTC-24APR26-95000-C", "BTC-27MAR26-100000-C", "BTC-18MAR26-90000-C")
INVERSE_PUTS = ("BTC-27MAR26-80000-P", "BTC-24APR26-85000-P")
LINEAR_CALLS = ("BTC_USDC-27MAR26-90000-C", "BTC_USDC-24APR26-100000-C", "BTC_USDC-28AUG26-100000-C")
LINEAR_PUTS = ("BTC_USDC-27MAR26-80000-P", "BTC_USDC-24APR26-75000-P")
# A venue whose names nobody can read and whose quantities are no coins.
PAPER = tuple(
    Contract(
        symbol=f"X{number}",
        underlying="BTC",
        currency="USDC",
        inverse=False,
        call=call,
        strike=Fraction(strike),
        expiry=datetime(2026, month, day, 8, tzinfo=UTC),
        index_name="btc_usdc",
        multiplier=Fraction(multiplier),
    )
    for number, (call, strike, month, day, multiplier) in enumerate(
        [(True, "90000", 3, 27, "0.01"), (False, "80000.5", 3, 27, "10"), (True, "95000", 4, 24, "0.01")], 1
    )
)
PAPER_COIN = replace(PAPER[0], symbol="X-COIN", currency="BTC", inverse=True, index_name="btc_usd")
Family = tuple[str, tuple[str, ...]]
FAMILIES: tuple[Family, ...] = (
    ("deribit", INVERSE_CALLS + INVERSE_PUTS),
    ("deribit", LINEAR_CALLS + LINEAR_PUTS),
    ("paper", tuple(contract.symbol for contract in PAPER)),
)
QUANTITIES = tuple(map(Fraction, ("1", "0.5", "0.3", "0.1", "0.7", "0.123456789012345678")))
COIN_PRICES = tuple(map(Fraction, ("0.0105", "0.0108", "0.02", "0.0001", "0.05", "0.000123456789012345")))
USDC_PRICES = tuple(map(Fraction, ("1200", "815.5", "5", "0.333333333333333333")))
INDICES = tuple(map(Fraction, ("90000", "61234.5", "87654.32", "112000.123456789")))
DELIVERIES = tuple(map(Fraction, ("91000", "70000", "95000", "85000.55", "80000", "123456.789")))
NEW_FEES = (datetime(2026, 7, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC))
STRATEGIES = ("COVERED_CALL", "CASH_SECURED_PUT")
STEPS = (timedelta(minutes=7), timedelta(0), timedelta(hours=1), timedelta(hours=13), timedelta(days=1))


class Choices:
    """Choices of one step, drawn so that the first of a list is the simplest."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def one(self, options: Sequence[T]) -> T:
        """One of the options."""
        return self._data.draw(st.sampled_from(options)) if len(options) > 1 else options[0]

    def seldom(self, one_in: int = 6) -> bool:
        """True now and then."""
        return self._data.draw(st.integers(0, one_in - 1)) == one_in - 1

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """All options in any order."""
        return self._data.draw(st.permutations(options))


def _set(path: str, value: object) -> Callable[[execution_pb2.ExecutionResult], None]:
    """A mistake: this field of the execution, or of its first fill, has that value; None unsets it."""

    def make(message: execution_pb2.ExecutionResult) -> None:
        owner: Any = message.fills[0] if path.startswith("fill.") else message
        name = path.removeprefix("fill.")
        if value is None:
            owner.ClearField(name)
        else:
            setattr(owner, name, value)

    return make


MISTAKES: dict[str, Callable[[execution_pb2.ExecutionResult], None]] = {
    f"{path} = {value!r}": _set(path, value)
    for path, value in (
        *(("fill.quantity", text) for text in ("0", "-1", "1e1", "", "NaN", ".5", "0.0000000000000000001", "+1", " 1")),
        *(("fill.price", text) for text in ("-0.1", "Infinity", "1,5", "1234567890123456789")),
        *(("fill.fee", text) for text in ("free", "0x1")),
        *(("fill.index_price", text) for text in ("0", "-1")),
        ("fill.fee_currency", "DOGE"),
        ("fill.trade_id", ""),
        ("fill.side", 0),
        ("fill.side", 17),
        ("fill.source", 0),
        ("fill.symbol", "btc-27MAR26-100000-C"),
        ("fill.executed_time", None),
        ("fill.fee_source", execution_pb2.FEE_SOURCE_REPORTED),
        ("executed_time", None),
        ("mode", 0),
        ("action", 0),
        ("action", 99),
        ("status", 0),
        ("strategy", 0),
        ("account", ""),
        ("account", "Two words"),
        ("request_id", "17"),
        ("request_id", ""),
        ("position_id", "no spaces, please"),
        ("underlying", "DOGE"),
        ("collateral", "0"),
    )
}
