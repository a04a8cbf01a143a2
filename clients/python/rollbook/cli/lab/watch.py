"""`rollbook backtest watch ID`, and `run --watch`: runs as they go on, until their end."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.live import Live

from rollbook import Lab
from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.failures import INTERRUPTED, REFUSED, Stop
from rollbook.cli.figures import second
from rollbook.cli.lab.head import status_of
from rollbook.cli.lab.lookup import cut, find_run
from rollbook.cli.lab.show import head, results
from rollbook.cli.lab.watch_lines import Lines
from rollbook.cli.lab.watch_screen import Screen
from rollbook.cli.lab.watch_state import Feed, Said, State
from rollbook.cli.tables import Page, plain_console
from rollbook.cli.watch import BREATH, TICK, can_draw
from rollbook.models import Backtest, BacktestState

SCREEN_MS, LINES_MS = 250, 1_000
"""Milliseconds between two states of a run at least."""


def watch_one(session: Session, said: str) -> None:
    """Watches the run that is meant."""
    with session.lab() as lab:
        watch_runs(session, lab, [find_run(lab, said)])


def watch_runs(session: Session, lab: Lab, ids: Sequence[str]) -> None:
    """Draws, or prints where there is no terminal to draw on, until the runs have ended; then what came of them.

    Raises Stop at Ctrl-C, and where a run did not succeed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or it would leave the terminal as it draws on it
    draws = can_draw() and not session.json
    state = State(ids)
    try:
        with Feed(lab, ids, SCREEN_MS if draws else LINES_MS) as feed:
            if draws:
                _draw(session.server, feed, state)
            else:
                _print(session, feed, state)
    except KeyboardInterrupt:
        raise Stop(_way_back(state, ids), INTERRUPTED) from None
    if not session.json:
        page = Page()
        for run in state.runs:
            head(page, run)
        results(page, state.runs)
    for run in state.runs:
        _check(run)


def _check(run: Backtest) -> None:
    """Raises Stop for a run that did not succeed."""
    state, name = status_of(run).state, f"run {cut(run.backtest_id)}"
    if run.delete_time:
        raise Stop(f"{name} was deleted", REFUSED)
    if state is BacktestState.FAILED:
        raise Stop(f"{name} failed: {status_of(run).error}", REFUSED)
    if state is BacktestState.CANCELLED:
        raise Stop(f"{name} was cancelled — what it had until then is kept", REFUSED)


def _way_back(state: State, ids: Sequence[str]) -> str:
    if state.is_over:
        return "interrupted"
    first, goes = cut(ids[0]), "it goes on" if len(ids) == 1 else "they go on"
    return (
        f"{goes} without you — `rollbook backtest watch {first}` comes back, `rollbook backtest cancel {first}` ends it"
    )


def _draw(where: str, feed: Feed, state: State) -> None:
    """On the terminal's other screen: the one that was there comes back in the end."""
    console = plain_console()
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while not state.is_over:
            live.update(Screen(where, state, datetime.now(UTC), console.height), refresh=True)
            for event in feed.take(TICK):
                state.apply(event, datetime.now(UTC))
            time.sleep(BREATH)


def _print(session: Session, feed: Feed, state: State) -> None:
    """Line by line; what is said about the connection goes to stderr."""
    lines = Lines()
    while not state.is_over:
        for event in feed.take(TICK):
            lost, now = state.lost_since, datetime.now(UTC)
            state.apply(event, now)
            if session.json and isinstance(event, Said):
                print_json(event.message, indent=None)
            elif not session.json:
                for line in lines.of(event, now):
                    print(line)
            if bool(lost) is not bool(state.lost_since):
                told = "connected again" if lost else f"{session.server}: connection lost, trying again"
                print(f"rollbook: {second(now)} {told}", file=sys.stderr)
        sys.stdout.flush()
