"""Tables of columns, and the page that they are printed on."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

PAGE = 100
"""Columns that sentences are wrapped at, at most."""
GAPS = ((2, 0.5), (1, 0.0))
"""Columns between columns, and how much of the width of its words a column keeps when they are folded: first air, then
room for words."""
BESIDE = 4
"""Columns between two tables that stand beside each other."""
LEFT_OUT = "Left out, the terminal is too narrow"
LINES = box.Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
"""A line below the head, and one above the sum."""


@dataclass(frozen=True)
class Column:
    """One column: its cells from above, with that of the sum at the end if the table has one."""

    head: str
    cells: Sequence[str | Text]
    figure: bool = False
    """Stands right, and is never broken."""
    folds: bool = False
    """Words that may go over several lines."""
    least: int = 0
    """Folded words keep this width, if they are as wide."""
    spare: int = 0
    """Left out where the page is too narrow, the highest first; 0 never."""
    hidden: bool = False
    """Says nothing here: all rows would be alike."""

    @property
    def widest(self) -> int:
        """So that nothing has to be folded."""
        return max(cell_len(line) for cell in (self.head, *self.cells) for line in str(cell).split("\n"))

    @property
    def narrowest(self) -> int:
        """So that no word has to be broken."""
        if not self.folds:
            return self.widest
        words = max((cell_len(word) for cell in (self.head, *self.cells) for word in str(cell).split()), default=0)
        return max(words, min(self.least, self.widest))


def fit(columns: Sequence[Column], width: int) -> tuple[list[Column], list[int], int]:
    """The columns that fit on a page, how wide each is, and the gap between them.

    Texts are folded first, then the gaps shrink, then columns are left out. What is not spare stays, whole, even if a
    line of the terminal is too short for it: a number that is cut off is another number.
    """
    kept = list(columns)
    while True:
        for gap, share in GAPS:
            widths = _widths(kept, width - gap * (len(kept) - 1), share)
            if widths is not None:
                return kept, widths, gap
        most = max(kept, key=lambda column: column.spare)
        if not most.spare:
            return kept, [column.narrowest for column in kept], 1
        kept.remove(most)


def fits(columns: Sequence[Column], width: int) -> bool:
    """Whether all columns fit on a page."""
    return any(_widths(columns, width - gap * (len(columns) - 1), share) is not None for gap, share in GAPS)


def _widths(columns: Sequence[Column], room: int, share: float) -> list[int] | None:
    """Takes what is too much from the widest words; None if that is not enough."""
    widths = [column.widest for column in columns]
    least = [max(column.narrowest, int(column.widest * share)) for column in columns]
    while sum(widths) > room:
        foldable = [number for number, width in enumerate(widths) if width > least[number]]
        if not foldable:
            return None
        widths[max(foldable, key=lambda number: widths[number])] -= 1
    return widths


def printable(text: str | Text) -> Text:
    """Nothing that a terminal would obey: texts come from bots, and reach whoever looks."""
    plain = "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in str(text))
    return Text(plain, style=text.style if isinstance(text, Text) else "")


def laid_out(columns: Iterable[Column], width: int, *, sums: bool = False) -> tuple[Table, int, list[str]]:
    """The table that fits on a page, how wide it is, and the heads of the columns that are left out of it."""
    shown = [column for column in columns if not column.hidden]
    kept, widths, gap = fit(shown, width)
    headed = any(column.head for column in kept)
    table = Table(
        box=LINES if headed else None,
        show_header=headed,
        show_edge=False,
        pad_edge=False,
        padding=(0, gap - headed, 0, 0),  # a box has one column of its own between two
        header_style="dim",
    )
    for column, room in zip(kept, widths, strict=True):
        table.add_column(
            column.head,
            justify="right" if column.figure else "left",
            width=room,
            no_wrap=not column.folds,
            overflow="fold",
        )
    rows = [map(printable, row) for row in zip(*(column.cells for column in kept), strict=True)]
    below = rows.pop() if sums else None
    for row in rows:
        table.add_row(*row)
    if below is not None and len(rows) > 1:
        table.add_section()
        table.add_row(*below)
    left_out = [column.head for column in shown if column not in kept]
    return table, sum(widths) + gap * (len(kept) - 1), left_out


def beside(left: Sequence[Column], right: Sequence[Column], width: int) -> tuple[RenderableType, int]:
    """Two tables beside each other, or below each other where the page is too narrow, and how wide they are."""
    first, first_width, _ = laid_out(left, width)
    second, second_width, _ = laid_out(right, width)
    if first_width + BESIDE + second_width > width:
        return Group(first, Text(), second), max(first_width, second_width)
    both = Table.grid(padding=(0, BESIDE, 0, 0))
    both.add_row(first, second)
    return both, first_width + BESIDE + second_width


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the process here, with an exit code that means something else to us."""
        raise BrokenPipeError


def plain_console() -> Console:
    """Markup and emoji codes off: what a bot gave as a reason is text, whatever it looks like."""
    return _Console(highlight=False, markup=False, emoji=False)


def has_colours(console: Console) -> bool:
    """Whether whoever looks sees them."""
    return console.is_terminal and console.color_system is not None and not console.no_color


class Page:
    """What a command prints. In a pipe it is as wide as its widest table, so that nothing is ever cut off."""

    def __init__(self) -> None:
        self._console = plain_console()
        if not self._console.is_terminal and "COLUMNS" not in os.environ:
            self._console.width = 1000
        self._begun = False

    @property
    def width(self) -> int:
        """Columns of the terminal, or as many as one likes in a pipe."""
        return self._console.width

    @property
    def coloured(self) -> bool:
        """Whether colours are seen."""
        return has_colours(self._console)

    def table(self, columns: Iterable[Column], *, title: str = "", sums: bool = False) -> None:
        """Prints a table; without any head it has no head row.

        With `sums` the last cell of each column is a sum, below a line, and left out where there is but one row.
        """
        table, width, left_out = laid_out(columns, self._console.width, sums=sums)
        self._gap()
        if title:
            self.lines(Text(title, style="bold"))
        self._print(table, width)
        if left_out:
            self.notes([f"{LEFT_OUT}: {', '.join(left_out)}."])

    def tables(self, left: Sequence[Column], right: Sequence[Column]) -> None:
        """Prints two tables, beside each other if there is room."""
        self._gap()
        self._print(*beside(left, right, min(self._console.width, PAGE)))

    def _print(self, table: RenderableType, width: int) -> None:
        usual = self._console.width
        self._console.width = max(usual, width)
        if self._console.is_terminal:
            self._console.print(table)
        else:  # whoever reads a pipe has no use for the spaces at the ends of the lines
            with self._console.capture() as captured:
                self._console.print(table)
            for line in captured.get().splitlines():
                self._console.print(line.rstrip(), soft_wrap=True)
        self._console.width = usual

    def line(self, text: str | Text) -> None:
        """Prints a paragraph of its own."""
        self._gap()
        self.lines(text)

    def notes(self, lines: Iterable[str]) -> None:
        """Prints remarks right under what they are about."""
        for line in lines:
            self.lines(Text(line, style="dim"))

    def lines(self, text: str | Text) -> None:
        """Prints a text, wrapped between words, each line as far in as the first."""
        style = text.style if isinstance(text, Text) else ""
        indent = " " * (len(str(text)) - len(str(text).lstrip()))
        for line in textwrap.wrap(
            str(text).strip(),
            min(self._console.width, PAGE),
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            self._console.print(printable(Text(line, style=style)), soft_wrap=True)

    def _gap(self) -> None:
        if self._begun:
            self._console.print()
        self._begun = True
