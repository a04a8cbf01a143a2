"""At which price an order goes out, or is simulated: the mid of bid and ask, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from rollbook import Side
from rollbook_bot.exchange import Exchange
from rollbook_bot.spelling import above_zero, milliseconds
from rollbook_bot.steps import Step
from rollbook_bot.ticks import Ticks, ticks_of


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A contract's market, as far as the exchange knows it."""

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    index_price: Decimal | None
    time: datetime | None


@dataclass(frozen=True, kw_only=True)
class Priced:
    """A step with its price: the limit of a real order, or what a simulated one fills at."""

    step: Step
    price: Decimal
    index_price: Decimal | None
    time: datetime | None
    """The quote's."""


def fair_price(quote: Quote, side: Side, ticks: Ticks) -> Decimal:
    """The mid of bid and ask, rounded to the venue's tick away from us: sold lower, bought higher. Raises ValueError
    where one of the two is missing, or the bid is above the ask.
    """
    if quote.bid is None or quote.ask is None:
        missing = "bid" if quote.bid is None else "ask"
        missing = "bid and no ask" if quote.bid is None and quote.ask is None else missing
        raise ValueError(f"{quote.symbol}: nobody quotes it, there is no {missing}")
    if quote.bid > quote.ask:
        raise ValueError(f"{quote.symbol}: its bid of {quote.bid:f} is above its ask of {quote.ask:f}")
    mid = (quote.bid + quote.ask) / 2
    price = ticks.down(mid) if side is Side.SELL else ticks.up(mid)
    if not price:
        raise ValueError(f"{quote.symbol}: its mid of {mid:f} is less than a tick")
    return price


def simulated_price(exchange: Exchange, step: Step) -> Priced:
    """What a dry run fills at. Raises ValueError where that cannot be said, and where a limit would not be met: a
    simulator has no book to rest in.
    """
    quote, ticks = ask_quote(exchange, step.symbol), ticks_of(exchange, step.symbol)
    price = fair_price(quote, step.side, ticks)
    if step.limit is not None and (price < step.limit if step.side is Side.SELL else price > step.limit):
        raise ValueError(f"{step.symbol}: the limit of {step.limit:f} is not met by its mid, {price:f}")
    return Priced(step=step, price=price, index_price=quote.index_price, time=quote.time)


def limit_price(exchange: Exchange, step: Step) -> Priced:
    """The limit of a real order: the action's, on the venue's grid and not worse than it was said; without one that
    which a dry run fills at. Raises ValueError where it cannot be said.
    """
    quote, ticks = ask_quote(exchange, step.symbol), ticks_of(exchange, step.symbol)
    if step.limit is None:
        price = fair_price(quote, step.side, ticks)
    else:
        price = ticks.up(step.limit) if step.side is Side.SELL else ticks.down(step.limit)
        if not price:
            raise ValueError(f"{step.symbol}: the limit of {step.limit:f} is less than a tick")
    return Priced(step=step, price=price, index_price=quote.index_price, time=quote.time)


def ask_quote(exchange: Exchange, symbol: str) -> Quote:
    """The market of a contract. Raises ValueError if the exchange does not give it."""
    try:
        ticker: Any = exchange.get_ticker(symbol)
    except Exception as error:  # an exchange of any kind
        raise ValueError(f"{symbol}: the exchange gives no ticker: {error}") from error
    if not isinstance(ticker, Mapping):
        raise ValueError(f"{symbol}: the exchange gives no ticker, but {ticker!r}")
    return Quote(
        symbol=symbol,
        bid=above_zero(ticker.get("best_bid_price"), f"{symbol}: best_bid_price"),
        ask=above_zero(ticker.get("best_ask_price"), f"{symbol}: best_ask_price"),
        index_price=above_zero(ticker.get("index_price"), f"{symbol}: index_price"),
        time=milliseconds(ticker.get("timestamp"), f"{symbol}: timestamp"),
    )
