"""What is pressed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollbook_web.pages.parts import Words


class Press(Words):
    """A button."""

    def __init__(self, text: str, pressed: Callable[[], Any], *classes: str, title: str = "") -> None:
        super().__init__("button", text, title)
        self.classes(" ".join(("plain", *classes))).props("type=button")
        self.on("click", lambda: pressed())

    def allow(self, allowed: bool) -> None:
        """Whether it can be pressed."""
        if allowed == ("disabled" in self._props):
            if allowed:
                del self._props["disabled"]
            else:
                self._props["disabled"] = True
