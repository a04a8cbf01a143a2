"""`rollbook data …`: its commands and their options. Each loads what it works with when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.lab.options import (
    FETCHED,
    CoinToWrite,
    DatasetId,
    DatasetName,
    KindFilter,
    KindToWrite,
    one_of,
    read_float,
    read_kind,
)
from rollbook.cli.options import Limit, Underlying, read_count, read_time
from rollbook.cli.quick import QuickGroup
from rollbook.cli.registration import command

app = typer.Typer(
    help="The lab's data: registered once, never changed, known by its content, so that a second time is harmless.",
    cls=QuickGroup,
    no_args_is_help=True,
)
_read = command(app, "Look", accounts=False)
_write = command(app, "Do", accounts=False)


@command(app, "Do", accounts=False, name="import")
def import_(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A .csv, .csv.gz or .parquet on the server's disk.")],
    kind: KindToWrite,
    underlying: CoinToWrite,
    name: DatasetName = "",
    known_after: Annotated[
        str,
        typer.Option(
            metavar="SECONDS",
            help="From a row's time until it is known, where that is not one interval of the data.",
            show_default=False,
        ),
    ] = "",
    quoted_in: Annotated[
        str,
        typer.Option(
            metavar="USD|USDC",
            help="Of option chains: which ones of an options_chain file; not said: USD, the coin-settled ones.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Have the server read a file and keep it.

    Columns of bars: time or ts (the bar's open), open, high, low, close. Of volatility: time or ts, and close, dvol or
    value, in percent. Of option chains: harvest_time, instrument_name, underlying_price, mark_price, best_bid_price,
    best_ask_price, mark_iv; or those of an options_chain file of tardis.dev.

    Example: `rollbook data import btc-1h.csv --kind bars --underlying BTC`
    """
    from rollbook.cli.lab.datasets import import_file

    import_file(
        session,
        file,
        kind=read_kind(kind),
        underlying=underlying.upper(),
        name=name,
        known_after_seconds=read_count(known_after) if known_after else None,
        quote_currency=quoted_in.upper(),
    )


@_write
def fetch(
    session: Session,
    what: Annotated[
        str, typer.Argument(metavar="|".join(FETCHED), help="Of what.", autocompletion=lambda: list(FETCHED))
    ],
    underlying: CoinToWrite = "BTC",
    start: Annotated[
        str, typer.Option(metavar="TIME", help="Of bars and dvol: their beginning (UTC).", show_default=False)
    ] = "",
    end: Annotated[
        str, typer.Option(metavar="TIME", help="Of bars and dvol: their end; not said: now.", show_default=False)
    ] = "",
    minutes: Annotated[
        str,
        typer.Option(metavar="NUMBER", help="Of bars and dvol: how long each is; not said: 60.", show_default=False),
    ] = "",
    series: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The venue's name of it, for example BTC-PERPETUAL; not said: the spot market, like BTC_USDC.",
            show_default=False,
        ),
    ] = "",
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="For people; not said: the venue's name.", show_default=False)
    ] = "",
) -> None:
    """Have the server fetch Deribit's public history, and keep it.

    Bars and dvol become datasets; delivery-prices and instruments are Parquet files on the server's disk. What was
    fetched is kept, page by page: after Ctrl-C, or whatever else, the same command goes on where it was.

    Example: `rollbook data fetch bars --underlying BTC --start 2023-05-01`
    """
    from rollbook.cli.lab.fetch import fetch_history

    fetch_history(
        session,
        one_of(what, FETCHED, "WHAT"),
        underlying=underlying.upper(),
        series=series,
        interval_seconds=60 * read_count(minutes) if minutes else 0,
        start_time=read_time(start) if start else None,
        end_time=read_time(end) if end else None,
        name=name,
    )


@_write
def synthetic(
    session: Session,
    underlying: CoinToWrite = "BTC",
    start: Annotated[str, typer.Option(metavar="TIME", help="Its first bar (UTC).")] = "2021-04-01",
    days: Annotated[str, typer.Option(metavar="NUMBER", help="How many, 1 to 4000.")] = "730",
    seed: Annotated[str, typer.Option(metavar="NUMBER", help="Another one makes another market.")] = "1",
    start_price: Annotated[
        str, typer.Option(metavar="USD", help="Its first price; not said: a usual one of the coin.", show_default=False)
    ] = "",
    constant_volatility: Annotated[
        str,
        typer.Option(metavar="FRACTION", help="One level instead of regimes, for experiments.", show_default=False),
    ] = "",
    drift: Annotated[str, typer.Option(metavar="FRACTION", help="A year; not said: 0.", show_default=False)] = "",
    kind: Annotated[str, typer.Option(metavar="bars|volatility", help="Only one of the two.", show_default=False)] = "",
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="For people; not said: synthetic-btc.", show_default=False)
    ] = "",
) -> None:
    """Make up a market, for machines without data: bars and their volatility index, unless --kind says one thing.

    The same parameters give the same rows.

    Example: `rollbook data synthetic --underlying BTC --days 730 --seed 7`
    """
    from rollbook.cli.lab.datasets import make_market
    from rollbook.models import SyntheticMarket

    market = SyntheticMarket(
        seed=read_count(seed),
        start_time=read_time(start),
        days=read_count(days),
        start_price=read_float(start_price, "--start-price") if start_price else None,
        constant_volatility=read_float(constant_volatility, "--constant-volatility") if constant_volatility else None,
        drift=read_float(drift, "--drift") if drift else None,
    )
    try:
        market.to_proto()
    except ValueError:
        raise Stop("--seed or --days is too large a number") from None
    make_market(session, market, underlying.upper(), read_kind(kind), name)


@command(app, "Look", accounts=False, name="list")
def list_(session: Session, kind: KindFilter = "", underlying: Underlying = "", limit: Limit = "50") -> None:
    """Datasets, newest first.

    Example: `rollbook data list --underlying BTC`
    """
    from rollbook.cli.lab.datasets import list_datasets

    list_datasets(session, {"kind": read_kind(kind), "underlying": underlying.upper()}, read_count(limit))


@_read
def gaps(session: Session, dataset_id: DatasetId, limit: Limit = "50") -> None:
    """Where a dataset has no rows, oldest first.

    Example: `rollbook data gaps 91c0`
    """
    from rollbook.cli.lab.datasets import show_gaps

    show_gaps(session, dataset_id, read_count(limit))
