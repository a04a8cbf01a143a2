"""The view Positions."""

from __future__ import annotations

from nicegui import ui

from rollbook_web.connection import Connection
from rollbook_web.pages.frame import frame


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/", title="Positions · Rollbook")
    async def positions() -> None:
        with frame("Positions"):
            ui.label(f"Server {connection.target}")
