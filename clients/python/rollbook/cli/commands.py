"""The commands and their options. Each loads what it works with when it runs: `--help` and completion stay quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.completion import complete_position
from rollbook.cli.connection import Session
from rollbook.cli.example import EXECUTION
from rollbook.cli.failures import EXIT_CODES
from rollbook.cli.lab.backtest_commands import app as backtest_app
from rollbook.cli.lab.data_commands import app as data_app
from rollbook.cli.options import (
    FILTERS,
    read_chain_filter,
    read_count,
    read_decimal,
    read_expiry,
    read_interval,
    read_mode,
    read_time,
)
from rollbook.cli.quick import QuickGroup
from rollbook.cli.registration import command

app = typer.Typer(
    help=(
        "Read and write a Rollbook ledger: what your options-selling bots hold, and what they earned; and run "
        "backtests in its lab. All times are UTC. Start a server with `rollbook-server serve`; without --account you "
        "see every book in it."
    ),
    cls=QuickGroup,
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,  # its frames would show the token
)

READ, WRITE, LAB = "Look", "Report", "Lab"
app.add_typer(backtest_app, name="backtest", rich_help_panel=LAB, short_help="Run backtests in the server's lab.")
app.add_typer(data_app, name="data", rich_help_panel=LAB, short_help="The data that backtests run on.")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("rollbook"))
        raise typer.Exit


def _example(wanted: bool) -> None:
    if wanted:
        typer.echo(EXECUTION.strip())
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


_read = command(app, READ)
_write = command(app, WRITE)


@_read
def positions(
    session: Session,
    mode: options.ModeFilter = "",
    underlying: options.Underlying = "",
    strategy: options.Strategy = "",
    strategy_name: options.StrategyName = "",
    limit: options.Limit = "0",
) -> None:
    """What is open, what it is worth at the last marks, and how much of its premium is captured.

    A table for each mode and currency, summed by itself: coins of different kinds are never added. A negative quantity
    is short. Orders that have not filled yet are listed below.

    Example: `rollbook positions --underlying BTC --mode live`
    """
    from rollbook.cli.positions import show_positions

    show_positions(session, read_chain_filter(mode, underlying, strategy, strategy_name), read_count(limit))


@_read
def closed(
    session: Session,
    mode: options.ModeFilter = "",
    underlying: options.Underlying = "",
    strategy: options.Strategy = "",
    strategy_name: options.StrategyName = "",
    since: options.Since = "",
    before: options.Before = "",
    limit: options.Limit = "50",
) -> None:
    """What is over, and what it earned after fees.

    Those opened last come first. --since and --before are of the closing. Return is the net PnL on the premium of the
    first leg, kept the gross PnL on all premium.

    Example: `rollbook closed --since 2025-06-01 --limit 0`
    """
    from rollbook.cli.closed import show_closed

    filters = read_chain_filter(mode, underlying, strategy, strategy_name)
    times = {"closed_from_time": read_time(since), "closed_before_time": read_time(before)}
    show_closed(session, {**filters, **times}, read_count(limit))


@_read
def chain(
    session: Session,
    position_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="The position, as `rollbook positions` and `rollbook closed` show it.",
            autocompletion=complete_position,
        ),
    ],
) -> None:
    """One chain in full: its legs, rolls and orders, and every cash line that its figures are sums of.

    Example: `rollbook chain BTC-12 --account main`
    """
    from rollbook.cli.chain import show_chain

    show_chain(session, position_id)


@_read
def portfolio(
    session: Session,
    mode: options.ModeFilter = "",
    since: Annotated[
        str,
        typer.Option(metavar="TIME", help="Show also what was realized from this time on (UTC) …", show_default=False),
    ] = "",
    before: Annotated[
        str, typer.Option(metavar="TIME", help="… until before this one; not said: until now.", show_default=False)
    ] = "",
) -> None:
    """Totals per account, mode and currency, and what is missing from them.

    Net PnL is after fees, of everything so far; unrealized is what is open at the last marks.

    Example: `rollbook portfolio --since 2025-06-01 --before 2025-07-01`
    """
    from rollbook.cli.portfolio import show_portfolio

    show_portfolio(session, read_mode(mode), read_time(since), read_time(before))


@_read
def entries(
    session: Session,
    position_id: Annotated[
        str,
        typer.Option(
            "--position",
            metavar="ID",
            help="Only of this position; needs --account.",
            rich_help_panel=FILTERS,
            show_default=False,
            autocompletion=complete_position,
        ),
    ] = "",
    after_revision: Annotated[
        str, typer.Option("--after", metavar="REVISION", help="Only later revisions.", rich_help_panel=FILTERS)
    ] = "0",
    limit: options.Limit = "50",
) -> None:
    """The journal, newest first: every accepted execution, fill, expiry and settlement.

    Example: `rollbook entries --account main --position BTC-12`
    """
    from rollbook.cli.entries import show_entries

    show_entries(session, position_id, read_count(after_revision), read_count(limit))


@_read
def refused(
    session: Session,
    mode: options.ModeFilter = "",
    include_resolved: Annotated[
        bool, typer.Option("--all", help="Also those that were corrected since.", rich_help_panel=FILTERS)
    ] = False,
    limit: options.Limit = "50",
) -> None:
    """What the ledger refused and nobody has corrected yet, newest first: trades that are missing from the book.

    --json shows each as it was sent; corrected, under the same request_id, `rollbook record` takes it.

    Example: `rollbook refused --account main`
    """
    from rollbook.cli.refused import show_refused

    show_refused(session, read_mode(mode), include_resolved, read_count(limit))


@_read
def watch(
    session: Session,
    mode: options.ModeFilter = "",
    underlying: options.Underlying = "",
    strategy: options.Strategy = "",
    strategy_name: options.StrategyName = "",
    entries: Annotated[
        str, typer.Option("--entries", metavar="NUMBER", help="The last so many entries, at most 500; 0 is none.")
    ] = "8",
    interval: Annotated[str, typer.Option(metavar="SECONDS", help="New values at most so often, 0.1 to 60.")] = "1",
) -> None:
    """What is open, live: its value and PnL as marks come, and below it the last entries of the journal.

    PnL is of the chain, closed legs and fees included; Open PnL of what is open. Left % is what buying back costs, as a
    yearly yield on the collateral; OTM how far the strike is out of the money, in percent and in standard deviations.
    A narrow terminal shows fewer columns, and names them.

    Ctrl-C ends it. When the server goes away, it goes on as soon as that is back. In a pipe it prints a line for each
    entry, change and value; with --json each message of the API is one line.

    Example: `rollbook watch --mode live --entries 5`
    """
    from rollbook.cli.watch import show_watch

    filters = read_chain_filter(mode, underlying, strategy, strategy_name)
    show_watch(session, filters, read_count(entries), read_interval(interval))


@_write
def record(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE.json", help="One execution or a list of them; - is stdin.")],
    example: Annotated[  # noqa: ARG001 -- it ends before
        bool, typer.Option("--example", callback=_example, is_eager=True, help="Print such a file and exit.")
    ] = False,
) -> None:
    """Record what a bot executed: an ExecutionResult as JSON, or a list of them.

    Those of a list are recorded one by one, in order; what is refused does not stop the rest, and makes the exit code
    1. An account that the file names wins over --account.

    A file can be sent twice and counts once. An execution without a request_id gets one that is made from its content,
    and it is printed: keep it when you correct what was refused. Names and values are those of protobuf's JSON mapping,
    as --example shows; prices, quantities and money are strings, so that no digit is lost.

    Example: `rollbook record fill.json --account main`
    """
    from rollbook.cli.record import record_file

    record_file(session, Path(file))


@_write
def settle(
    session: Session,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="SYMBOL PRICE",
            help="The contract and its final delivery price; the price alone with --index and --expiry.",
        ),
    ],
    index: Annotated[
        str, typer.Option(metavar="NAME", help="All contracts of this index, btc_usd …", show_default=False)
    ] = "",
    expiry: Annotated[
        str,
        typer.Option(metavar="TIME", help="… that expire then; a day alone means 08:00 UTC.", show_default=False),
    ] = "",
    venue: options.Venue = "deribit",
    mode: options.ModeToWrite = "live",
) -> None:
    """Tell the ledger a final delivery price: every chain of the account that was open at expiry is settled by it.

    The same price again changes nothing; another one is refused.

    Example: `rollbook settle BTC-27JUN25-100000-C 107231.5 --account main`, or for a whole expiry
    `rollbook settle 107231.5 --index btc_usd --expiry 2025-06-27 --account main`
    """
    from rollbook.cli.settle import settle_contracts

    settle_contracts(session, words, index, read_expiry(expiry), venue, read_mode(mode))


@_write
def marks(
    session: Session,
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="SYMBOL=PRICE",
            help="Mark prices; or one FILE.json with an UpdateMarksRequest or a list of Marks (- is stdin).",
        ),
    ],
    index: Annotated[
        str,
        typer.Option(metavar="PRICE", help="The coin's index in USD, for SYMBOL=PRICE.", show_default=False),
    ] = "",
    time: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="When the venue said so, for SYMBOL=PRICE; not said: now.", show_default=False
        ),
    ] = "",
    venue: options.Venue = "deribit",
    mode: options.ModeToWrite = "live",
) -> None:
    """Tell the ledger what contracts are worth now, in their premium's unit (BTC for a coin-settled option).

    Without --account the marks are shared by all accounts. The newest mark of a contract wins, so sending one twice is
    harmless. Without --index the USD value of a coin-settled option stays unknown.

    Example: `rollbook marks BTC-27JUN25-100000-C=0.0085 --index 104250`
    """
    from rollbook.cli.marks import send_marks

    send_marks(session, given, read_decimal(index) if index else None, read_time(time), venue, read_mode(mode))
