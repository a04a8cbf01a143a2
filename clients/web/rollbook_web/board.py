"""The open chains, made ready for all open pages at once: whatever changes is written once, whoever looks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from rollbook.models import ChainState, ChainValuation
from rollbook_web.ageing import ChainKey
from rollbook_web.callouts import Callout, callouts
from rollbook_web.expiries import Expiry, calendar
from rollbook_web.groups import header_rows
from rollbook_web.ledger_picture import LedgerPicture
from rollbook_web.open_rows import Held, row
from rollbook_web.sums import Portfolios, Totals, totals

Made = TypeVar("Made")

SHOWN = (ChainState.PENDING, ChainState.OPEN, ChainState.FLAT)


class Board:
    """Rows, totals, callouts and calendar of the present version of the picture."""

    def __init__(self, picture: LedgerPicture) -> None:
        self.picture = picture
        self._rows: dict[ChainKey, tuple[int, dict[str, Any]]] = {}
        self._made: dict[tuple[object, ...], tuple[tuple[object, ...], Any]] = {}

    def held(self) -> dict[ChainKey, Held]:
        """The open chains as they are now."""
        return self._once(("held",), (), self._held)

    def _held(self) -> dict[ChainKey, Held]:
        picture = self.picture
        return {
            key: Held(chain, picture.mirror.valuations.get(key), self.marked(key), key in picture.grown_old)
            for key, chain in picture.mirror.chains.items()
            if chain.state in SHOWN
        }

    def marked(self, key: ChainKey) -> datetime | None:
        """When the oldest mark of a chain was made, by our own clock."""
        value: ChainValuation | None = self.picture.mirror.valuations.get(key)
        seen = self.picture.seen.get(key)
        if value is None or seen is None or value.mark_time is None:
            return None
        return seen - timedelta(milliseconds=value.mark_age_ms)

    def totals(self, portfolios: Portfolios | None) -> list[Totals]:
        """By mode."""
        return self._once(("totals",), (id(portfolios),), lambda: totals(list(self.held().values()), portfolios))

    def callouts(self, portfolios: Portfolios | None) -> list[Callout]:
        """What is called out on top."""
        return self._once(("callouts",), (id(portfolios),), lambda: callouts(self.held().values(), portfolios))

    def calendar(self) -> list[Expiry]:
        """What expires when."""
        return self._once(("calendar",), (), lambda: calendar(self.held().values()))

    def patch(self, since: int, group: str) -> str:
        """What has changed in the table after a version, as JSON for `Rollbook.rows`. With what a page has of a picture
        that was begun anew, everything is sent.

        Args:
            since: The version that the page has; 0 for none.
            group: By which column rows are grouped; "" for none.
        """
        return self._once(("patch", since, group), (), lambda: json.dumps(self._patch(since, group)))

    def _patch(self, since: int, group: str) -> dict[str, Any]:
        helds, changes = self.held(), self.picture.since(since)
        return {
            "anew": changes.anew,
            "group": group,
            "rows": [self._row(key, helds[key]) for key in (*changes.chains, *changes.valued) if key in helds],
            "gone": [f"{chain.account}/{chain.position_id}" for chain in changes.gone],
            "headers": header_rows(list(helds.values()), group) if group else [],
        }

    def _row(self, key: ChainKey, held: Held) -> dict[str, Any]:
        touched = self.picture.touched.get(key, 0)
        kept = self._rows.get(key)
        if kept is None or kept[0] != touched:
            kept = self._rows[key] = (touched, row(held))
        return kept[1]

    def _once(self, what: tuple[object, ...], of: tuple[object, ...], make: Callable[[], Made]) -> Made:
        """Made once for a version of the picture."""
        of = (self.picture.version, *of)
        kept = self._made.get(what)
        if kept is None or kept[0] != of:
            if len(self._made) > 100:  # patches of many a version, of pages that came and went
                self._made.clear()
                self._rows = {key: each for key, each in self._rows.items() if key in self.picture.touched}
            kept = self._made[what] = (of, make())
        return cast(Made, kept[1])
