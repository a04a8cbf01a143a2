"""The table of open chains in groups: each has a header with the sums of its rows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rollbook.models import Mode
from rollbook_web import numbers
from rollbook_web.numbers import things
from rollbook_web.open_rows import Held, open_legs, strategy
from rollbook_web.sums import Live, live


def _expiry(held: Held) -> str:
    times = [
        leg.instrument.expiry_time for leg in open_legs(held.chain) if leg.instrument and leg.instrument.expiry_time
    ]
    return f"{min(times):%Y-%m-%d}" if times else ""


GROUPS: dict[str, tuple[str, Callable[[Held], str]]] = {
    "mode": ("mode", lambda held: held.chain.mode.value),
    "underlying": ("underlying", lambda held: held.chain.underlying),
    "strategy": ("strategy", lambda held: strategy(held.chain)),
    "account": ("account", lambda held: held.chain.account),
    "expiry": ("next expiry", _expiry),
}
"""By column: its name, and what rows of one group have in common. It is the text of that column's cell."""


def header_rows(helds: Sequence[Held], group: str) -> list[dict[str, Any]]:
    """One for each group: {id, group, name, count, parts}. `parts` are [word, tone] pairs; sums are by mode and
    currency, because neither is ever added to another.
    """
    _, key_of = GROUPS[group]
    groups: dict[str, list[Held]] = {}
    for held in helds:
        groups.setdefault(key_of(held), []).append(held)
    return [
        {
            "id": f"group:{key}",
            "group": key,
            "name": _name(group, key),
            "count": len(groups[key]),
            "parts": _parts(groups[key]),
        }
        for key in sorted(groups)
    ]


def _name(group: str, key: str) -> str:
    if not key:
        return "nothing open"
    return key.replace("_", " ") if group == "mode" else key


def _parts(helds: list[Held]) -> list[list[str]]:
    parts = [[things(len(helds), "chain"), ""]]
    sums = live(helds, lambda held: (held.chain.mode.value, held.chain.settlement_currency))
    for mode, currency in sorted(sums, key=lambda key: (key[0] != Mode.LIVE.value, key)):
        one: Live = sums[mode, currency]
        if not (one.premium or one.valued or one.unmarked):
            continue  # a half-done roll: nothing is open
        known = one.valued or not one.unmarked
        worth = numbers.money(one.unrealized, currency) if known else numbers.unknown("")
        left_out = f" ({one.unmarked} without mark)" if one.unmarked else ""
        word = "" if mode == Mode.LIVE.value else "dry run "
        parts.append([f"{word}unrealized {worth.text}{left_out}", worth.tone])
        parts.append([f"of {numbers.money(one.premium, currency, signed=False).text}", "muted"])
    return parts
