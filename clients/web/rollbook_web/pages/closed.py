"""The view Closed."""

from __future__ import annotations

from nicegui import ui

from rollbook_web.connection import Connection
from rollbook_web.pages.frame import frame


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/closed", title="Closed · Rollbook")
    async def closed() -> None:
        with frame("Closed"):
            ui.label(f"Server {connection.target}")
