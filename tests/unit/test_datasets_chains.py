"""Recorded option chains: which quotes and which snapshots are kept."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from rollbook_server.domain.backtest.content import content_hash, describe
from rollbook_server.domain.backtest.datasets import Normalised, normalise
from rollbook_server.domain.backtest.market import OptionChains
from rollbook_server.domain.backtest.raw import QuoteColumns
from rollbook_server.domain.clock import SECOND, Micros
from rollbook_server.domain.errors import InvalidArgument
from rollbook_server.domain.instruments import parse_deribit

NAN = float("nan")
EXPIRY = parse_deribit("BTC-12DEC25-90000-C").expiry_time  # type: ignore[union-attr]
T0 = EXPIRY - 86_400 * SECOND
TEN_MINUTES = 600 * SECOND


@dataclass(frozen=True)
class Quote:
    """One row of a harvest."""

    name: str = "BTC-12DEC25-90000-C"
    time: Micros = T0
    forward: float = 91_000.0
    mark: float = 0.02
    bid: float = 0.0195
    ask: float = 0.0205
    percent: float = 45.0


PUT = Quote("BTC-12DEC25-90000-P", mark=0.01, bid=0.0095, ask=0.0105)


def of(*quotes: Quote, underlying: str = "BTC", known_after: Micros | None = None) -> Normalised:
    names = list(dict.fromkeys(quote.name for quote in quotes))
    return normalise(
        QuoteColumns(
            np.array([quote.time for quote in quotes], dtype=np.int64),
            np.array([names.index(quote.name) for quote in quotes], dtype=np.int64),
            names,
            *(
                np.array([getattr(quote, each) for quote in quotes], dtype=np.float64)
                for each in ("forward", "mark", "bid", "ask", "percent")
            ),
        ),
        underlying,
        known_after,
    )


def chains(*quotes: Quote, underlying: str = "BTC", known_after: Micros | None = None) -> OptionChains:
    data = of(*quotes, underlying=underlying, known_after=known_after).data
    assert isinstance(data, OptionChains)
    return data


def test_quotes_become_snapshots() -> None:
    """In order of time, within one in order of the contracts, which are in order of expiry, strike and type; a
    contract that nobody quotes is not there, and a snapshot is known at its own time."""
    later = T0 + TEN_MINUTES
    data = chains(
        replace(PUT, time=later, bid=0.009),
        Quote("BTC-26DEC25-80000-P", forward=92_000, mark=0.005, bid=NAN, percent=50),
        PUT,
        Quote(time=later),
        Quote(),
    )
    assert data.time.tolist() == [T0, later]
    assert data.first.tolist() == [0, 3, 5]
    assert data.contract.tolist() == [0, 1, 2, 0, 1]
    assert data.expiry.tolist() == [EXPIRY, EXPIRY, EXPIRY + 14 * 86_400 * SECOND]
    assert data.strike.tolist() == [90_000, 90_000, 80_000]
    assert data.is_call.tolist() == [True, False, False]
    assert data.bid.tolist() == pytest.approx([0.0195, 0.0095, NAN, 0.0195, 0.009], nan_ok=True)
    assert data.forward.tolist() == [91_000, 91_000, 92_000, 91_000, 91_000]
    assert data.volatility.tolist() == [0.45, 0.45, 0.50, 0.45, 0.45]


def test_strikes_with_a_decimal_point_are_read() -> None:
    """The old harvester lost every strike that is written with a d."""
    names = ("XRP_USDC-12DEC25-2d075-C", "XRP_USDC-12DEC25-0d5-P", "XRP_USDC-12DEC25-3-C")
    normalised = of(*(Quote(name, forward=2.1) for name in names), underlying="XRP")
    assert isinstance(normalised.data, OptionChains)
    assert normalised.data.strike.tolist() == [0.5, 2.075, 3]
    assert normalised.quote_currency == "USDC"
    assert normalised.dropped_rows == 0


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(Quote(name="BTC-PERPETUAL"), id="no option"),
        pytest.param(Quote(name="BTC-31FEB26-90000-C"), id="no day"),
        pytest.param(Quote(name=""), id="no name"),
        pytest.param(Quote(time=EXPIRY), id="at its expiry"),
        pytest.param(Quote(forward=NAN), id="no forward"),
        pytest.param(Quote(forward=0), id="a forward of 0"),
        pytest.param(Quote(mark=NAN), id="no mark"),
        pytest.param(Quote(mark=-0.01), id="a mark below 0"),
        pytest.param(Quote(bid=0.0206), id="crossed"),
        pytest.param(Quote(bid=-0.01), id="a bid below 0"),
        pytest.param(Quote(ask=float("inf")), id="an infinite ask"),
        pytest.param(Quote(percent=0.45), id="a volatility below 1 percent"),
        pytest.param(Quote(percent=1001), id="a volatility above 1000 percent"),
    ],
)
def test_a_quote_that_cannot_be_right_is_left_out_and_counted(wrong: Quote) -> None:
    """The rest of its snapshot stays."""
    normalised = of(PUT, Quote("BTC-26DEC25-80000-P"), wrong)
    assert normalised.dropped_rows == 1
    assert describe(normalised.data).rows == 2


@pytest.mark.parametrize("field", ["bid", "ask", "percent"])
@pytest.mark.parametrize("missing", [0.0, NAN])
def test_what_is_missing_is_missing_and_not_wrong(field: str, missing: float) -> None:
    """0 is how the venue says that there is none. A bid equal to the ask is no crossed quote, and a mark may be 0."""
    quote = replace(Quote(mark=0.0, bid=0.02, ask=0.02), **{field: missing})  # type: ignore[arg-type]
    data = chains(PUT, quote)
    assert describe(data).rows == 2
    column = data.volatility if field == "percent" else getattr(data, field)
    assert np.isnan(column).tolist() == [True, False]


def test_rows_that_repeat_and_rows_that_contradict() -> None:
    """The same row twice is one; the same contract at one time with another bid is refused."""
    normalised = of(Quote(ask=NAN), PUT, Quote(ask=NAN))
    assert (describe(normalised.data).rows, normalised.dropped_rows) == (2, 0)
    with pytest.raises(InvalidArgument, match="two rows of 2025-12-11 08:00:00 UTC contradict each other"):
        of(Quote(), PUT, Quote(bid=0.019))
    with pytest.raises(InvalidArgument, match="contradict"):
        of(Quote(), PUT, Quote(bid=NAN))


def full(time: Micros, number: int, change: Callable[[Quote], Quote] = lambda quote: quote) -> list[Quote]:
    return [change(Quote(f"BTC-26DEC25-{80_000 + 1000 * place}-C", time=time)) for place in range(number)]


def test_a_snapshot_without_a_single_bid_or_ask_is_left_out() -> None:
    """The harvest failed: 'nobody bids' would be said of a market that was full of bids."""
    empty = full(T0 + TEN_MINUTES, 8, lambda quote: replace(quote, bid=NAN, ask=NAN))
    normalised = of(*full(T0, 8), *empty, *full(T0 + 2 * TEN_MINUTES, 8))
    assert normalised.data.time.tolist() == [T0, T0 + 2 * TEN_MINUTES]
    assert normalised.dropped_rows == 8
    one = [replace(empty[0], ask=0.02), *empty[1:]]
    assert len(of(*full(T0, 8), *one).data.time) == 2
    with pytest.raises(InvalidArgument, match="no snapshot has a bid or an ask"):
        of(*empty)


def test_a_snapshot_with_less_than_a_quarter_of_the_usual_quotes_is_left_out() -> None:
    """The harvest broke off: its best candidate is whatever came first."""
    whole = [*full(T0, 8), *full(T0 + TEN_MINUTES, 8)]
    broken = of(*whole, *full(T0 + 2 * TEN_MINUTES, 1))
    assert (len(broken.data.time), broken.dropped_rows) == (2, 1)
    thin = of(*whole, *full(T0 + 2 * TEN_MINUTES, 2))
    assert (len(thin.data.time), thin.dropped_rows) == (3, 0)


def test_what_is_not_of_this_market_is_refused() -> None:
    """Another coin, another style, another quote currency: the wrong file was named."""
    with pytest.raises(InvalidArgument, match="is an option on BTC, and the dataset is of ETH"):
        of(Quote(), underlying="ETH")
    with pytest.raises(InvalidArgument, match="are quoted in different currencies"):
        of(Quote(), Quote("BTC_USDC-12DEC25-90000-C"))
    with pytest.raises(InvalidArgument, match="is quoted in USDT"):
        of(Quote("BTC_USDT-12DEC25-90000-C"))
    with pytest.raises(InvalidArgument, match="no name is that of an option"):
        of(Quote("BTC-PERPETUAL"))
    with pytest.raises(InvalidArgument, match="of 1 quotes none can be right"):
        of(Quote(time=EXPIRY))


def test_quote_currency_and_distance_of_snapshots() -> None:
    """USD for coin-settled ones. The interval is the usual distance in whole seconds, though harvests tremble."""
    times = [T0 + place * TEN_MINUTES + tremble for place, tremble in ((0, 0), (1, 40_000), (2, -70_000), (5, 90_000))]
    normalised = of(*(replace(quote, time=time) for time in times for quote in (Quote(), PUT)))
    described = describe(normalised.data)
    assert normalised.quote_currency == "USD"
    assert (described.rows, described.interval) == (8, TEN_MINUTES)
    (gap,) = described.gaps
    assert (gap.start_time, gap.end_time, gap.missing_rows) == (times[2] + TEN_MINUTES, times[3], 2)
    single = describe(chains(Quote(), PUT))
    assert (single.interval, single.gaps) == (0, ())


def test_snapshots_may_be_known_later() -> None:
    """Quotes are judged by the time of their harvest, whenever they are known."""
    data = chains(Quote(), PUT, known_after=5 * SECOND)
    assert data.time.tolist() == [T0 + 5 * SECOND]


def test_the_hash_knows_one_way_to_be_missing() -> None:
    """Missing values and zeros of either sign have one spelling each; other contracts have another hash."""
    negative_nan = np.copysign(NAN, -1)
    data = chains(PUT, Quote(bid=NAN, percent=0.0, mark=0.0))
    assert content_hash(data) == content_hash(chains(Quote(bid=negative_nan, percent=-0.0, mark=-0.0), PUT))
    other = chains(PUT, Quote("BTC-12DEC25-90001-C", bid=NAN, percent=0.0, mark=0.0))
    assert content_hash(data) != content_hash(other)
