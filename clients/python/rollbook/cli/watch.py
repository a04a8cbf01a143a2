"""`rollbook watch`: what is open, as it changes."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from rich.live import Live

from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.figures import second
from rollbook.cli.tables import plain_console
from rollbook.cli.watch_feed import Feed, Interruption, narrowing
from rollbook.cli.watch_lines import lines
from rollbook.cli.watch_screen import Screen
from rollbook.cli.watch_state import State

TICK = 1.0
"""Seconds after which the ages on the screen have grown, if nothing has come."""
BREATH = 0.1
"""Seconds between two drawings: what comes together is drawn together."""


def show_watch(session: Session, filters: dict[str, Any], entries: int, interval_ms: int) -> None:
    """Draws, or prints where there is no terminal to draw on, until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or it would leave the terminal as it draws on it
    with session.client() as client, Feed(client, filters, entries, interval_ms) as feed, suppress(KeyboardInterrupt):
        state = State(entries)
        if session.json or not can_draw():
            _print(session, feed, state)
        else:
            _draw(_where(session, filters), feed, state)


def can_draw() -> bool:
    """Whether there is a terminal to draw on."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def _where(session: Session, filters: dict[str, Any]) -> str:
    """What is watched, for the screen's head."""
    account = f"account {session.account}" if session.account else "all accounts"
    only = narrowing(filters)
    return " · ".join([session.server, account, *([f"only {', '.join(only)}"] if only else [])])


def _draw(where: str, feed: Feed, state: State) -> None:
    """On the terminal's other screen: the one that was there comes back in the end."""
    console = plain_console()
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while True:
            live.update(Screen(where, state, datetime.now(UTC), console.height), refresh=True)
            for event in feed.take(TICK):
                state.apply(event, datetime.now(UTC))
            time.sleep(BREATH)


def _print(session: Session, feed: Feed, state: State) -> None:
    """Line by line; what is said about the connection goes to stderr."""
    while True:
        for event in feed.take(TICK):
            lost, now = state.lost_since, datetime.now(UTC)
            state.apply(event, now)
            if session.json and not isinstance(event, Interruption):
                print_json(event, indent=None)
            elif not session.json:
                for line in lines(event, state, now):
                    print(line)
            if bool(lost) is not bool(state.lost_since):
                told = "connected again" if lost else f"{session.server}: connection lost, trying again"
                print(f"rollbook: {second(now)} {told}", file=sys.stderr)
        sys.stdout.flush()
