"""`rollbook entries`: the journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rollbook.cli import figures, flags
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.figures import number, words
from rollbook.cli.tables import Column, Page
from rollbook.models import ExecutionResult, ExecutionStatus, Fill, Flag, LedgerEntry, Mode, Order, Side


def show_entries(session: Session, position_id: str, after_revision: int, limit: int) -> None:
    """Asks and prints."""
    if position_id and not session.account:
        raise Stop("--position is unique per account only: name the account with --account or ROLLBOOK_ACCOUNT")
    with session.client() as client:
        answer = gathered(
            client.list_entries,
            "entries",
            limit,
            position_id=position_id,
            after_revision=after_revision,
            newest_first=True,
        )
    if session.json:
        print_json(answer)
        return
    page = Page()
    if not answer.entries:
        page.line("No entry.")
        return
    page.table(entry_columns(answer.entries))
    page.notes(entry_notes(answer.entries))
    if answer.next_page_token:
        page.line(f"These are the newest {limit}: raise --limit, or say 0 for all.")


def entry_columns(entries: Sequence[LedgerEntry]) -> list[Column]:
    """A row for each entry."""
    several = any(entry.sequence > 1 for entry in entries)
    return [
        Column(
            "Rev",
            [f"{entry.revision}.{entry.sequence}" if several else str(entry.revision) for entry in entries],
            figure=True,
        ),
        Column("Happened", [figures.minute(entry.event_time) for entry in entries]),
        Column("Account", [entry.account for entry in entries], hidden=len({entry.account for entry in entries}) < 2),
        Column("Position", [entry.position_id for entry in entries], folds=True),
        Column("What", [what(entry) for entry in entries], folds=True),
        Column("In detail", ["\n".join((*details(entry), *flagged(entry))) for entry in entries], folds=True),
    ]


def entry_notes(entries: Iterable[LedgerEntry]) -> list[str]:
    """What the flags of these entries mean."""
    shown = dict.fromkeys(flag for entry in entries for flag in _flags(entry))
    return [f"{words(flag)}: {flags.FLAG_MEANING.get(flag, '')}." for flag in shown]


def what(entry: LedgerEntry) -> str:
    """The kind of entry, and what is not as usual about it."""
    said = entry.execution and entry.execution.execution
    if said:
        named = of_kind(said)
    else:
        kinds = {"late fills": entry.fills, "expired": entry.expiry, "settled": entry.settlement}
        named = next((name for name, kind in kinds.items() if kind is not None), "corrected")
    body = said or entry.fills or entry.settlement
    return f"{named}, dry run" if body and body.mode is Mode.DRY_RUN else named


def of_kind(said: ExecutionResult) -> str:
    """The action, and its status unless it was simply done."""
    done = said.status in (ExecutionStatus.EXECUTED, ExecutionStatus.SIMULATED)
    return words(said.action) if done else f"{words(said.action)} {words(said.status)}"


def details(entry: LedgerEntry) -> Iterable[str]:
    """What happened, piece by piece."""
    if entry.execution is not None and entry.execution.execution is not None:
        yield from of_execution(entry.execution.execution)
        for fill in entry.execution.attached_fills:
            yield f"{of_fill(fill)} (had waited)"
    elif entry.fills is not None:
        yield from map(of_fill, entry.fills.fills)
        yield from map(of_order, entry.fills.orders)
    elif entry.expiry is not None:
        yield " ".join(entry.expiry.symbols)
    elif entry.settlement is not None:
        of = " ".join(entry.settlement.symbols) or entry.settlement.index_name
        price = entry.settlement.delivery_price
        yield f"{of} at {'' if price is None else number(price)}"
    elif entry.correction is not None:
        yield f"{entry.correction.corrected_revision}.{entry.correction.corrected_sequence}: {entry.correction.reason}"


def of_execution(said: ExecutionResult) -> Iterable[str]:
    """Its fills, its orders where nothing filled, and what went wrong."""
    yield from map(of_fill, said.fills)
    if not said.fills:
        yield from map(of_order, said.orders)
    yield from said.errors


def of_fill(fill: Fill) -> str:
    """One trade in words."""
    done = {Side.BUY: "bought", Side.SELL: "sold"}.get(fill.side, words(fill.side))
    return f"{done} {_or_missing(fill.quantity)} {fill.symbol} @ {_or_missing(fill.price)}"


def of_order(order: Order) -> str:
    """One order in words."""
    limit = "" if order.limit_price is None else f" @ {number(order.limit_price)}"
    ordered = "" if order.quantity is None else f" {words(order.side)} {number(order.quantity)} {order.symbol}{limit}"
    return f"order {order.order_id}{ordered} {words(order.state)}"


def _or_missing(figure: Decimal | None) -> str:
    return figures.MISSING if figure is None else number(figure)


def flagged(entry: LedgerEntry) -> list[str]:
    """Its flags in words, if there are any."""
    said = ", ".join(map(words, _flags(entry)))
    return [f"({said})"] if said else []


def _flags(entry: LedgerEntry) -> tuple[Flag, ...]:
    body = entry.execution or entry.fills or entry.settlement
    return body.flags if body else ()
