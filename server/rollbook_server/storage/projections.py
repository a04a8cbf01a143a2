"""The ledger as stored: looks up what a judgement needs, and writes what an entry makes of it.

`Projections.write` is the one way from an entry to the projections, for live commands and for a rebuild alike. A chain
is written once per group, when the group commits; until then look-ups find it in memory. Open chains stay there; closed
ones are read again when something late concerns them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from rollbook_server.domain.chains import Chain, ChainState, Leg, LegState
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.decimals import plain
from rollbook_server.domain.entries import Entry, ExecutionEntry, FillsEntry, SettlementEntry
from rollbook_server.domain.executions import Execution, Fill, FillSource, Flag, LateFills, Mode, Order
from rollbook_server.domain.history import History, Key
from rollbook_server.domain.instruments import DERIBIT, Instrument, resolve
from rollbook_server.domain.portfolio import NOTHING, Row, Totals, row_of, share
from rollbook_server.domain.recording.book import KnownTrade, Record, Scope, Waiting
from rollbook_server.storage import journal
from rollbook_server.storage.facts import dumps, from_json, loads, to_json
from rollbook_server.storage.overlay import Overlay
from rollbook_server.storage.sqlite import Connection

UNFINISHED = (ChainState.PENDING, ChainState.OPEN, ChainState.FLAT)

ChainKey = tuple[str, str]
"""(account, position_id)."""


class Projections:
    """The book that judgements look in, over one connection. Not thread-safe: the writer's alone."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._records: Overlay[ChainKey, Record] = Overlay()
        self._changed: dict[ChainKey, Chain | None] = {}
        """Chains that the group has changed, as they are stored; None: not yet."""
        self._changed_now: dict[ChainKey, Chain | None] = {}
        """The same for the command that is being recorded."""

    @property
    def cached_chains(self) -> int:
        """Chains held in memory."""
        return len(self._records)

    # -- transactions -------------------------------------------------------------------------------------------

    def keep_command(self) -> None:
        """The command was accepted."""
        self._records.keep_command()
        self._changed.update(self._changed_now)
        self._changed_now = {}

    def drop_command(self) -> None:
        """The command was refused; its rows are rolled back."""
        self._records.drop_command()
        self._changed_now = {}

    def before_commit(self) -> None:
        """Writes the chains and the totals that the group changed, once each."""
        totals: dict[Row, Totals] = {}
        for key, stored in self._changed.items():
            record = self._records.get(key)
            assert record is not None
            self._write_chain(record, stored)
            row = row_of(record.chain)
            if row not in totals:
                totals[row] = self._read_totals(row)
            if stored is not None:
                totals[row] = totals[row].minus(share(stored))
            totals[row] = totals[row].plus(share(record.chain))
        for (account, mode, currency), sums in totals.items():
            self._db.execute(
                "INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET sums = excluded.sums",
                (account, mode, currency, to_json(sums)),
            )

    def committed(self) -> None:
        """The group is on disk: what it made is true now. Finished chains leave the memory."""
        finished = [key for key, record in self._records.changed() if record.chain.state not in UNFINISHED]
        self._records.commit()
        self._changed = {}
        for key in finished:
            self._records.discard(key)

    def forget(self) -> None:
        """The group failed: everything is read again."""
        self._records.clear()
        self._changed, self._changed_now = {}, {}

    # -- looking up ---------------------------------------------------------------------------------------------

    def record(self, account: str, position_id: str) -> Record | None:
        known = self._records.get((account, position_id))
        if known is not None:
            return known
        found = read_record(self._db, account, position_id)
        if found is not None:
            self._records.remember((account, position_id), found)
        return found

    def _unwritten(self, scope: Scope) -> Iterator[Chain]:
        """Chains that differ from their rows."""
        for account, position_id in (*self._changed, *self._changed_now):
            record = self._records.get((account, position_id)) if account == scope.account else None
            if record is not None and (record.chain.mode, record.chain.venue) == (scope.mode, scope.venue):
                yield record.chain

    def _with_unwritten(self, scope: Scope, rows: Iterable[Sequence[str]], fits: Callable[[Leg], bool]) -> list[str]:
        """The chains that rows name, and of those that differ from their rows the ones that have a fitting leg."""
        found = {row[0] for row in rows}
        for chain in self._unwritten(scope):
            found.discard(chain.position_id)
            if any(fits(leg) for leg in chain.legs):
                found.add(chain.position_id)
        return sorted(found)

    def holders(self, scope: Scope, symbol: str, at: Micros) -> Sequence[str]:
        rows = self._db.execute(
            "SELECT position_id FROM legs INDEXED BY legs_by_contract"
            " WHERE account = ? AND mode = ? AND venue = ? AND symbol = ?"
            " AND open_time <= ? AND (close_time IS NULL OR close_time >= ?)",
            (scope.account, scope.mode, scope.venue, symbol, at, at),
        )
        return self._with_unwritten(
            scope,
            rows,
            lambda leg: (
                leg.instrument.symbol == symbol
                and leg.open_time <= at
                and (leg.close_time is None or leg.close_time >= at)
            ),
        )

    def instrument(self, scope: Scope, symbol: str) -> Instrument | None:
        for chain in self._unwritten(scope):
            for leg in chain.legs:
                if leg.instrument.symbol == symbol:
                    return leg.instrument
        rows = self._db.execute(
            "SELECT position_id FROM legs INDEXED BY legs_by_contract"
            " WHERE account = ? AND mode = ? AND venue = ? AND symbol = ?"
            " ORDER BY position_id",
            (scope.account, scope.mode, scope.venue, symbol),
        )
        for (position_id,) in rows:
            record = self.record(scope.account, position_id)
            for leg in record.chain.legs if record is not None else ():
                if leg.instrument.symbol == symbol:
                    return leg.instrument
        return None

    def currency_of(self, scope: Scope, fill: Fill) -> str:
        """The settlement currency of an accepted fill's contract, which may only be named."""
        known = None if scope.venue == DERIBIT else self.instrument(scope, fill.symbol)
        return resolve(scope.venue, fill.symbol, fill.instrument, "fills", known).settlement_currency

    def unsettled(self, scope: Scope, symbol: str, index_name: str, expiry: Micros) -> Sequence[str]:
        rows = self._db.execute(
            "SELECT position_id FROM legs INDEXED BY legs_held"
            " WHERE held = 1 AND account = ? AND mode = ? AND venue = ? AND expiry = ? AND "
            + ("symbol = ?" if symbol else "index_name = ?"),
            (scope.account, scope.mode, scope.venue, expiry, symbol or index_name),
        )
        return self._with_unwritten(
            scope,
            rows,
            lambda leg: (
                bool(leg.open_quantity)
                and leg.instrument.expiry_time == expiry
                and (leg.instrument.symbol == symbol if symbol else leg.instrument.index_name == index_name)
            ),
        )

    def next_expiry(self) -> Micros | None:
        """When the next contract that is held expires, of the ones that do not wait for their delivery."""
        row = self._db.execute("SELECT min(expiry) FROM legs WHERE held = 1 AND awaiting = 0").fetchone()
        return None if row[0] is None else int(row[0])

    def expired(self, now: Micros) -> list[tuple[Scope, str, Micros]]:
        """What has expired with nobody saying so: scopes, each with an index and its expiry."""
        rows = self._db.execute(
            "SELECT DISTINCT account, mode, venue, index_name, expiry FROM legs"
            " WHERE held = 1 AND awaiting = 0 AND expiry <= ? ORDER BY expiry, account, mode, venue, index_name",
            (now,),
        )
        return [(Scope(account, Mode(mode), venue), index, expiry) for account, mode, venue, index, expiry in rows]

    def awaiting(self) -> bool:
        """Whether something that is held waits for its delivery."""
        return self._db.execute("SELECT 1 FROM legs WHERE held = 1 AND awaiting = 1 LIMIT 1").fetchone() is not None

    def order_owner(self, scope: Scope, order_id: str) -> str | None:
        row = self._db.execute(
            "SELECT position_id FROM orders WHERE account = ? AND mode = ? AND venue = ? AND order_id = ?",
            (scope.account, scope.mode, scope.venue, order_id),
        ).fetchone()
        return row[0] if row else None

    def trade(self, scope: Scope, currency: str, trade_id: str) -> KnownTrade | None:
        row = self._db.execute(
            "SELECT kind, said, trades.position_id FROM trades JOIN entries ON entries.id = trades.entry"
            " WHERE trades.account = ? AND mode = ? AND venue = ? AND currency = ? AND trade_id = ?",
            (scope.account, scope.mode, scope.venue, currency, trade_id),
        ).fetchone()
        if row is None:
            return None
        said: Execution | LateFills
        said = from_json(Execution, row[1]) if row[0] == "execution" else from_json(LateFills, row[1])
        for fill in said.fills:
            if fill.trade_id == trade_id and self.currency_of(scope, fill) == currency:
                return KnownTrade(fill, row[2])
        raise LookupError(f"trade {trade_id} is not in the entry that is said to hold it")

    def waiting(self, scope: Scope, order_id: str) -> Waiting:
        rows = self._db.execute(
            "SELECT kind, fact FROM waiting WHERE account = ? AND mode = ? AND venue = ? AND order_id = ?"
            " ORDER BY entry, place",
            (scope.account, scope.mode, scope.venue, order_id),
        ).fetchall()
        if not rows:
            return Waiting()
        return Waiting(
            tuple(from_json(Fill, fact) for kind, fact in rows if kind == "fill"),
            tuple(from_json(Order, fact) for kind, fact in rows if kind == "order"),
        )

    def delivery_price(self, scope: Scope, instrument: Instrument) -> Decimal | None:
        row = self._db.execute(
            "SELECT price FROM delivery_prices WHERE account = ? AND mode = ? AND venue = ? AND expiry = ?"
            " AND (symbol = ? OR (symbol = '' AND index_name = ?)) LIMIT 1",
            (scope.account, scope.mode, scope.venue, instrument.expiry_time, instrument.symbol, instrument.index_name),
        ).fetchone()
        return Decimal(row[0]) if row else None

    def other_prices(
        self, scope: Scope, symbol: str, index_name: str, expiry: Micros, price: Decimal
    ) -> Sequence[Decimal]:
        # An index has one delivery price at an expiry, for all of its contracts.
        rows = self._db.execute(
            "SELECT price FROM delivery_prices WHERE account = ? AND mode = ? AND venue = ? AND expiry = ?"
            " AND price <> ? AND (symbol = ? OR (index_name = ? AND index_name <> ''))",
            (scope.account, scope.mode, scope.venue, expiry, plain(price), symbol or None, index_name),
        )
        return [Decimal(row[0]) for row in rows]

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, entry: Entry, after: Record | None) -> None:
        """Writes what an entry makes: its trades and orders, and (with the group) its chain as it is afterwards."""
        body = entry.body
        if entry.batch is not None:
            batch = entry.batch
            self._db.execute(
                "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
                (entry.account, batch.request_id, batch.digest, batch.items, entry.revision),
            )
        match body:
            case ExecutionEntry():
                scope = Scope(entry.account, body.said.mode, body.said.venue)
                order_ids = {body.order_of(decided).order_id for decided in body.orders}
                for decided in body.fills:
                    fill = body.fill_of(decided)
                    order_ids.add(fill.order_id)
                    self._write_trade(scope, entry, decided.instrument.settlement_currency, fill)
                self._write_orders(scope, entry, order_ids - {""})
                if Flag.FILLS_ATTACHED in body.flags:
                    self._take_waiting(scope, body)
            case FillsEntry():
                scope = Scope(entry.account, body.mode, body.venue)
                for decided in body.fills:
                    fill = body.fill_of(decided)
                    self._write_trade(scope, entry, decided.instrument.settlement_currency, fill)
                self._write_waiting(scope, entry, body)
            case SettlementEntry():
                self._db.execute(
                    "INSERT OR IGNORE INTO delivery_prices VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        entry.account,
                        body.mode,
                        body.venue,
                        body.expiry_time,
                        body.symbol,
                        body.index_name,
                        plain(body.delivery_price),
                    ),
                )
        if after is not None:
            self._change_chain(entry, after)

    def _write_orders(self, scope: Scope, entry: Entry, order_ids: set[str]) -> None:
        if not entry.position_id:
            return
        for order_id in sorted(order_ids):
            self._db.execute(
                "INSERT OR IGNORE INTO orders VALUES (?, ?, ?, ?, ?)",
                (scope.account, scope.mode, scope.venue, order_id, entry.position_id),
            )

    def _write_trade(self, scope: Scope, entry: Entry, currency: str, fill: Fill) -> None:
        """Notes a trade with the entry whose command reported it; an attached one keeps that and gets its chain."""
        if fill.source is not FillSource.VENUE_TRADE:
            return
        sequence = 1 if isinstance(entry.body, FillsEntry) else entry.sequence
        self._db.execute(
            "INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET position_id = excluded.position_id",
            (
                scope.account,
                scope.mode,
                scope.venue,
                currency,
                fill.trade_id,
                entry.position_id,
                journal.entry_id(entry.revision, sequence),
            ),
        )

    def _take_waiting(self, scope: Scope, body: ExecutionEntry) -> None:
        """Fills and reports that waited for these orders wait no longer."""
        where = "account = ? AND mode = ? AND venue = ? AND order_id = ? AND kind = ?"
        for decided in body.fills:
            if decided.fill is not None:
                fill = decided.fill
                self._db.execute(
                    f"DELETE FROM waiting WHERE {where} AND fact = ?",
                    (scope.account, scope.mode, scope.venue, fill.order_id, "fill", to_json(fill)),
                )
        for decided_order in body.orders:
            if decided_order.order is not None:
                order = decided_order.order
                self._db.execute(
                    f"DELETE FROM waiting WHERE {where} AND fact = ?",
                    (scope.account, scope.mode, scope.venue, order.order_id, "order", to_json(order)),
                )

    def _write_waiting(self, scope: Scope, entry: Entry, body: FillsEntry) -> None:
        def wait(order_id: str, kind: str, place: int, fact: Fill | Order) -> None:
            self._db.execute(
                "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (scope.account, scope.mode, scope.venue, order_id, at, kind, place, to_json(fact)),
            )

        at = journal.entry_id(entry.revision, entry.sequence)
        for place, fill in enumerate(body.waiting_fills):
            wait(fill.order_id, "fill", place, fill)
            self._write_trade(scope, entry, self.currency_of(scope, fill), fill)
        for place, order in enumerate(body.waiting_orders):
            wait(order.order_id, "order", place, order)

    def _change_chain(self, entry: Entry, after: Record) -> None:
        key = (entry.account, entry.position_id)
        if key not in self._changed and key not in self._changed_now:
            begins = isinstance(entry.body, ExecutionEntry) and entry.body.begins_chain
            before = None if begins else self.record(*key)
            self._changed_now[key] = None if before is None else before.chain
        self._records[key] = after

    def _write_chain(self, record: Record, stored: Chain | None) -> None:
        chain = record.chain
        key = (chain.account, chain.position_id)
        values = (
            chain.state,
            int(chain.state in UNFINISHED),
            chain.revision,
            chain.open_time,
            chain.close_time,
            to_json(chain),
            dumps(_numbers(record.history)),
        )
        if stored is None:
            self._db.execute(
                "INSERT INTO chains (account, position_id, mode, strategy, strategy_name, underlying,"
                " state, unfinished, revision, open_time, close_time, figures, leg_numbers)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*key, chain.mode, chain.strategy, chain.strategy_name, chain.underlying, *values),
            )
        else:
            self._db.execute(
                "UPDATE chains SET state = ?, unfinished = ?, revision = ?, open_time = ?, close_time = ?,"
                " figures = ?, leg_numbers = ? WHERE account = ? AND position_id = ?",
                (*values, *key),
            )
        self._write_legs(chain, stored)

    def _write_legs(self, chain: Chain, stored: Chain | None) -> None:
        rows = {leg.leg_number: leg for leg in stored.legs} if stored else {}
        for leg in chain.legs:
            known = rows.pop(leg.leg_number, None)
            if known is not None and known == leg:
                continue
            instrument = leg.instrument
            self._db.execute(
                "INSERT OR REPLACE INTO legs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    chain.account,
                    chain.mode,
                    chain.venue,
                    chain.position_id,
                    leg.leg_number,
                    instrument.symbol,
                    instrument.index_name,
                    instrument.expiry_time,
                    leg.open_time,
                    leg.close_time,
                    int(bool(leg.open_quantity)),
                    int(leg.state is LegState.AWAITING_DELIVERY),
                ),
            )
        for number in rows:  # a late fill can join two legs into one
            self._db.execute(
                "DELETE FROM legs WHERE account = ? AND position_id = ? AND leg_number = ?",
                (chain.account, chain.position_id, number),
            )

    def _read_totals(self, row: Row) -> Totals:
        stored = self._db.execute(
            "SELECT sums FROM totals WHERE account = ? AND mode = ? AND currency = ?", row
        ).fetchone()
        return from_json(Totals, stored[0]) if stored else NOTHING


def _numbers(history: History) -> list[int]:
    """The legs of the opening fills, in the order of their arrival; 0 for a fill that never counted, or that closes."""
    return [history.leg_numbers.get(fill.key, 0) for fill in history.fills]


def read_record(
    db: Connection, account: str, position_id: str, entries: Iterable[Entry] | None = None
) -> Record | None:
    """A chain as stored: its history from the journal (or from its entries, if they are there already), its figures
    and leg numbers from their projection."""
    row = db.execute(
        "SELECT figures, leg_numbers FROM chains WHERE account = ? AND position_id = ?", (account, position_id)
    ).fetchone()
    if row is None:
        return None
    history: History | None = None
    for entry in journal.entries_of(db, account, position_id) if entries is None else entries:
        history = History.begun_by(entry) if history is None else history.after(entry)
    if history is None:
        raise LookupError(f"chain {account}/{position_id} has no entries")
    numbers: dict[Key, int] = {
        fill.key: number for fill, number in zip(history.fills, loads(row[1]), strict=True) if number
    }
    return Record(replace(history, leg_numbers=numbers), from_json(Chain, row[0]))
