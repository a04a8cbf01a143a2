"""What can be fetched, its pages, and the venue's answers, read strictly."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rollbook_server.config import load_settings
from rollbook_server.domain.backtest.deribit import (
    Passing,
    query,
    query_prices,
    read_answer,
    read_options,
    read_prices,
    read_volatility,
)
from rollbook_server.domain.backtest.history import HistoryOrder, settled
from rollbook_server.domain.backtest.outcomes import HistoryKind
from rollbook_server.domain.clock import SECOND, Micros, micros
from rollbook_server.domain.errors import FailedPrecondition, Reason
from tests.support.lab_runs import RECORDED

HOUR = 3_600 * SECOND


def at(year: int, month: int = 1, day: int = 1) -> Micros:
    return micros(datetime(year, month, day, tzinfo=UTC))


def test_pages_do_not_hang_on_what_is_asked() -> None:
    """Each page begins at a multiple of 1,000 intervals, and together they cover the period, and no more."""
    order = HistoryOrder(kind=HistoryKind.BARS, underlying="BTC", start=at(2024, 3, 5), end=at(2024, 9, 1))
    order = settled(order, at(2025))
    assert (order.series, order.interval, order.where) == ("BTC_USDC", HOUR, "bars/BTC_USDC/3600s")
    pages = list(order.pages())
    assert all(page % (1_000 * HOUR) == 0 for page in pages)
    assert pages[0] <= at(2024, 3, 5) < pages[1]
    assert pages[-1] < at(2024, 9, 1) <= pages[-1] + order.page
    later = settled(HistoryOrder(kind=HistoryKind.BARS, underlying="BTC", start=at(2024, 6, 1)), at(2024, 8, 1))
    assert later.end == at(2024, 8, 1)
    assert {*later.pages()} < {*pages}


def test_what_is_asked_for() -> None:
    """In the venue's names and milliseconds; the end counts, there."""
    order = HistoryOrder(kind=HistoryKind.VOLATILITY, underlying="ETH", series="ETH", interval=HOUR)
    assert query(order, 0, 1_000 * HOUR) == (
        "public/get_volatility_index_data",
        {"currency": "ETH", "resolution": "3600", "start_timestamp": 0, "end_timestamp": 3_599_999_999},
    )
    assert query_prices("btc_usd", 0, 1_203)[1] == {"index_name": "btc_usd", "offset": 703, "count": 500}
    assert query_prices("btc_usd", 2, 1_203)[1] == {"index_name": "btc_usd", "offset": 0, "count": 203}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", Reason.VENUE_ANSWER_UNKNOWN),
        (b"[" * 100_000, Reason.VENUE_ANSWER_UNKNOWN),
        (b'{"result": Infinity}', Reason.VENUE_ANSWER_UNKNOWN),
        (b'{"error": "no"}', Reason.VENUE_ANSWER_UNKNOWN),
        (b'{"error": {"code": "10028"}}', Reason.VENUE_ANSWER_UNKNOWN),
        (b'{"error": {"code": -32602, "message": "Invalid params"}}', Reason.VENUE_REFUSED),
    ],
)
def test_answers_that_are_none(message: bytes, reason: Reason) -> None:
    """Each is refused, with what it is."""
    with pytest.raises(FailedPrecondition) as refused:
        read_answer(message)
    assert refused.value.reason is reason


def test_errors_that_pass() -> None:
    """Too many requests is no refusal."""
    with pytest.raises(Passing, match="error 10028: too_many_requests"):
        read_answer(b'{"jsonrpc": "2.0", "error": {"code": 10028, "message": "too_many_requests"}}')


@pytest.mark.parametrize(
    ("read", "result", "said"),
    [
        (read_volatility, {"data": [[1, 2, 3, 4]], "continuation": None}, "has not 5 values"),
        (read_volatility, {"data": [[1, 2, 3, 4, True]], "continuation": None}, "no number"),
        (read_volatility, {"data": [[1, 2, 3, 4, 10**400]], "continuation": None}, "too large"),
        (read_volatility, {"data": [[2, 2, 3, 4, 5], [2, 2, 3, 4, 5]], "continuation": None}, "not in order"),
        (read_volatility, {"data": []}, "no continuation"),
        (read_volatility, {"data": [], "continuation": "1"}, "continuation is"),
        (read_prices, {"data": [], "records_total": 1.5}, "records_total is 1.5"),
        (read_prices, {"data": [{"date": "2020-13-02", "delivery_price": 1}], "records_total": 1}, "date is"),
        (read_prices, {"data": [{"date": "2020-01-02"}], "records_total": 1}, "no delivery_price"),
        (read_prices, {"data": [{"date": d, "delivery_price": 1} for d in ("2020-01-01", "2020-01-02")],
                       "records_total": 2}, "not in order"),
        (read_options, {}, "is no list"),
        (read_options, [{"instrument_name": ""}], "instrument_name is"),
        (read_options, [7], "no instrument_name"),
    ],
)  # fmt: skip
def test_results_of_another_form(read: Any, result: Any, said: str) -> None:
    """A missing field, a value of another type, times out of order: refused, with the place."""
    with pytest.raises(FailedPrecondition, match=said):
        read(result)


def test_the_venues_own_examples() -> None:
    """The examples of the venue's description, where they are at hand, are read as they are."""
    file = RECORDED / "deribit_openapi_examples.json"
    if not file.is_file():
        pytest.skip(f"no recorded answers beside the repository: {file.name}")
    examples = json.loads(file.read_text())

    def result(method: str) -> Any:
        return read_answer(json.dumps(examples[method][0]).encode()).result

    columns, before = read_volatility(result("/public/get_volatility_index_data"))
    assert (columns["time"][0], columns["close"][0], before) == (1_598_019_300_000_000, 0.212860821, None)
    prices, total = read_prices(result("/public/get_delivery_prices"))
    assert (len(prices["price"]), total, prices["price"][-1]) == (5, 58, 7131.214606410254)
    assert prices["time"][-1] == micros(datetime(2020, 1, 2, 8, tzinfo=UTC))
    [option] = read_options([result("/public/get_instrument")])["instrument_name"]
    assert option == "BTC-13JAN23-16000-P"


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/", "https://", "http://user:secret@host/", "nowhere", "http://host/?token=1"],
)
def test_addresses_that_are_none(url: str) -> None:
    """Only http and https, without a secret: it may be shown in logs."""
    with pytest.raises(ValueError, match="deribit_url"):
        load_settings(None, {"deribit_url": url})
