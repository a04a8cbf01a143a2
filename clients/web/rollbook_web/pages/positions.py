"""The view Positions: what is open and what it is worth, as it changes."""

from __future__ import annotations

from fastapi import Request
from nicegui import ui

from rollbook.models import Mode
from rollbook_web import numbers
from rollbook_web.callouts import Callout
from rollbook_web.connection import Connection
from rollbook_web.expiries import Expiry
from rollbook_web.open_rows import chain_url
from rollbook_web.pages.following import follow
from rollbook_web.pages.frame import frame
from rollbook_web.pages.open_table import OpenTable
from rollbook_web.pages.parts import box, empty, mode_chip, panel, words
from rollbook_web.pages.redrawn import Redrawn
from rollbook_web.pages.totals_tables import TotalsTables
from rollbook_web.pages.value_chart import ValueOverTime

FIRST_STEPS = "rollbook record --example > fill.json\nrollbook record fill.json --account main --server {target}"
"""Of the command-line client, to be typed."""


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/", title="Positions · Rollbook")
    async def positions(request: Request) -> None:
        query = dict(request.query_params)
        board = connection.board
        with frame("Positions", connection.ledger_picture):
            waiting = words("p", f"Waiting for the ledger at {connection.target} …", "muted").props("role=status")
            nothing = empty(
                "No chain yet",
                "As soon as a bot records what it sold, it appears here by itself. To try it:",
                FIRST_STEPS.format(target=connection.target),
                ("Look at closed chains", "/closed"),
            )
            with box("stack").style("gap: 16px") as everything:
                called = Redrawn(box("callouts", tag="ul").props('aria-label="Deserves a look"'), _draw_callouts)
                sums = TotalsTables()
                with panel():
                    table = OpenTable(board, query)
                with box("halves"):
                    with panel("Value over time"):
                        history = ValueOverTime(connection, query.get("value", ""))
                    with panel("Expiries"):
                        expiries = Redrawn(box("scroll"), _draw_calendar)

            async def refresh() -> None:
                picture = connection.ledger_picture
                portfolios = await connection.portfolio.newest() if picture.complete else None
                known = picture.complete or bool(picture.mirror.chains)
                some = bool(board.held()) or bool(portfolios and portfolios.whole.rows)
                waiting.set_visibility(not known)
                nothing.set_visibility(known and not some)
                everything.set_visibility(some)
                if some:
                    called.show(board.callouts(portfolios))
                    sums.show(board.totals(portfolios))
                    table.refresh()
                    expiries.show(board.calendar())
                    await history.refresh(portfolios)

            for part in (nothing, everything):
                part.set_visibility(False)
            follow(connection.ledger_picture, refresh)


def _draw_callouts(some: list[Callout]) -> None:
    for callout in some:
        with box(tag="li"):
            words("b", callout.title)
            words("span", callout.text)
            for name, address in callout.links[:5]:
                ui.link(name, address)
            if len(callout.links) > 5:
                words("span", f"and {len(callout.links) - 5:,} more: filter the table by state")


def _draw_calendar(some: list[Expiry]) -> None:
    if not some:
        words("p", "Nothing is open, so nothing expires.", "muted")
        return
    with box("plain-table", tag="table"):
        with box(tag="thead"), box(tag="tr"):
            for title in ("Expiry (UTC)", "Contracts", "Open premium"):
                words("th", title, *(("r",) if title == "Open premium" else ())).props("scope=col")
        with box(tag="tbody"):
            for expiry in some:
                with box(tag="tr"):
                    with box(tag="td"):
                        when = numbers.moment(expiry.time)
                        words("div", when.text, "num", title=when.title)
                        if expiry.awaiting:
                            words("span", "AWAITING DELIVERY", "chip", "warn")
                    with box("nowrap", tag="td"):
                        for each in expiry.contracts[:8]:
                            with box():
                                ui.link(each.contract, chain_url(each.account, each.position_id))
                                if each.mode is not Mode.LIVE:
                                    mode_chip(each.mode).style("margin-left: 6px")
                        if len(expiry.contracts) > 8:
                            words("div", f"and {len(expiry.contracts) - 8:,} more", "muted")
                    with box("r", tag="td"):
                        for mode, figure in expiry.premium:
                            words(
                                "div",
                                figure.text + ("" if mode is Mode.LIVE else " (dry run)"),
                                "num",
                                title=figure.title,
                            )
