"""Bars and volatility indexes: what is kept of a file, what is left out, and from when on a row is known."""

from collections.abc import Sequence

import numpy as np
import pytest

from rollbook_server.domain.backtest.content import Gap, content_hash, describe
from rollbook_server.domain.backtest.datasets import DatasetKind, Normalised, normalise
from rollbook_server.domain.backtest.market import Bars, Floats, Ints, VolatilityIndex
from rollbook_server.domain.backtest.raw import BarColumns, PriceColumns, VolatilityColumns
from rollbook_server.domain.clock import DAY, SECOND, Micros
from rollbook_server.domain.errors import InvalidArgument, Reason

HOUR = 3600 * SECOND
START = 20_000 * DAY
"""A midnight."""

Row = tuple[float, float, float, float, float]


def at(hours: Sequence[float] | Floats) -> Ints:
    return (START + np.asarray(hours) * HOUR).astype(np.int64)


def bar_columns(*rows: Row) -> BarColumns:
    """Rows of hour, open, high, low, close."""
    table = np.array(rows, dtype=np.float64)
    return BarColumns(at(table[:, 0]), *(table[:, column] for column in range(1, 5)))


def bars(*rows: Row, known_after: Micros | None = None) -> tuple[Bars, Normalised]:
    normalised = normalise(bar_columns(*rows), "BTC", known_after)
    assert isinstance(normalised.data, Bars)
    return normalised.data, normalised


def volatility(hours: Sequence[float], percent: Sequence[float], known_after: Micros | None = None) -> Normalised:
    return normalise(VolatilityColumns(at(hours), np.array(percent, dtype=np.float64)), "BTC", known_after)


def calm(*hours: float) -> list[Row]:
    return [(hour, 10, 12, 9, 11) for hour in hours]


def test_bars_come_in_order_each_once() -> None:
    """Rows may come in any order and repeat themselves; a repeated row is no wrong row."""
    data, normalised = bars((2, 11, 13, 10, 12), (0, 10, 12, 9, 11), (1, 11, 11, 11, 11), (0, 10, 12, 9, 11))
    assert data.time.tolist() == at([0, 1, 2]).tolist()
    assert data.open.tolist() == [10, 11, 11]
    assert data.close.tolist() == [11, 11, 12]
    assert data.interval == HOUR
    assert not data.synthetic
    assert normalised.dropped_rows == 0


def test_bars_that_contradict_each_other_are_refused() -> None:
    """Nobody can say which of two different bars of one hour is true."""
    with pytest.raises(InvalidArgument, match="two rows of 2024-10-04 01:00:00 UTC contradict") as refusal:
        bars(*calm(0, 1, 2), (1, 10, 12, 9, 10.5))
    assert (refusal.value.reason, refusal.value.field) == (Reason.MALFORMED_DATA, "path")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param((1, 10, 9, 12, 11), id="high below low"),
        pytest.param((1, 13, 12, 9, 11), id="open above high"),
        pytest.param((1, 10, 12, 9, 8), id="close below low"),
        pytest.param((1, 10, 12, 0, 11), id="a price of 0"),
        pytest.param((1, -10, 12, -11, 11), id="a price below 0"),
        pytest.param((1, float("nan"), 12, 9, 11), id="a price is missing"),
        pytest.param((1, 10, float("inf"), 9, 11), id="a price that is infinite"),
    ],
)
def test_a_bar_that_cannot_be_right_is_left_out_and_counted(wrong: Row) -> None:
    """It is a gap then, also where a right bar of the same hour is in the file."""
    data, normalised = bars(*calm(0, 2, 3), wrong)
    assert data.time.tolist() == at([0, 2, 3]).tolist()
    assert normalised.dropped_rows == 1
    data, normalised = bars(*calm(0, 1, 2, 3), wrong)
    assert data.time.tolist() == at([0, 1, 2, 3]).tolist()
    assert normalised.dropped_rows == 1


def test_bars_are_known_one_interval_after_their_open() -> None:
    """A bar's time is its open: it is known at time + interval (lab rules 1)."""
    data, _ = bars(*calm(0, 1, 2))
    assert (data.time + data.interval).tolist() == at([1, 2, 3]).tolist()


def test_defect_17_a_daily_price_of_0800_is_not_known_at_midnight() -> None:
    """Stamped 00:00, measured at 08:00: its bar closes at 08:00 at that price, and opens a day before at the price of
    then. Nothing of it is to be seen in the eight hours from its stamp on, nor can an order fill at it a day early."""
    prices = np.array([100.0, 110.0, 105.0])
    data = normalise(PriceColumns(at([0, 24, 48]), prices), "BTC", 28_800 * SECOND).data
    assert isinstance(data, Bars)
    assert (data.time + data.interval).tolist() == at([24 + 8, 48 + 8]).tolist()
    assert data.open.tolist() == [100, 110]
    assert data.close.tolist() == [110, 105]
    assert data.high.tolist() == [110, 110]
    assert data.low.tolist() == [100, 105]


def test_prices_make_no_bar_across_a_gap() -> None:
    """Without the price an interval before, nobody knows at what the bar opened."""
    prices = PriceColumns(at([0, 1, 2, 4, 5]), np.array([1.0, 2, 3, 4, 0]))
    normalised = normalise(prices, "BTC", 0)
    assert normalised.data.time.tolist() == at([0, 1]).tolist()
    assert normalised.dropped_rows == 1


def test_bars_with_a_wait_of_their_own_are_moved_as_a_whole() -> None:
    """Stamped at their close, for example: known at once."""
    data, _ = bars(*calm(1, 2, 3), known_after=0)
    assert data.time.tolist() == at([0, 1, 2]).tolist()


def test_a_volatility_index_is_known_one_interval_after_its_stamp() -> None:
    """Used at its stamp it would be an hour of look-ahead (lab rules 1); percent become fractions."""
    data = volatility([0, 1, 2], [45, 50, 55]).data
    assert isinstance(data, VolatilityIndex)
    assert data.time.tolist() == at([1, 2, 3]).tolist()
    assert data.value.tolist() == [0.45, 0.50, 0.55]
    assert volatility([0, 24, 48], [45, 50, 55], 8 * HOUR).data.time.tolist() == at([8, 32, 56]).tolist()


def test_a_volatility_outside_of_1_to_1000_percent_is_left_out() -> None:
    """It is a mistake of unit, or none at all; a file full of fractions is refused."""
    normalised = volatility([0, 1, 2, 3, 4, 5], [45, 0.45, float("nan"), 1001, 1, 1000])
    assert normalised.data.time.tolist() == at([1, 5, 6]).tolist()
    assert normalised.dropped_rows == 3
    with pytest.raises(InvalidArgument, match="of 2 rows 0 can be right"):
        volatility([0, 1], [0.45, 0.50])


@pytest.mark.parametrize("wait", [-1, 367 * DAY])
def test_a_wait_below_0_or_above_a_year_is_refused(wait: Micros) -> None:
    """Nothing is known before its time."""
    with pytest.raises(InvalidArgument) as refusal:
        volatility([0, 1, 2], [45, 50, 55], wait)
    assert (refusal.value.reason, refusal.value.field) == (Reason.OUT_OF_BOUNDS, "known_after_seconds")


def test_gaps_say_from_when_to_when_and_how_much() -> None:
    """The interval is the usual one; a gap begins where a row should be and ends where one is again."""
    data, _ = bars(*calm(0, 1, 2, 5, 6, 8))
    described = describe(data)
    assert described.kind is DatasetKind.BARS
    assert (described.rows, described.interval) == (6, HOUR)
    assert [described.first_time, described.last_time] == at([0, 8]).tolist()
    assert described.gaps == (
        Gap(START + 3 * HOUR, START + 5 * HOUR, 2),
        Gap(START + 7 * HOUR, START + 8 * HOUR, 1),
    )


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="none"),
        pytest.param(calm(0), id="one"),
        pytest.param(calm(0, 0), id="one twice"),
    ],
)
def test_fewer_than_two_rows_are_refused(rows: list[Row]) -> None:
    """One row says nothing of its interval, so nobody knows from when on it is known."""
    columns = bar_columns(*rows) if rows else BarColumns(at([]), *(np.array([]) for _ in range(4)))
    with pytest.raises(InvalidArgument):
        normalise(columns, "BTC")


def test_bars_that_overlap_are_refused() -> None:
    """A bar that begins within another one is of another length than they."""
    with pytest.raises(InvalidArgument, match="the bar of 2024-10-04 01:30:00 UTC begins between the others"):
        bars(*calm(0, 1, 1.5, 2, 3, 4))


@pytest.mark.parametrize("interval", [0.5 / 60, 25])
def test_bars_of_half_a_minute_or_more_than_a_day_are_refused(interval: float) -> None:
    """A run counts bars in minutes, and decides once a day or more often."""
    with pytest.raises(InvalidArgument, match="must be a whole number of minutes, and a day at most"):
        bars(*calm(0, interval, 2 * interval))


def test_a_file_that_changes_its_interval_is_refused() -> None:
    """Hourly bars among five-minute ones would count as known 55 minutes before their close."""
    hours = [*(place / 12 for place in range(48)), *range(4, 24)]
    with pytest.raises(InvalidArgument, match="from 2024-10-04 04:00:00 UTC on the rows are 3600 s apart"):
        bars(*calm(*hours))
    with pytest.raises(InvalidArgument, match="the rows are 3600 s apart"):
        volatility(hours, [50] * len(hours))


def test_the_hash_is_that_of_the_normalised_rows() -> None:
    """Order, repetition and wrong rows of the file leave no trace; each value, time and interval does."""
    data, _ = bars(*calm(0, 1, 2))
    same, _ = bars(*calm(2, 1, 1, 0), (0, 1, 0, 2, 1))
    assert content_hash(data) == content_hash(same)
    assert len(content_hash(data)) == 64
    others = [
        bars(*calm(0, 1), (2, 10, 12, 9, 10))[0],
        bars(*calm(0, 1, 2, 3))[0],
        bars(*calm(0, 1, 2), known_after=2 * HOUR)[0],
        Bars(data.time, data.open, data.high, data.low, data.close, data.interval, synthetic=True),
        Bars(data.time, data.open, data.high, data.low, data.close, data.interval // 2),
        Bars(data.time, data.high, data.open, data.low, data.close, data.interval),
    ]
    assert len({content_hash(data), *(content_hash(other) for other in others)}) == 7
