"""HTML and SVG, made so that text cannot become markup: whatever is not Markup already is escaped."""

from html import escape

_VOID = frozenset({"meta", "br"})


class Markup(str):
    """A piece of HTML."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: object) -> Markup:
    """An element. Attributes that are None are left out; `class_` is class, and `data_from` is data-from."""
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{named}>")
    return Markup(f"<{tag}{named}>{joined(*children)}</{tag}>")


def joined(*children: str | None) -> Markup:
    """Pieces in a row; None is nothing."""
    return Markup("".join(each if isinstance(each, Markup) else escape(each) for each in children if each is not None))


def table(caption: str, head: list[str], rows: list[list[str]], *, class_: str | None = None, note: str = "") -> Markup:
    """A table whose first column names its rows. A cell that is Markup is its own <td>. It scrolls on a narrow page."""
    explained = joined(caption, element("span", note, class_="note") if note else None)
    return element(
        "div",
        element(
            "table",
            element("caption", explained),
            element("thead", element("tr", *(element("th", name, scope="col") for name in head))),
            element(
                "tbody",
                *(
                    element(
                        "tr",
                        element("th", row[0], scope="row"),
                        *(cell if isinstance(cell, Markup) else element("td", cell) for cell in row[1:]),
                    )
                    for row in rows
                ),
            ),
            class_=class_,
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )
