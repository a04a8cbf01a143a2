"""The pages, a file for each view. `add` gives each the connection that it lives on."""

from __future__ import annotations

from rollbook_web.connection import Connection
from rollbook_web.pages import closed, compare, frame, lab, lab_look, positions, run, sweeps, system


def add(connection: Connection) -> None:
    """Adds all views to the app."""
    frame.add_look()
    lab_look.add_look()
    for view in (positions, closed, lab, compare, sweeps, run, system):  # /lab/{backtest_id} would take /lab/sweeps
        view.add(connection)
