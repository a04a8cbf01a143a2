"""What all views have around them: the title, the ways to the other views, dark and light."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

VIEWS = {"Positions": "/", "Closed": "/closed", "Lab": "/lab", "System": "/system"}


@contextmanager
def frame(view: str) -> Iterator[None]:
    """The shell of a view; what is made inside stands in its body."""
    dark = ui.dark_mode(None)  # as the browser has it, until somebody chooses
    with ui.header().classes("items-center"):
        ui.label("Rollbook").classes("text-lg font-bold")
        with ui.element("nav").props('aria-label="Views"').classes("row gap-4"):
            for name, path in VIEWS.items():
                link = ui.link(name, path).classes("text-white")
                if name == view:
                    link.props('aria-current="page"').classes("font-bold")
        ui.space()
        ui.button(icon="contrast", on_click=lambda: dark.set_value(not dark.value)).props(
            'flat round color=white aria-label="Dark or light"'
        )
    with ui.element("main").classes("w-full"):
        ui.label(view).props('role="heading" aria-level="1"').classes("text-xl")
        yield
