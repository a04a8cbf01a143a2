"""Figures and small tables as markup. All text is escaped here: names and messages are other people's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from rollbook import Mode, RefusedExecution
from rollbook_web.numbers import Figure
from rollbook_web.pages.parts import mode_look
from rollbook_web.pages.tables import Fact, Table, Tile


def figure(value: Figure, tag: str = "span", classes: str = "num") -> str:
    """A figure with its tooltip; money won or lost has its colour, beside its sign."""
    kind = f" {value.tone}" if value.tone else ""
    title = f' title="{escape(value.title)}"' if value.title and value.title != value.text else ""
    return f'<{tag} class="{classes}{kind}"{title}>{escape(value.text)}</{tag}>'


def table(told: Table, heads: Sequence[str] = ()) -> str:
    """A small table with a head for each row. `heads` are markup, of the columns after the first."""
    rows = (
        f'<tr><th scope="row">{escape(name)}</th>{"".join(figure(cell, "td", "r") for cell in cells)}</tr>'
        for name, cells in told.rows
    )
    above = [escape(told.heads[0]), *(heads or map(escape, told.heads[1:]))]
    width = 150 + 120 * len(above) if heads else 0  # names of runs need room; then the table scrolls within itself
    return _table(told.caption, above, rows, told.note, classes="figures", width=width)


def listing(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[Figure]],
    *,
    left: int = 1,
    none: str = "",
    links: Sequence[str] = (),
    first: str = "",
    picked: int = -1,
) -> str:
    """A list of things, one a row; the first `left` columns are words, the rest figures.

    Args:
        caption: What is listed.
        heads: Of the columns.
        rows: Their cells.
        left: So many columns are words.
        none: What is said instead of an empty list.
        links: For each row markup of one more cell, which stands first.
        first: Its head.
        picked: The row that is told apart.
    """
    if not rows:
        return f'<h2>{escape(caption)}</h2><p class="muted">{escape(none)}</p>'
    body = (
        f"<tr{' class=picked' if place == picked else ''}>"
        + (f"<td>{links[place]}</td>" if links else "")
        + "".join(figure(cell, "td", _look(cell) if column < left else "num r") for column, cell in enumerate(cells))
        + "</tr>"
        for place, cells in enumerate(rows)
    )
    above = [*([escape(first)] if links else []), *map(escape, heads)]
    return _table(caption, above, body, "", left + bool(links), "short")


def refusal_chips(refusal: RefusedExecution) -> str:
    """Its mode, and whether it is still open."""
    word, look = mode_look(refusal.mode)
    state = ("chip", f"by revision {refusal.resolved_revision}", "resolved")
    if not refusal.resolved_revision:
        state = ("chip warn", "nobody has corrected it", "open")
    return (
        f'<span class="{look}">{escape(word if refusal.mode is not Mode.UNSPECIFIED else "unreadable")}</span> '
        f'<span class="{state[0]}" title="{state[1]}">{state[2]}</span>'
    )


def said(text: str) -> str:
    """A sentence instead of figures."""
    return f'<p class="complaint" role="alert">{escape(text)}</p>'


def tile(told: Tile) -> str:
    """A figure that stands on top."""
    more = f'<span class="muted small" title="{escape(told.more_title)}">{escape(told.more)}</span>'
    return f"<div><dt>{escape(told.name)}</dt><dd>{figure(told.figure, classes='num big')}{more}</dd></div>"


def link(path: str, text: str, title: str = "") -> str:
    """A link to another view."""
    return f'<a href="{escape(path)}" title="{escape(title)}">{escape(text)}</a>'


def facts(told: Iterable[Fact]) -> str:
    """Names and figures, and under one what to do about it."""
    return (
        '<dl class="facts">'
        + "".join(
            f"<dt>{escape(each.name)}</dt><dd>{figure(each.figure)}"
            + (f'<div class="muted small">{escape(each.advice)}</div>' if each.advice else "")
            + "</dd>"
            for each in told
        )
        + "</dl>"
    )


def _table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[str],
    note: str,
    left: int = 1,
    classes: str = "",
    width: int = 0,
) -> str:
    wide = f' style="min-width: {width}px"' if width else ""
    head = "".join(
        f'<th scope="col" class="{"" if place < left else "r"}">{text}</th>' for place, text in enumerate(heads)
    )
    return (
        f'<h2>{escape(caption)}</h2><div class="scroll {classes}" tabindex="0" role="region" '
        f'aria-label="{escape(caption)}"><table class="plain-table {classes}"{wide}>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        + (f'<p class="muted small">{escape(note)}</p>' if note else "")
    )


def _look(cell: Figure) -> str:
    """A sentence may be folded, a name or a time not."""
    return "sentence" if len(cell.text) > 40 else "num"
