"""The made-up market: repeatable, and enough like a market for a lab to be tried on it."""

from dataclasses import fields, replace

import numpy as np
import pytest

from rollbook_server.domain.backtest.content import content_hash, describe
from rollbook_server.domain.backtest.market import Bars, Floats
from rollbook_server.domain.backtest.synthetic import SyntheticMarket, make_bars, make_volatility
from rollbook_server.domain.clock import DAY, SECOND
from rollbook_server.domain.errors import InvalidArgument, Reason

HOUR = 3600 * SECOND
MARKET = SyntheticMarket(underlying="BTC", seed=7, start_time=18_262 * DAY, days=1500)
BARS_HASH = "fd0afb6c6a088a14bcf39d833c381e7c534d31ac3deddfb2176454c2691b6573"
VOLATILITY_HASH = "8d87a31e4992f03779b9689aff11a23e5a5a1b1c9943603dd8eac809b6d85445"


def log_returns(bars: Bars) -> Floats:
    returns: Floats = np.diff(np.log(np.concatenate((bars.open[:1], bars.close))))
    return returns


def autocorrelation(values: Floats, lag: int) -> float:
    return float(np.corrcoef(values[lag:], values[:-lag])[0, 1])


def test_the_same_parameters_give_the_same_bits_everywhere() -> None:
    """The hashes were written down once: another machine, numpy or Python makes the same rows, or this fails."""
    market = replace(MARKET, days=60)
    assert content_hash(make_bars(market)) == BARS_HASH
    assert content_hash(make_volatility(market)) == VOLATILITY_HASH


@pytest.mark.parametrize("constant", [None, 0.6])
def test_a_longer_market_begins_with_the_rows_of_a_shorter_one(constant: float | None) -> None:
    """So a run on more days makes the same decisions on the first of them."""
    long = replace(MARKET, constant_volatility=constant)
    for days in (1, 2, 33, 1499):
        short = replace(long, days=days)
        for make in (make_bars, make_volatility):
            whole, part = make(long), make(short)
            for each in fields(part):
                value = getattr(part, each.name)
                if isinstance(value, np.ndarray):
                    assert len(value) == 24 * days
                    np.testing.assert_array_equal(value, getattr(whole, each.name)[: 24 * days])


def test_another_seed_is_another_market() -> None:
    """In prices and in the index; a seed may have 64 bits."""
    markets = [MARKET, replace(MARKET, seed=8), replace(MARKET, seed=2**64 - 1)]
    assert len({make_bars(market).close[-1] for market in markets}) == 3
    assert len({make_volatility(market).value[-1] for market in markets}) == 3


def test_bars_are_whole() -> None:
    """Hourly, without a gap, each opening at the close before it, highs and lows around; from the price asked for."""
    bars = make_bars(replace(MARKET, start_price=100.0))
    described = describe(bars)
    assert bars.synthetic
    assert (described.rows, described.interval, described.gaps) == (36_000, HOUR, ())
    assert described.first_time == MARKET.start_time
    assert bars.open[0] == 100
    np.testing.assert_array_equal(bars.open[1:], bars.close[:-1])
    assert (bars.high > np.maximum(bars.open, bars.close)).all()
    assert (bars.low < np.minimum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert make_bars(MARKET).open[0] == 60_000
    assert make_bars(replace(MARKET, underlying="ETH")).open[0] == 3_000


def test_ranges_are_as_wide_as_real_ones() -> None:
    """Mean log range over mean absolute return: 2.0 of a Brownian motion, 2.1 of the five recorded years."""
    bars = make_bars(MARKET)
    assert 1.9 < np.log(bars.high / bars.low).mean() / np.abs(log_returns(bars)).mean() < 2.3


def test_volatility_clusters_and_tails_are_fat() -> None:
    """Recorded hours have an autocorrelation of |returns| of 0.28, a day apart 0.18, and a kurtosis of 17."""
    returns = log_returns(make_bars(MARKET))
    size = np.abs(returns)
    assert autocorrelation(size, 1) > 0.05
    assert autocorrelation(size, 24) > 0.05
    assert abs(autocorrelation(returns, 1)) < 0.03
    kurtosis = ((returns - returns.mean()) ** 4).mean() / returns.var() ** 2
    assert 4 < kurtosis < 30


def test_there_are_calm_and_stormy_months() -> None:
    """Realised volatility of thirty days: a tenth of them are half as wild as another tenth, and more than the noise
    of an estimate (4 %) lies between."""
    returns = log_returns(make_bars(MARKET))
    months = np.sqrt((returns**2).reshape(-1, 720).mean(axis=1) * 8760)
    calm, storm = np.quantile(months, (0.1, 0.9))
    assert storm > 1.5 * calm
    assert 0.4 < months.mean() < 0.7


def test_the_index_leads_at_a_premium() -> None:
    """It is above what is realised on average, says more of the next thirty days than the last thirty days say, and
    moves."""
    market = replace(MARKET, days=4000)
    returns, index = log_returns(make_bars(market)), make_volatility(market)
    days = (returns**2).reshape(-1, 24).sum(axis=1) * 365
    months = np.sqrt(np.convolve(days, np.ones(30) / 30, mode="valid"))
    at_close = index.value[23::24]
    now = slice(29, len(at_close) - 30)
    past, following = months[:-30], months[30:]
    assert 1.0 < at_close[now].mean() / following.mean() < 1.25
    of_index = np.corrcoef(at_close[now], following)[0, 1]
    assert of_index > np.corrcoef(past, following)[0, 1]
    assert 0.4 < of_index < 0.95
    hourly = np.diff(np.log(index.value)).std()
    assert 0.003 < hourly < 0.02


def test_the_index_is_known_at_the_end_of_its_hour() -> None:
    """The index knows the hour, and nobody knows it before."""
    index = make_volatility(MARKET)
    assert index.time[0] == MARKET.start_time + HOUR
    assert index.interval == HOUR
    assert (np.diff(index.time) == HOUR).all()


@pytest.mark.parametrize("volatility", [0.2, 0.6, 1.5])
def test_a_constant_volatility_is_exactly_that(volatility: float) -> None:
    """Realised and implied, within three standard errors; and the drift of the logarithm is minus half its square."""
    market = replace(MARKET, days=4000, constant_volatility=volatility)
    returns = log_returns(make_bars(market))
    count = len(returns)
    realised = np.sqrt((returns**2).mean() * 8760)
    assert realised == pytest.approx(volatility, abs=3 * volatility / np.sqrt(2 * count))
    drift = returns.mean() * 8760
    assert drift == pytest.approx(-(volatility**2) / 2, abs=3 * volatility / np.sqrt(count / 8760))
    assert abs(autocorrelation(np.abs(returns), 1)) < 3 / np.sqrt(count)
    assert set(make_volatility(market).value.tolist()) == {volatility}


@pytest.mark.parametrize("constant", [None, 0.8])
def test_without_drift_the_price_is_expected_to_stay(constant: float | None) -> None:
    """Weekly growth over thousands of weeks is 1 within three standard errors: an option's edge is not in the bars."""
    growth = np.concatenate(
        [
            bars.close[167::168] / bars.open[0::168][: len(bars.close[167::168])]
            for seed in range(8)
            for bars in [make_bars(replace(MARKET, days=1400, seed=seed, constant_volatility=constant))]
        ]
    )
    assert growth.mean() == pytest.approx(1.0, abs=3 * growth.std() / np.sqrt(len(growth)))


def test_drift_is_a_years() -> None:
    """The same market with a drift of 1 has grown by e after a year, but for the bend of the steps."""
    year = replace(MARKET, days=365, constant_volatility=0.01)
    ratio = make_bars(replace(year, drift=1.0)).close[-1] / make_bars(year).close[-1]
    assert ratio == pytest.approx(np.e, rel=1e-4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("days", 0),
        ("days", 4001),
        ("start_price", 0.0),
        ("constant_volatility", 0.0),
        ("constant_volatility", float("nan")),
        ("drift", 6.0),
        ("start_time", 1),
    ],
)
def test_what_makes_no_market_is_refused(field: str, value: float) -> None:
    """With the field's name."""
    market = replace(MARKET, **{field: value})  # type: ignore[arg-type]
    for make in (make_bars, make_volatility):
        with pytest.raises(InvalidArgument) as refusal:
            make(market)
        assert (refusal.value.reason, refusal.value.field) == (Reason.OUT_OF_BOUNDS, f"synthetic.{field}")
