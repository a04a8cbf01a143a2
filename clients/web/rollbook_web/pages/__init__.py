"""The pages, a file for each view. `add` gives each the connection that it lives on."""

from __future__ import annotations

from rollbook_web.connection import Connection
from rollbook_web.pages import closed, lab, positions, system


def add(connection: Connection) -> None:
    """Adds all views to the app."""
    for view in (positions, closed, lab, system):
        view.add(connection)
