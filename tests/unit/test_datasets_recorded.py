"""The recorded data, where it is at hand: what is known of the files comes out of them."""

from pathlib import Path

import numpy as np
import polars
import pytest

from rollbook_server.domain.backtest.content import Gap, describe
from rollbook_server.domain.backtest.datasets import DatasetKind, Normalised, normalise
from rollbook_server.domain.backtest.market import Bars, OptionChains, VolatilityIndex
from rollbook_server.domain.clock import SECOND, Micros, micros, moment
from rollbook_server.storage.dataset_tables import read_table

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data"
HOUR = 3600 * SECOND


def recorded(name: str, kind: DatasetKind, underlying: str, known_after: Micros | None = None) -> Normalised:
    file = RECORDED / name
    if not file.is_file():
        pytest.skip(f"no recorded data beside the repository: {name}")
    return normalise(read_table(file, kind), underlying, known_after)


@pytest.mark.parametrize(("coin", "rows", "hours"), [("BTC", 43_692, 28), ("ETH", 43_693, 27)])
def test_five_years_of_hourly_bars(coin: str, rows: int, hours: int) -> None:
    """No wrong row; five gaps of one to four missing hours, and one of more than a day that ends with 2023."""
    normalised = recorded(f"{coin.lower()}_spot_1h_202104_202603.parquet", DatasetKind.BARS, coin)
    described = describe(normalised.data)
    assert (described.rows, described.interval, normalised.dropped_rows) == (rows, HOUR, 0)
    new_year = micros(moment(0).replace(year=2024))
    assert [gap.missing_rows for gap in described.gaps] == [2, 3, 4, 2, 1, hours]
    assert described.gaps[-1] == Gap(new_year - hours * HOUR, new_year, hours)


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_half_a_year_of_the_volatility_index(coin: str) -> None:
    """Whole, and each value known an hour after its stamp."""
    normalised = recorded(f"{coin.lower()}_dvol_1h_20250615_20251212.parquet", DatasetKind.VOLATILITY, coin)
    described = describe(normalised.data)
    assert isinstance(normalised.data, VolatilityIndex)
    assert (described.rows, described.gaps, normalised.dropped_rows) == (4_321, (), 0)
    assert moment(described.first_time).isoformat() == "2025-06-15T23:00:00+00:00"
    assert 0.3 < normalised.data.value.min() < normalised.data.value.max() < 0.9


@pytest.mark.parametrize(
    ("product", "snapshots", "rows", "dropped", "currency"),
    [("BTC", 139, 33_405, 1_527, "USD"), ("ETH", 139, 38_480, 2_228, "USD"), ("BTC_USDC", 131, 28_648, 0, "USDC")],
)
def test_a_week_of_option_chains(product: str, snapshots: int, rows: int, dropped: int, currency: str) -> None:
    """Of 139 snapshots 131 are whole: of BTC two broke off after 9 and 4 quotes and six have no bid or ask at all, of
    ETH eight have none. No single quote is wrong."""
    name = f"deribit_chain_{product}_20251207_13.parquet"
    normalised = recorded(name, DatasetKind.OPTION_CHAINS, product[:3])
    frame = polars.read_parquet(RECORDED / name)
    data = normalised.data
    assert isinstance(data, OptionChains)
    assert (frame["harvest_time"].n_unique(), len(frame)) == (snapshots, rows)
    assert len(data.time) == 131
    assert normalised.dropped_rows == dropped
    assert describe(data).rows == rows - dropped
    assert describe(data).interval == 600 * SECOND
    assert normalised.quote_currency == currency
    assert (np.diff(data.first) >= 190).all()
    assert (data.expiry[data.contract] > np.repeat(data.time, np.diff(data.first))).all()
    times = np.isin(frame["harvest_time"].to_physical().to_numpy(), data.time)
    assert np.isnan(data.bid).sum() == frame.filter(polars.Series(times))["best_bid_price"].null_count()


def test_defect_17_the_daily_prices_are_those_of_0800() -> None:
    """With 28,800 seconds each closes where the hourly bars close at 08:00 of its day (0.1 % off); at 00:00, which its
    stamp says, they are elsewhere."""
    daily = recorded("btc_spot_1d_201901_202512.parquet", DatasetKind.BARS, "BTC", 28_800 * SECOND).data
    hourly = recorded("btc_spot_1h_202104_202603.parquet", DatasetKind.BARS, "BTC").data
    assert isinstance(daily, Bars)
    assert isinstance(hourly, Bars)
    known = daily.time + daily.interval

    def distance(hours: int) -> float:
        _, ours, theirs = np.intersect1d(known + hours * HOUR, hourly.time + HOUR, return_indices=True)
        return float(np.median(np.abs(hourly.close[theirs] / daily.close[ours] - 1)))

    assert distance(0) < 0.001
    assert distance(-8) > 0.004
