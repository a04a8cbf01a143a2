"""The view System: the server, how far the page is behind it, what it refused, and its last check."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from nicegui import ui

from rollbook import LedgerError
from rollbook_web.connection import Connection
from rollbook_web.live import Picture
from rollbook_web.numbers import DASH, age, clock, things
from rollbook_web.pages import lab_markup, system_figures
from rollbook_web.pages.following import follow, while_open
from rollbook_web.pages.frame import frame
from rollbook_web.pages.parts import Words, box, empty, panel, words

AGAIN = 5.0
"""Seconds until the next look: neither the server's status nor its refusals are in any stream."""
MOST_REFUSALS = 200


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/system", title="System · Rollbook")
    async def system() -> None:
        with frame("System", connection.ledger_picture, connection.lab_picture):
            System(connection)


class System:
    """What stands on the page. While it is open it looks at the server every few seconds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._failed = words("p", "", "complaint").props("role=alert")
        with box("cards"):
            with panel("Server"):
                self._server = ui.html("", sanitize=False)
            with panel("Ledger"):
                self._ledger = ui.html("", sanitize=False)
            with panel("Lab"):
                self._lab = ui.html("", sanitize=False)
            with panel("This page"), box("facts", tag="dl"):
                for picture in (connection.ledger_picture, connection.lab_picture):
                    words("dt", f"{picture.name} said something")
                    Heard(picture, words("dd", ""))
        with panel("Refused commands"):
            words(
                "p",
                "What the ledger did not record: nothing of it is in any total. A corrected command, or one with all "
                "its trades, resolves it.",
                "muted",
                "small",
            )
            self._counts = ui.html("", sanitize=False)
            self._refusals = ui.html("", sanitize=False)
            self._none = empty("Nothing was refused", "Every command that came was recorded, or was no command.")
            self._none.set_visibility(False)
        while_open(self._looking)

    async def _looking(self) -> None:
        while True:
            version = self._connection.ledger_picture.version
            await self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN):
                    await self._revised(version)

    async def _revised(self, version: int) -> None:
        """Waits until the ledger has changed, at least a second."""
        picture = self._connection.ledger_picture
        await asyncio.sleep(1.0)
        while picture.revised <= version:
            version = await picture.after(max(version, picture.version))

    async def _look(self) -> None:
        connection, now = self._connection, datetime.now(UTC)
        try:
            status = await connection.ledger.get_server_status()
            page = await connection.ledger.list_refused_executions(
                account="", include_resolved=True, page_size=MOST_REFUSALS
            )
        except LedgerError as error:
            self._failed.say(f"The server does not say how it is: {error.message}")
            return
        self._failed.say("")
        self._server.set_content(lab_markup.facts(system_figures.server(status, connection.target, now)))
        cursor = connection.ledger_picture.mirror.cursor
        self._ledger.set_content(lab_markup.facts(system_figures.ledger(status, cursor, now)))
        self._lab.set_content(lab_markup.facts(system_figures.lab(status)))
        refusals = page.refusals
        self._none.set_visibility(not refusals)
        if not refusals:
            self._counts.set_content("")
            self._refusals.set_content("")
            return
        self._counts.set_content(lab_markup.table(system_figures.counted(refusals)))
        more = " (the newest)" if page.next_page_token else ""
        self._refusals.set_content(
            lab_markup.listing(
                f"{things(len(refusals), 'refusal')}{more}",
                system_figures.REFUSAL_HEADS,
                [system_figures.refusal_cells(each) for each in refusals],
                left=5,
                links=[lab_markup.refusal_chips(each) for each in refusals],
                first="State",
            )
        )


class Heard:
    """When a picture last heard of the server; the browser counts on."""

    def __init__(self, picture: Picture, element: Words) -> None:
        self._picture, self._element = picture, element
        follow(picture, self._show)
        ui.timer(2.0, self._show)

    def _show(self) -> None:
        at = self._picture.heard
        if at is None:
            why = self._picture.failure
            self._element.say(DASH, "nothing was heard since the page's start" + (f": {why.message}" if why else ""))
            return
        self._element.say(f"{age(datetime.now(UTC) - at)} ago", clock(at))
