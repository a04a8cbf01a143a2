"""What tables, tiles and lists of facts hold, before they become markup."""

from __future__ import annotations

from dataclasses import dataclass

from rollbook_web.numbers import Figure

Row = tuple[str, tuple[Figure, ...]]


@dataclass(frozen=True)
class Table:
    """A small table: its caption, its heads, and its rows."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True)
class Tile:
    """A figure that stands on top, and what stands under it."""

    name: str
    figure: Figure
    more: str = ""
    more_title: str = ""


@dataclass(frozen=True)
class Fact:
    """A line: a name, its figure, and what to do about it where something is to be done."""

    name: str
    figure: Figure
    advice: str = ""
