"""The pages, a file for each view. `add` gives each the connection that it lives on."""

from __future__ import annotations

from rollbook_web.connection import Connection
from rollbook_web.pages import chain, closed, compare, frame, lab, lab_look, positions, run, sweeps, system


def add(connection: Connection) -> None:
    """Adds all views to the app."""
    frame.add_look()
    lab_look.add_look()
    # In this order: the address of a run, /lab/{backtest_id}, would take those of comparison and sweeps.
    for view in (positions, chain, closed, lab, compare, sweeps, run, system):
        view.add(connection)
