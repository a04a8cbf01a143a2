"""Steering runs and sweeps: what cannot be undone is asked for first, and a refusal is said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from rollbook import AsyncLab, LedgerError
from rollbook_web.pages.parts import box, words
from rollbook_web.pages.press import Press

Call = Callable[[str], Awaitable[object]]

QUESTIONS = {
    "Cancel": ("end", "This cannot be undone; what there is until now is kept."),
    "Delete": ("delete", "All results are deleted with it. This cannot be undone."),
}
"""What cannot be undone."""


def of_runs(lab: AsyncLab) -> dict[str, Call]:
    """What can be done with a run."""
    return {
        "Pause": lab.pause_backtest,
        "Resume": lab.resume_backtest,
        "Cancel": lab.cancel_backtest,
        "Delete": lab.delete_backtest,
    }


def of_sweeps(lab: AsyncLab) -> dict[str, Call]:
    """What can be done with a sweep."""
    return {
        "Pause": lab.pause_sweep,
        "Resume": lab.resume_sweep,
        "Cancel": lab.cancel_sweep,
        "Delete": lab.delete_sweep,
    }


async def steer(calls: dict[str, Call], action: str, ids: Sequence[str], names: str) -> bool:
    """Does it, after a question where it cannot be undone; says what was refused. True if all of it was done.

    Args:
        calls: Of runs or of sweeps.
        action: One of them.
        ids: Of which.
        names: What they are called, for the question: `the run "calls"`, `3 runs`.
    """
    if action in QUESTIONS and not await _sure(action, names):
        return False
    done = True
    for each in ids:
        try:
            await calls[action](each)
        except LedgerError as error:
            done = False
            ui.notify(f"{action}: {error.message}", type="negative", close_button="Close", timeout=0)
    return done


async def _sure(action: str, names: str) -> bool:
    verb, why = QUESTIONS[action]
    with ui.dialog() as dialog, ui.card().props('role="alertdialog"').classes("panel ask"):
        words("h2", f"{verb.capitalize()} {names}?")
        words("p", why, "muted")
        with box("bar"):
            Press(verb.capitalize(), lambda: dialog.submit(True), "primary")
            Press("Keep", lambda: dialog.submit(False)).props("autofocus")
    answer = await dialog
    dialog.delete()
    return bool(answer)
