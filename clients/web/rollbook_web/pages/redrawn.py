"""A part of a view that is drawn again when what it shows has changed, and only then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from nicegui.element import Element

Shown = TypeVar("Shown")


class Redrawn(Generic[Shown]):
    """Draws a value into a container."""

    def __init__(self, container: Element, draw: Callable[[Shown], Any]) -> None:
        self._container = container
        self._draw = draw
        self._shown: Shown | None = None

    def show(self, value: Shown) -> None:
        """Draws it, unless it stands there already."""
        if value == self._shown:
            return
        self._shown = value
        self._container.clear()
        with self._container:
            self._draw(value)
