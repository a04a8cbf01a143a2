"""What open chains are worth, on the writer's side: each accepted mark and each execution moves the drawdown of the
chains that it concerns, and the first value of a minute goes into their history. In the same commit as its cause.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial

from rollbook_server.domain.chains import Chain, Leg
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.decimals import ZERO, exact
from rollbook_server.domain.drawdown import Drawdown, observe
from rollbook_server.domain.executions import Mark
from rollbook_server.domain.instruments import DERIBIT, Instrument, parse_deribit
from rollbook_server.domain.marks import KnownMark, judge_mark
from rollbook_server.domain.portfolio import Row, Totals, row_of
from rollbook_server.domain.valuation import Held, ValueSample, believed_pnl, sample_chain, sample_row
from rollbook_server.storage.facts import from_json
from rollbook_server.storage.marks import (
    MarkKey,
    keep_drawdowns,
    keep_marks,
    mark_key,
    newest,
    newest_mark_time,
    read_drawdown,
    read_mark,
)
from rollbook_server.storage.overlay import Overlay
from rollbook_server.storage.samples import HOUR, MINUTE, Series, keep_samples, last_sampled, thin_samples
from rollbook_server.storage.sqlite import Connection

ChainKey = tuple[str, str]
"""(account, position_id)."""

Contract = tuple[str, str, str]
"""(mode, venue, symbol)."""

_REMEMBERED = 20_000
"""Marks kept in memory at most: those of contracts that nobody holds can be read again."""


class Values:
    """The open chains with their marks. Not thread-safe: the writer's alone."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._held: Overlay[ChainKey, Held] = Overlay()
        """One that holds nothing any more stays until it is committed."""
        self._marks: Overlay[MarkKey, KnownMark | None] = Overlay()
        """None: there is none."""
        self._drawdowns: Overlay[ChainKey, Drawdown] = Overlay()
        """Changed, and not written yet."""
        self._sampled: Overlay[Series, Micros] = Overlay()
        """When a series was sampled last."""
        self._samples: Overlay[tuple[Series, Micros], ValueSample] = Overlay()
        """To be written."""
        self._rows_due: Overlay[Row, Micros] = Overlay()
        """Rows of the portfolio that are to be sampled."""
        self._written: Overlay[MarkKey, KnownMark] = Overlay()
        """Accepted, and not written yet."""
        self._holders: dict[Contract, set[ChainKey]] = {}
        """Who may hold a contract; one who does not any more harms nobody."""
        self._thinned: Micros = 0
        self.newest_mark: Micros = newest_mark_time(db)
        """The newest time of a mark that is committed."""
        self.fresh: dict[ChainKey, Held] = {}
        """What has changed for those who watch, since somebody took it."""
        self.problems: list[Exception] = []
        """What went wrong with samples, since somebody took it."""
        self._load()

    # -- transactions -------------------------------------------------------------------------------------------

    @property
    def _layers(self) -> Sequence[Overlay]:  # type: ignore[type-arg]  # of whatever they hold
        return (
            self._held,
            self._marks,
            self._drawdowns,
            self._sampled,
            self._samples,
            self._rows_due,
            self._written,
        )

    def keep_command(self) -> None:
        """The command was accepted."""
        for layer in self._layers:
            layer.keep_command()

    def drop_command(self) -> None:
        """The command was refused."""
        for layer in self._layers:
            layer.drop_command()

    def before_commit(self) -> None:
        """Writes what the group has changed, once each. The totals of the group are written."""
        self._sample_rows()
        keep_marks(self._db, (known for _, known in self._written.changed()))
        keep_drawdowns(self._db, self._drawdowns.changed())
        samples = [(series, sample) for (series, _), sample in self._samples.changed()]
        if samples:
            keep_samples(self._db, samples)
            now = max(sample.time for _, sample in samples)
            if now // HOUR > self._thinned // HOUR:
                thin_samples(self._db, now)
                self._thinned = now

    def committed(self) -> None:
        """The group is on disk."""
        self.fresh.update(self._held.changed())
        times = (known.mark.mark_time for _, known in self._written.changed())
        self.newest_mark = max([self.newest_mark, *times])
        over = [(key, held.chain) for key, held in self._held.changed() if not held.chain.open_quantity]
        for layer in self._layers:
            layer.commit()
        for layer in (self._drawdowns, self._samples, self._rows_due, self._written):
            layer.clear()
        for key, chain in over:
            self._held.discard(key)
            self._sampled.discard(_series_of_chain(chain))
            for leg in chain.legs:
                self._holders.get((chain.mode, chain.venue, leg.instrument.symbol), set()).discard(key)
        if len(self._marks) > _REMEMBERED:
            self._marks.clear()

    def forget(self) -> None:
        """The group failed: everything is read again."""
        for layer in self._layers:
            layer.clear()
        self._thinned = 0
        self._load()

    def _load(self) -> None:
        """Reads what is open."""
        rows = self._db.execute("SELECT figures FROM chains WHERE unfinished = 1").fetchall()
        for (figures,) in rows:
            chain = from_json(Chain, figures)
            if chain.open_quantity:
                key = (chain.account, chain.position_id)
                seen = read_drawdown(self._db, *key) or Drawdown()
                legs = chain.open_legs
                self._held.remember(key, Held(chain, legs, self._marks_of(chain, legs), seen))
                self._note_holder(chain)
        self._held.commit()
        self._marks.commit()

    # -- what is there ------------------------------------------------------------------------------------------

    def held(self) -> dict[ChainKey, Held]:
        """Every chain that holds something."""
        return {key: held for key, held in self._held.items() if held.chain.open_quantity}

    def _mark(self, key: MarkKey) -> KnownMark | None:
        known = self._marks.get(key)
        if known is None and key not in self._marks:
            known = read_mark(self._db, key)
            self._marks.remember(key, known)
        return known

    def _marks_of(self, chain: Chain, legs: Sequence[Leg]) -> dict[str, KnownMark]:
        """The newest mark of each contract that a chain holds."""
        found: dict[str, KnownMark] = {}
        for leg in legs:
            symbol = leg.instrument.symbol
            known = newest(
                self._mark((chain.account, chain.mode, chain.venue, symbol)),
                self._mark(("", chain.mode, chain.venue, symbol)),
            )
            if known is not None:
                found[symbol] = known
        return found

    def _note_holder(self, chain: Chain) -> None:
        for leg in chain.open_legs:
            contract = (chain.mode, chain.venue, leg.instrument.symbol)
            self._holders.setdefault(contract, set()).add((chain.account, chain.position_id))

    def _holding(self, mark: Mark) -> Iterator[tuple[ChainKey, Held]]:
        """The chains that a mark concerns."""
        for key in self._holders.get((mark.mode, mark.venue, mark.symbol), ()):
            held = self._held.get(key) if mark.account in ("", key[0]) else None
            if held is not None and any(leg.instrument.symbol == mark.symbol for leg in held.legs):
                yield key, held

    def _instrument(self, mark: Mark) -> Instrument | None:
        if mark.venue == DERIBIT:
            return parse_deribit(mark.symbol)
        for _, held in self._holding(mark):
            for leg in held.legs:
                if leg.instrument.symbol == mark.symbol:
                    return leg.instrument
        return None

    # -- what happens -------------------------------------------------------------------------------------------

    @exact
    def marked(self, marks: Sequence[Mark], now: Micros) -> list[str]:
        """Takes the marks that are newer than what is there; returns the symbols of the others."""
        ignored: list[str] = []
        concerned: dict[ChainKey, tuple[Held, dict[str, KnownMark]]] = {}
        taken: set[MarkKey] = set()
        for mark in marks:
            known = KnownMark(mark=mark)
            key = mark_key(known)
            before = self._mark(key)
            if key in taken:  # each mark of a contract is looked at, however they come
                self._see_all(concerned, now)
                concerned, taken = {}, set()
            if before is not None and mark.mark_time <= before.mark.mark_time:
                ignored.append(mark.symbol)
                continue
            known = judge_mark(mark, self._instrument(mark), before)
            taken.add(key)
            self._marks[key] = known
            self._written[key] = known
            for chain_key, held in self._holding(mark):
                _, fresh = concerned.setdefault(chain_key, (held, dict(held.marks)))
                other = fresh.get(mark.symbol)  # shared where this one is the account's own, or the other way round
                fresh[mark.symbol] = known if other is None or _newer(known, other) else other
        self._see_all(concerned, now)
        return ignored

    def _see_all(self, concerned: dict[ChainKey, tuple[Held, dict[str, KnownMark]]], now: Micros) -> None:
        for key, (held, marks) in concerned.items():
            self._see(key, held.chain, held.legs, marks, held.drawdown, now)

    def changed(self, chains: Iterable[Chain], now: Micros) -> None:
        """Chains are as they are now by an accepted command."""
        for chain in chains:
            key = (chain.account, chain.position_id)
            legs = chain.open_legs
            if legs:
                self._note_holder(chain)
            self._see(key, chain, legs, self._marks_of(chain, legs), self._seen(key, chain), now)

    def _seen(self, key: ChainKey, chain: Chain) -> Drawdown:
        """What has been seen of a chain before."""
        held = self._held.get(key)
        if held is not None:
            return held.drawdown
        unwritten = self._drawdowns.get(key)
        if unwritten is not None:
            return unwritten
        if chain.revision == chain.created_revision:
            return Drawdown()
        return read_drawdown(self._db, *key) or Drawdown()

    def _see(
        self,
        key: ChainKey,
        chain: Chain,
        legs: tuple[Leg, ...],
        marks: dict[str, KnownMark],
        seen: Drawdown,
        now: Micros,
    ) -> None:
        """Looks at a chain: its drawdown, and the history of its value."""
        drawdown = observe(seen, believed_pnl(chain, legs, marks, now), chain.collateral)
        if drawdown != seen:
            self._drawdowns[key] = drawdown
        held = Held(chain, legs, marks, drawdown)
        self._held[key] = held
        series = _series_of_chain(chain)
        if marks and self._due(series, now):
            self._sample(series, now, lambda: sample_chain(held, now))
        row = row_of(chain)
        if (marks or not legs) and self._due(_series_of(row), now):
            self._rows_due[row] = now

    def _sample(self, series: Series, now: Micros, make: Callable[[], ValueSample | None]) -> None:
        """Keeps a sample, if there is one. No mistake in it may cost a fill, whose transaction this is."""
        try:
            sample = make()
        except Exception as error:
            self.problems.append(error)
            return
        if sample is not None:
            self._sampled[series] = now
            self._samples[series, now] = sample

    def _due(self, series: Series, now: Micros) -> bool:
        """Whether a minute has begun that the series has no sample of."""
        sampled = self._sampled.get(series)
        if sampled is None:
            sampled = last_sampled(self._db, series)
            self._sampled.remember(series, sampled)
        return now // MINUTE > sampled // MINUTE

    def _sample_rows(self) -> None:
        due = dict(self._rows_due.changed())
        if not due:
            return
        members: dict[Row, list[Held]] = {}
        for held in self.held().values():
            members.setdefault(row_of(held.chain), []).append(held)
        for row, now in due.items():
            net_pnl = self._net_pnl(row)
            self._sample(_series_of(row), now, partial(sample_row, members.get(row, ()), net_pnl, now))
        self._sampled.keep_command()
        self._samples.keep_command()

    def _net_pnl(self, row: Row) -> Decimal:
        stored = self._db.execute(
            "SELECT sums FROM totals WHERE account = ? AND mode = ? AND currency = ?", row
        ).fetchone()
        return from_json(Totals, stored[0]).net_pnl if stored else ZERO


def _newer(known: KnownMark, other: KnownMark) -> bool:
    """Whether an accepted mark takes the place of another one of the same contract; of two as new, the own does."""
    given, there = known.mark, other.mark
    return given.mark_time > there.mark_time or (given.mark_time == there.mark_time and bool(given.account))


def _series_of_chain(chain: Chain) -> Series:
    """The history of a chain."""
    return Series(chain.account, chain.position_id, chain.mode, chain.settlement_currency)


def _series_of(row: Row) -> Series:
    """The history of a row of the portfolio."""
    account, mode, currency = row
    return Series(account, "", mode, currency)
