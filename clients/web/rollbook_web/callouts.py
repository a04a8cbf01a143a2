"""What is called out above everything else, with ways to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rollbook.models import ChainState
from rollbook_web.numbers import things
from rollbook_web.open_rows import Held, awaits_delivery, chain_url, open_legs
from rollbook_web.sums import Portfolios


@dataclass(frozen=True)
class Callout:
    """One thing that deserves a look.

    Attributes:
        title: In a few words.
        text: What it means.
        links: (words, address) of where it is.
    """

    title: str
    text: str
    links: tuple[tuple[str, str], ...] = ()


def callouts(helds: Iterable[Held], portfolios: Portfolios | None) -> list[Callout]:
    """All of them, the gravest first."""
    helds = list(helds)
    found: list[Callout] = []
    if portfolios and portfolios.whole.unresolved_refusals:
        number = portfolios.whole.unresolved_refusals
        found.append(
            Callout(
                f"{number:,} refused",
                f"{'a command' if number == 1 else 'commands'} with LIVE fills that the ledger did not take: "
                "money is missing from the totals",
                (("see refusals", "/system#refused"),),
            )
        )
    if portfolios and portfolios.whole.unmatched_fills:
        found.append(
            Callout(
                f"{things(portfolios.whole.unmatched_fills, 'fill')} unmatched",
                "of orders that nobody has reported: money is missing from the totals",
                (("see system", "/system"),),
            )
        )
    for title, text, some in (
        ("FLAT", "a roll is half done, nothing is open", [h for h in helds if h.chain.state is ChainState.FLAT]),
        ("awaiting delivery", "expired, delivery price not known", [h for h in helds if awaits_delivery(h.chain)]),
        ("uncovered", "short inverse puts: no bound to the loss in coins", _uncovered(helds)),
        ("wild mark", "a mark that cannot be right", [h for h in helds if h.value and h.value.wild_marks]),
        ("stale mark", "older than ten minutes", [h for h in helds if h.stale and not awaits_delivery(h.chain)]),
        ("no mark", "not in unrealized", [h for h in helds if _unmarked(h) and not awaits_delivery(h.chain)]),
    ):
        if some:
            links = tuple((h.chain.position_id, chain_url(h.chain.account, h.chain.position_id)) for h in some)
            found.append(Callout(f"{len(some):,} {title}", text, links))
    return found


def _uncovered(helds: list[Held]) -> list[Held]:
    return [held for held in helds if held.chain.collateral_insufficient and open_legs(held.chain)]


def _unmarked(held: Held) -> bool:
    return bool(open_legs(held.chain)) and (held.value is None or bool(held.value.missing_marks))
