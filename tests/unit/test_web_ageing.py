"""When the page calls a mark stale."""

from __future__ import annotations

from datetime import timedelta

from rollbook_web.ageing import turned_stale
from tests.support.chains import OPENED, chain, value

KEY, OTHER = ("main", "weekly-1"), ("main", "weekly-2")
VALUES = {KEY: value(chain(), mark_age_ms=60_000), OTHER: value(chain("weekly-2"), mark_age_ms=0)}
SEEN = {KEY: OPENED, OTHER: OPENED}


def test_a_mark_turns_stale_ten_minutes_after_its_time() -> None:
    """Its age when it came counts; until the next one can turn nothing needs to be looked at."""
    assert turned_stale(SEEN, VALUES, (), OPENED) == ([], timedelta(minutes=9))
    assert turned_stale(SEEN, VALUES, (), OPENED + timedelta(minutes=9)) == ([KEY], timedelta(minutes=1))
    assert turned_stale(SEEN, VALUES, (KEY,), OPENED + timedelta(minutes=9)) == ([], timedelta(minutes=1))
    assert turned_stale(SEEN, VALUES, (KEY,), OPENED + timedelta(minutes=10)) == ([OTHER], timedelta(minutes=10))


def test_what_has_no_value_cannot_turn() -> None:
    """A chain that closed takes its value with it."""
    assert turned_stale(SEEN, {}, (), OPENED + timedelta(days=1)) == ([], timedelta(minutes=10))
