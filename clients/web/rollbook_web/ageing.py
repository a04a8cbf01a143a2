"""When a mark becomes stale: a watch does not send a value again only because it has grown old. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from rollbook.models import ChainValuation

STALE = timedelta(minutes=10)
"""As the ledger judges marks."""

ChainKey = tuple[str, str]
"""Account and position_id."""


def turned_stale(
    seen: Mapping[ChainKey, datetime],
    values: Mapping[ChainKey, ChainValuation],
    known: Collection[ChainKey],
    now: datetime,
) -> tuple[list[ChainKey], timedelta]:
    """Which chains have a stale mark by now, besides those that are known to; and how long no other one can have.

    Args:
        seen: When each value came.
        values: With the age that its oldest mark had when it came.
        known: Chains that were found before.
        now: By the clock of `seen`.
    """
    turned, rest = [], STALE
    for key, when in seen.items():
        value = values.get(key)
        if value is None or key in known:
            continue
        left = STALE - timedelta(milliseconds=value.mark_age_ms) - (now - when)
        if left <= timedelta(0):
            turned.append(key)
        else:
            rest = min(rest, left)
    return turned, rest
