"""A ledger beside the expectation."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from rollbook import Client, PositionChain
from tests.support.told.book import Book, Chain


def _exact(value: object) -> object:
    return Fraction(value) if isinstance(value, Decimal) else value


def _same(where: str, found: object, expected: object) -> Iterator[str]:
    if found != expected:
        yield f"{where}: the ledger says {found}, what was told comes to {expected}"


def differences(ledger: Client, account: str, book: Book) -> Iterator[str]:
    """How the chains and the totals of an account differ from what was told."""
    found = sorted(ledger.iterate_chains(account=account), key=lambda chain: chain.created_revision)
    yield from _same("chains", len(found), len(book.chains))
    for number, (chain, expected) in enumerate(zip(found, book.chains, strict=False)):
        yield from _of_chain(f"chain {number} {chain.position_id}", chain, expected)
    rows = {(str(row.mode), row.settlement_currency): row for row in ledger.get_portfolio(account=account).rows}
    for key, totals in book.rows().items():
        row = rows.pop(key, None)
        for name, value in totals.items():
            yield from _same(f"{key}.{name}", None if row is None else _exact(getattr(row, name)), value)
    for key, row in rows.items():
        chains = row.open_chains + row.flat_chains + row.pending_chains + row.closed_chains
        yield from _same(f"{key}: chains", chains, 0)


def _of_chain(where: str, found: PositionChain, chain: Chain) -> Iterator[str]:
    for name, value in chain.figures.items():
        yield from _same(f"{where}.{name}", _exact(getattr(found, name)), value)
    legs = [
        (
            leg.instrument.symbol if leg.instrument else "",
            *(_exact(each) for each in (leg.open_quantity, leg.opened_quantity, leg.open_credit, leg.gross_pnl)),
        )
        for leg in found.legs
    ]
    expected = [(leg.symbol, leg.held, leg.opened, leg.credit, leg.gross) for leg in chain.legs]
    yield from _same(f"{where}.legs", sorted(map(str, legs)), sorted(map(str, expected)))
    working = {ticket.symbol for ticket in chain.tickets if ticket.works}
    yield from _same(f"{where}: contracts with working orders", {o.symbol for o in found.working_orders}, working)
