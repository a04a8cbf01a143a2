"""`rollbook portfolio`: totals, and what is missing from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from rich.text import Text

from rollbook._exact import total
from rollbook.cli import figures, flags
from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.figures import Figure, count
from rollbook.cli.groups import mode_title
from rollbook.cli.tables import Column, Page
from rollbook.models import GetPortfolioResponse, Mode, PortfolioRow, PortfolioValuation

Form = Callable[[Sequence[Figure], str], Sequence[str | Text]]


def show_portfolio(session: Session, mode: Mode, since: datetime | None, before: datetime | None) -> None:
    """Asks and prints."""
    with session.client() as client:
        answer = client.get_portfolio(
            mode=mode,
            period_from_time=since,
            period_before_time=before,
        )
    if session.json:
        print_json(answer)
        return
    values = {(value.account, value.mode, value.settlement_currency): value for value in answer.valuations}
    page = Page()
    if not answer.rows:
        page.line("The ledger holds no chain yet.")
    for each in sorted({row.mode for row in answer.rows}, key=lambda mode: (mode is not Mode.LIVE, mode)):
        rows = [row for row in answer.rows if row.mode is each]
        of_rows = [values.get((row.account, row.mode, row.settlement_currency)) for row in rows]
        _table(page, mode_title(each), rows, of_rows, period=since is not None or before is not None)
        page.notes(note for row, value in zip(rows, of_rows, strict=True) for note in _notes(row, value))
    _missing(page, answer)


def _table(
    page: Page, title: str, rows: Sequence[PortfolioRow], values: Sequence[PortfolioValuation | None], period: bool
) -> None:
    """A row per account and currency. Only dollars are added up; they are not where one of them is unknown."""
    worth = [_worth(row, value) for row, value in zip(rows, values, strict=True)]

    def amounts(of_rows: Sequence[Decimal | None], form: Form = figures.money) -> list[str | Text]:
        """Each in its own currency, whose decimal points stand under each other."""
        cells: list[str | Text] = ["" for _ in of_rows]
        for currency in {row.settlement_currency for row in rows}:
            places = [number for number, row in enumerate(rows) if row.settlement_currency == currency]
            for number, cell in zip(places, form([of_rows[n] for n in places], currency), strict=True):
                cells[number] = cell
        return [*cells, ""]

    def dollars(of_rows: Sequence[Decimal | None]) -> list[Text]:
        return figures.money([*of_rows, None if None in of_rows else total(of_rows)], "USD")

    def percents(of_rows: Sequence[Decimal | None]) -> list[Text]:
        return figures.percents([*of_rows, ""])

    columns = [
        Column("Account", [*(row.account for row in rows), "Sum"]),
        Column("", [*(row.settlement_currency for row in rows), ""]),
        Column("Open", [*(str(row.open_chains + row.flat_chains) for row in rows), ""], figure=True),
        Column("Closed", [*(str(row.closed_chains) for row in rows), ""], figure=True),
        Column("Won", [*(str(row.winning_chains) for row in rows), ""], figure=True),
        Column("Net PnL", amounts([row.net_pnl for row in rows]), figure=True),
        Column("USD", dollars([row.net_pnl_usd for row in rows]), figure=True),
        Column("In period", amounts([row.period_realized_pnl for row in rows]), figure=True, hidden=not period),
        Column("USD", dollars([row.period_realized_pnl_usd for row in rows]), figure=True, hidden=not period),
        Column("Unrealized", amounts([pnl for pnl, _ in worth]), figure=True),
        Column("USD", dollars([usd for _, usd in worth]), figure=True),
        Column("Return %", percents([row.realized_pnl_pct for row in rows]), figure=True, spare=1),
        Column("Collateral", amounts([row.collateral for row in rows], figures.prices), figure=True, spare=2),
        Column("Fees", amounts([row.fees for row in rows], figures.prices), figure=True, spare=4),
        Column("p.a. %", percents([row.return_on_collateral_annualised_pct for row in rows]), figure=True, spare=3),
    ]
    page.table(columns, title=title, sums=True)


def _worth(row: PortfolioRow, value: PortfolioValuation | None) -> tuple[Decimal | None, Decimal | None]:
    """Unrealized PnL in the row's currency and in USD: unknown if no open chain has its marks, 0 if none is open."""
    if value is None:
        nothing = None if row.open_chains else Decimal(0)
        return nothing, nothing
    if value.missing_marks == row.open_chains:
        return None, None
    return value.unrealized_pnl, value.unrealized_pnl_usd


def _notes(row: PortfolioRow, value: PortfolioValuation | None) -> Iterator[str]:
    """What a row leaves out or guesses."""
    said = [
        (row.usd_missing, "chain", "without a USD figure (no index price)"),
        (value.missing_marks if value else 0, "position", "without a mark, not in unrealized"),
        (value.usd_missing if value else 0, "position", "without an unrealized USD figure"),
        (row.fees_incomplete, "chain", "with a fee missing"),
        (row.fees_estimated, "chain", "with an estimated fee"),
        (row.collateral_missing, "chain", "whose collateral is unknown"),
        (row.collateral_insufficient, "position", f"uncovered ({flags.MEANING[flags.UNCOVERED]})"),
        (row.flat_chains, "position", "with a roll half done"),
        (row.pending_chains, "chain", "waiting for a first fill"),
    ]
    there = [f"{count(number, noun)} {what}" for number, noun, what in said if number]
    if there:
        yield f"{row.account} {row.settlement_currency}: {', '.join(there)}."


def _missing(page: Page, answer: GetPortfolioResponse) -> None:
    """Money that is in no row at all."""
    if answer.unresolved_refusals:
        page.line(
            f"Missing from these totals: {count(answer.unresolved_refusals, 'refused command')} with LIVE fills "
            "that nobody has corrected — see `rollbook refused`."
        )
    if answer.unmatched_fills:
        page.line(
            f"Missing from these totals: {count(answer.unmatched_fills, 'fill')} waiting for an order that nobody has "
            "reported."
        )
