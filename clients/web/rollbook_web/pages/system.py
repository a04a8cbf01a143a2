"""The view System."""

from __future__ import annotations

from nicegui import ui

from rollbook_web.connection import Connection
from rollbook_web.pages.frame import frame


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/system", title="System · Rollbook")
    async def system() -> None:
        with frame("System", connection.ledger_picture):
            ui.label(f"Server {connection.target}")
