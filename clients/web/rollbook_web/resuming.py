"""The ids of events: how far a stream has come in one store, as a browser says it when it comes again."""

from __future__ import annotations

import re

_ID = re.compile(r"([A-Za-z0-9-]{1,64}):([0-9]{1,18})", re.ASCII)

FOREIGN = "the last id is none of this stream's"
STALE = "the last id is of another store, or of the future"


def event_id(store: str, revision: int) -> str:
    """The id of an event with which all up to a revision is complete."""
    return f"{store}:{revision}"


def parsed(last_id: str) -> tuple[str, int] | None:
    """Store and revision; None for what is no such id."""
    found = _ID.fullmatch(last_id)
    return (found[1], int(found[2])) if found else None
