"""Queries on a snapshot: what the ledger answers besides recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rollbook_server.domain.chains import CashLine, Chain, ChainState
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.drawdown import Drawdown
from rollbook_server.domain.entries import Entry
from rollbook_server.domain.executions import Mode, StrategyKind
from rollbook_server.domain.fold import cash_lines
from rollbook_server.domain.portfolio import Realized, Row, Totals, realized_in
from rollbook_server.domain.recording.book import Scope
from rollbook_server.domain.valuation import ChainValuation, PortfolioValuation, value_chain, value_portfolio
from rollbook_server.storage import journal
from rollbook_server.storage.facts import from_json
from rollbook_server.storage.journal import Head
from rollbook_server.storage.marks import marks_for, read_drawdown
from rollbook_server.storage.observations import count_unresolved
from rollbook_server.storage.projections import UNFINISHED, read_record
from rollbook_server.storage.sqlite import Connection

ENTRIES_SHOWN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """One chain and all that made it."""

    revision: int
    chain: Chain
    lines: Sequence[CashLine]
    entries: Sequence[Entry]
    valuation: ChainValuation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFilter:
    """Which chains; what is empty or None is any. Times are [from, before)."""

    account: str = ""
    mode: Mode | None = None
    states: tuple[ChainState, ...] = ()
    underlying: str = ""
    strategy: StrategyKind | None = None
    strategy_name: str | None = None
    opened_from: Micros | None = None
    opened_before: Micros | None = None
    closed_from: Micros | None = None
    closed_before: Micros | None = None
    newest_first: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPage:
    """A page of chains. `last` is the key of its last row, `upto` the newest key that the listing covers."""

    revision: int
    chains: Sequence[Chain]
    valuations: Sequence[ChainValuation]
    last: int
    upto: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """A page of entries. `last` is the key of its last row, `upto` the newest key that the listing covers."""

    revision: int
    entries: Sequence[Entry]
    last: int
    upto: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioView:
    """Totals, their values, what was realized in the asked period, and what is missing."""

    revision: int
    rows: Sequence[tuple[Row, Totals]]
    valuations: Sequence[PortfolioValuation]
    realized: dict[Row, Realized] | None
    unresolved_refusals: int
    unmatched_fills: int


def head(db: Connection) -> Head:
    """How far the ledger has come."""
    return journal.read_head(db)


def chain_view(db: Connection, account: str, position_id: str, now: Micros) -> ChainView | None:
    """One chain with its lines, its newest entries and its value."""
    entries = list(journal.entries_of(db, account, position_id))
    record = read_record(db, account, position_id, entries)
    if record is None:
        return None
    return ChainView(
        revision=head(db).revision,
        chain=record.chain,
        lines=cash_lines(record.history),
        entries=entries[-ENTRIES_SHOWN:],
        valuation=_valuation(db, record.chain, now),
    )


def _valuation(db: Connection, chain: Chain, now: Micros) -> ChainValuation | None:
    """What a chain is worth; None if it holds nothing, and nothing was seen of it."""
    seen = read_drawdown(db, chain.account, chain.position_id)
    held = [leg.instrument.symbol for leg in chain.open_legs]
    if not held and seen is None:
        return None
    marks = marks_for(db, chain.account, chain.mode, chain.venue, held)
    return value_chain(chain, marks, now, seen or Drawdown())


def unsettled(db: Connection) -> list[tuple[Scope, str, Micros]]:
    """What waits for its delivery: scopes, each with an index and its expiry."""
    rows = db.execute(
        "SELECT DISTINCT account, mode, venue, index_name, expiry FROM legs WHERE held = 1 AND awaiting = 1"
        " ORDER BY expiry, account, mode, venue, index_name"
    )
    return [(Scope(account, Mode(mode), venue), index, expiry) for account, mode, venue, index, expiry in rows]


def list_chains(
    db: Connection, wanted: ChainFilter, after: int | None, upto: int | None, limit: int, now: Micros
) -> ChainPage:
    """A page of chains in the order of their making."""
    where: list[str] = []
    values: list[Any] = []

    def demand(condition: str, *operands: object) -> None:
        where.append(condition)
        values.extend(operands)

    if wanted.account:
        demand("account = ?", wanted.account)
    if wanted.mode is not None:
        demand("mode = ?", wanted.mode)
    if wanted.states:
        demand(f"state IN ({', '.join('?' * len(wanted.states))})", *wanted.states)
        if set(wanted.states) <= set(UNFINISHED):
            demand("unfinished = 1")
    if wanted.underlying:
        demand("underlying = ?", wanted.underlying)
    if wanted.strategy is not None:
        demand("strategy = ?", wanted.strategy)
    if wanted.strategy_name is not None:
        demand("strategy_name = ?", wanted.strategy_name)
    for column, since, before in (
        ("open_time", wanted.opened_from, wanted.opened_before),
        ("close_time", wanted.closed_from, wanted.closed_before),
    ):
        if since is not None:
            demand(f"{column} >= ?", since)
        if before is not None:
            demand(f"{column} < ?", before)
    if upto is None:
        upto = db.execute("SELECT ifnull(max(id), 0) FROM chains").fetchone()[0]
    demand("id <= ?", upto)
    if after is not None:
        demand("id < ?" if wanted.newest_first else "id > ?", after)
    order = "DESC" if wanted.newest_first else "ASC"
    rows = db.execute(
        f"SELECT id, figures FROM chains WHERE {' AND '.join(where)} ORDER BY id {order} LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    chains = [from_json(Chain, row[1]) for row in rows[:limit]]
    valuations = [_valuation(db, chain, now) for chain in chains]
    return ChainPage(
        revision=head(db).revision,
        chains=chains,
        valuations=[valuation for valuation in valuations if valuation is not None],
        last=rows[limit - 1][0] if len(rows) > limit else 0,
        upto=upto,
        more=len(rows) > limit,
    )


def list_entries(
    db: Connection,
    account: str,
    position_id: str,
    after_revision: int,
    newest_first: bool,
    after: int | None,
    upto: int | None,
    limit: int,
) -> EntryPage:
    """A page of the journal."""
    if upto is None:
        upto = db.execute("SELECT ifnull(max(id), 0) FROM entries").fetchone()[0]
    where, values = ["id <= ?", "revision > ?"], [upto, after_revision]
    if after_revision:
        where.append("id >= ?")
        values.append(journal.entry_id(after_revision + 1, 0))
    if after is not None:
        where.append("id < ?" if newest_first else "id > ?")
        values.append(after)
    if account:
        where.append("account = ?")
        values.append(account)
    if position_id:
        where.append("position_id = ? AND position_id <> ''")
        values.append(position_id)
    order = "DESC" if newest_first else "ASC"
    rows = db.execute(
        f"SELECT {journal.COLUMNS} FROM entries WHERE {' AND '.join(where)} ORDER BY id {order} LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    return EntryPage(
        revision=head(db).revision,
        entries=[journal.read_entry(row) for row in rows[:limit]],
        last=rows[limit - 1][0] if len(rows) > limit else 0,
        upto=upto,
        more=len(rows) > limit,
    )


def portfolio(
    db: Connection, account: str, mode: Mode | None, since: Micros | None, before: Micros | None, now: Micros
) -> PortfolioView:
    """Totals per (account, mode, currency) with their values; with a period, what was realized in it."""
    where, values = _where(account, mode)
    rows = [
        ((row[0], Mode(row[1]), row[2]), from_json(Totals, row[3]))
        for row in db.execute(
            f"SELECT account, mode, currency, sums FROM totals WHERE {where} ORDER BY account, mode, currency", values
        )
    ]
    open_chains = [
        from_json(Chain, row[0])
        for row in db.execute(f"SELECT figures FROM chains WHERE unfinished = 1 AND {where}", values)
    ]
    valued = [(chain, _valuation(db, chain, now)) for chain in open_chains if chain.open_quantity]
    waiting = db.execute(f"SELECT count(*) FROM waiting WHERE kind = 'fill' AND {where}", values).fetchone()[0]
    realized = None
    if since is not None or before is not None:
        realized = _realized(db, where, values, since or 0, before)
    return PortfolioView(
        revision=head(db).revision,
        rows=rows,
        valuations=value_portfolio((chain, value) for chain, value in valued if value is not None),
        realized=realized,
        unresolved_refusals=0 if mode is Mode.DRY_RUN else count_unresolved(db, account),
        unmatched_fills=waiting,
    )


def _where(account: str, mode: Mode | None) -> tuple[str, list[str]]:
    conditions, values = ["1"], []
    if account:
        conditions.append("account = ?")
        values.append(account)
    if mode is not None:
        conditions.append("mode = ?")
        values.append(mode)
    return " AND ".join(conditions), values


def _realized(
    db: Connection, where: str, values: list[str], since: Micros, before: Micros | None
) -> dict[Row, Realized]:
    """What was realized in a period, from the lines of every chain that lived in it."""
    overlapping = f"{where} AND (close_time IS NULL OR close_time >= ?)"
    operands: list[Any] = [*values, since]
    if before is not None:
        overlapping += " AND open_time < ?"
        operands.append(before)
    lines: dict[Row, list[CashLine]] = {}
    for account, position_id in db.execute(
        f"SELECT account, position_id FROM chains WHERE {overlapping}", operands
    ).fetchall():
        record = read_record(db, account, position_id)
        if record is not None:
            row = (account, record.chain.mode, record.chain.settlement_currency)
            lines.setdefault(row, []).extend(cash_lines(record.history))
    return {row: realized_in(of_row, since, before) for row, of_row in lines.items()}
