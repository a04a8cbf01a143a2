"""Recording an expiry: what a scope's chains hold of an index's contracts waits for its delivery from then on."""

from rollbook_server.domain.chains import LegState
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.entries import Entry, ExpiryEntry
from rollbook_server.domain.recording.book import Book, Judgement, Place, Record, Scope, advance


def judge_expiry(book: Book, scope: Scope, index_name: str, expiry: Micros, place: Place) -> Judgement:
    """One entry for each chain that holds a contract of the index with this expiry, all of them in one revision; none
    if nobody does."""
    entries: list[Entry] = []
    after: dict[str, Record] = {}
    for position_id in book.unsettled(scope, "", index_name, expiry):
        record = book.record(scope.account, position_id)
        if record is None:
            continue
        symbols = tuple(
            leg.instrument.symbol
            for leg in record.chain.open_legs
            if leg.state is LegState.OPEN
            and leg.instrument.expiry_time == expiry
            and leg.instrument.index_name == index_name
        )
        if not symbols:
            continue
        at = place.following(len(entries))
        entry = Entry(
            revision=at.revision,
            sequence=at.sequence,
            recorded_time=at.now,
            event_time=expiry,
            account=scope.account,
            position_id=position_id,
            body=ExpiryEntry(symbols=symbols, expiry_time=expiry),
        )
        after[position_id] = advance(record, entry)
        entries.append(entry)
    return Judgement(tuple(entries), after)
