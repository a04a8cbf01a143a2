"""The view Lab."""

from __future__ import annotations

from nicegui import ui

from rollbook_web.connection import Connection
from rollbook_web.pages.frame import frame


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/lab", title="Lab · Rollbook")
    async def lab() -> None:
        with frame("Lab", connection.lab_picture):
            ui.label(f"Server {connection.target}")
