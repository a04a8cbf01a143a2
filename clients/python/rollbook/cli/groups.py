"""Chains that may be added: of one mode and one settlement currency. LIVE comes first, and never mixes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rollbook.cli.figures import words
from rollbook.models import Mode, PositionChain

Item = TypeVar("Item")


def by_money(items: Iterable[tuple[PositionChain, Item]]) -> list[tuple[str, str, list[Item]]]:
    """(title, currency, items) of each mode and currency."""
    groups: dict[tuple[Mode, str], list[Item]] = {}
    for chain, item in items:
        groups.setdefault((chain.mode, chain.settlement_currency), []).append(item)
    ordered = sorted(groups.items(), key=lambda group: (group[0][0] is not Mode.LIVE, group[0]))
    return [(f"{mode_title(mode)} · {currency}", currency, members) for (mode, currency), members in ordered]


def mode_title(mode: Mode) -> str:
    """How a mode is shown above a table: nobody should take simulated money for real."""
    return "DRY RUN (simulated)" if mode is Mode.DRY_RUN else mode.value


def several_accounts(chains: Iterable[PositionChain]) -> bool:
    """Whether a table has to say whose a chain is."""
    return len({chain.account for chain in chains}) > 1


def strategy(chain: PositionChain) -> str:
    """What kind of chain it is."""
    return words(chain.strategy) + (f" ({chain.strategy_name})" if chain.strategy_name else "")
