"""Recorded option chains, from rows of quotes to snapshots: which quotes cannot be right, and which snapshots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest.market import Floats, Ints, OptionChains
from rollbook_server.domain.backtest.raw import (
    HIGHEST_PERCENT,
    LOWEST_PERCENT,
    NO_VOLATILITY,
    QuoteColumns,
    Rows,
    Sieve,
    in_order,
    malformed,
)
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.instruments import ContractStyle, Instrument, OptionType, parse_deribit

FEWEST_QUOTES = 0.25
"""Of the usual number: a snapshot with fewer is a harvest that broke off, and its best candidate is none."""


def normalise_chains(
    columns: QuoteColumns, underlying: str, known_after: Micros
) -> tuple[OptionChains, Mapping[str, int], str]:
    """The chains, how many rows were left out because they cannot be right, by reason, and the quote currency.

    Left out are a name that is no option's, a quote at or after its expiry, a forward or a mark that is missing or
    impossible, a bid above the ask, a volatility outside of 1 to 1000 percent; and all rows of a snapshot without a
    single bid or ask, or with less than a quarter of the usual quotes. A price or volatility of 0 is a missing one, as
    in the venue's messages; marks may be 0.
    """
    listed = _contracts(columns.names, underlying)
    bid, ask, volatility = _missing(columns.bid), _missing(columns.ask), _missing(columns.percent)
    contract = listed.place[columns.name]
    sieve = Sieve(len(contract), columns.dropped)
    sieve.demand(contract >= 0, "the name is no option's")
    sieve.demand(columns.time < listed.expiry[contract], "quoted at or after the expiry")
    sieve.demand(np.isfinite(columns.forward) & (columns.forward > 0), "the forward is missing, or not above 0")
    sieve.demand(np.isfinite(columns.mark) & (columns.mark >= 0), "the mark is missing, or below 0")
    for price in (bid, ask):
        sieve.demand(np.isnan(price) | (np.isfinite(price) & (price > 0)), "a bid or an ask that is not above 0")
    sieve.demand(~(bid > ask), "the bid is above the ask")
    sieve.demand(
        np.isnan(volatility) | ((volatility >= LOWEST_PERCENT) & (volatility <= HIGHEST_PERCENT)), NO_VOLATILITY
    )
    if not sieve.right.any():
        raise malformed(f"of {len(sieve.right)} quotes none can be right")

    kept = in_order(sieve.right, (columns.time, contract), (bid, ask, columns.mark, columns.forward, volatility))
    whole = _whole_snapshots(columns.time[kept], bid[kept], ask[kept])
    sieve.count(int(np.count_nonzero(~whole)), "the snapshot is broken: no bid or ask, or hardly a quote")
    kept = kept[whole]
    if not len(kept):
        raise malformed("no snapshot has a bid or an ask")

    first = _starts(columns.time[kept])
    used, renumbered = np.unique(contract[kept], return_inverse=True)
    chains = OptionChains(
        time=columns.time[kept][first[:-1]] + known_after,
        first=first,
        contract=renumbered.astype(np.int64),
        bid=bid[kept],
        ask=ask[kept],
        mark=columns.mark[kept] + 0.0,  # -0.0 is 0.0: equal rows have equal bytes
        forward=columns.forward[kept],
        volatility=volatility[kept] / 100,
        expiry=listed.expiry[used],
        strike=listed.strike[used],
        is_call=listed.is_call[used],
    )
    return chains, sieve.dropped, listed.quote_currency


@dataclass(frozen=True, slots=True)
class _Listed:
    """The contracts of a file, by expiry, strike and type (c,)."""

    expiry: Ints
    strike: Floats
    is_call: NDArray[np.bool_]
    place: Ints
    """Of each name, -1 where it is no option's."""
    quote_currency: str


def _contracts(names: Sequence[str], underlying: str) -> _Listed:
    parsed = [parse_deribit(name) for name in names]
    found = [each for each in parsed if each is not None]
    if not found:
        raise malformed(f"no name is that of an option, which looks like {underlying}-27MAR26-100000-C")
    currency = quote_currency(found[0])
    for each in found:
        if each.underlying != underlying:
            raise malformed(f"{each.symbol!r} is an option on {each.underlying}, and the dataset is of {underlying}")
        if quote_currency(each) != currency:
            raise malformed(f"{each.symbol!r} and {found[0].symbol!r} are quoted in different currencies")
    if currency not in ("USD", "USDC"):
        raise malformed(f"{found[0].symbol!r} is quoted in {currency}; the lab knows coin-settled ones and USDC")
    in_line = sorted(found, key=lambda each: (each.expiry_time, each.strike, each.option_type))
    places = {each.symbol: place for place, each in enumerate(in_line)}
    return _Listed(
        expiry=np.array([each.expiry_time for each in in_line], dtype=np.int64),
        strike=np.array([float(each.strike) for each in in_line], dtype=np.float64),
        is_call=np.array([each.option_type is OptionType.CALL for each in in_line], dtype=np.bool_),
        place=np.array([places.get(name, -1) for name in names], dtype=np.int64),
        quote_currency=currency,
    )


def quote_currency(contract: Instrument) -> str:
    """USD for coin-settled contracts, else what they are quoted in."""
    return "USD" if contract.style is ContractStyle.INVERSE else contract.settlement_currency


def _missing(values: Floats) -> Floats:
    """The same, with one NaN for each missing value: equal rows have equal bytes."""
    return np.where(np.isnan(values) | (values == 0), np.nan, values)


def _starts(time: Ints) -> Ints:
    """Where each snapshot begins, and the end of the last (s + 1,)."""
    changes = np.flatnonzero(time[1:] != time[:-1]) + 1
    return np.concatenate(([0], changes, [len(time)])).astype(np.int64)


def _whole_snapshots(time: Ints, bid: Floats, ask: Floats) -> Rows:
    """Rows of snapshots that are not broken."""
    first = _starts(time)
    quotes = np.diff(first)
    quoted = np.add.reduceat((~np.isnan(bid) | ~np.isnan(ask)).astype(np.int64), first[:-1])
    whole = (quoted > 0) & (quotes >= FEWEST_QUOTES * float(np.median(quotes)))
    return np.repeat(whole, quotes)
