"""What views are made of: texts, figures, chips, and what stands where nothing is yet."""

from __future__ import annotations

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from rollbook.models import Mode
from rollbook_web.numbers import Figure


class Words(TextElement):
    """An HTML element that holds text only."""

    def __init__(self, tag: str, text: str, title: str = "") -> None:
        super().__init__(tag=tag, text=text)
        if title:
            self._props["title"] = title

    def say(self, text: str, title: str = "") -> None:
        """Says something else; what is as it was is not sent again."""
        if text != self.text:
            self.set_text(text)
        if title != self._props.get("title", ""):
            self._props["title"] = title


class Number(Words):
    """A figure that may change, its exact value in the title."""

    def __init__(self, figure: Figure, tag: str = "span") -> None:
        super().__init__(tag, figure.text, figure.title)
        self.classes("num")
        self._tone = figure.tone
        if figure.tone:
            self.classes(figure.tone)

    def show(self, figure: Figure) -> None:
        """Shows another one."""
        self.say(figure.text, figure.title)
        if figure.tone != self._tone:
            self.classes(add=figure.tone, remove=self._tone)
            self._tone = figure.tone


def words(tag: str, text: str, *classes: str, title: str = "") -> Words:
    """An element with text."""
    element = Words(tag, text, title)
    element.classes(" ".join(classes))
    return element


def box(*classes: str, tag: str = "div") -> ui.element:
    """A box that lays out what is made inside."""
    return ui.element(tag).classes(" ".join(classes))


def panel(title: str = "") -> ui.element:
    """A framed part of a view; with a title it is a landmark that has it."""
    section = box("panel", "stack", tag="section")
    if title:
        with section:
            heading = words("h2", title)
        section.props(f'aria-labelledby="{heading.html_id}"')
    return section


def mode_chip(mode: Mode) -> Words:
    """LIVE or DRY_RUN, by colour and by word."""
    return words("span", *mode_look(mode))


def mode_look(mode: Mode) -> tuple[str, str]:
    """Word and classes of a mode's chip."""
    return {Mode.LIVE: ("LIVE", "chip live"), Mode.DRY_RUN: ("DRY RUN", "chip dry")}.get(mode, (str(mode), "chip"))


def empty(title: str, text: str, command: str = "", link: tuple[str, str] | None = None) -> ui.element:
    """What stands where nothing is yet: what that means, and what to do next.

    Args:
        title: What is not here.
        text: A sentence.
        command: To be typed.
        link: Words and address of another place to look at.
    """
    with box("empty") as whole:
        words("h2", title)
        words("p", text)
        if command:
            words("code", command)
        if link is not None:
            ui.link(*link)
    return whole
