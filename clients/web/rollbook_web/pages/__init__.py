"""The pages, a file for each view. `add` gives each the connection that it lives on."""

from __future__ import annotations

from rollbook_web.connection import Connection
from rollbook_web.pages import chain, closed, lab, positions, system
from rollbook_web.pages.frame import add_look


def add(connection: Connection) -> None:
    """Adds all views to the app."""
    add_look()
    for view in (positions, chain, closed, lab, system):
        view.add(connection)
