"""The view Closed: what is over and what it came to, with statistics. What is chosen stays in the address."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response
from nicegui import app, ui

from rollbook.errors import LedgerError
from rollbook_web import numbers
from rollbook_web.closed_chains import ClosedChain
from rollbook_web.closed_csv import as_csv
from rollbook_web.closed_statistics import UNKNOWN, WAYS, Choice, groups
from rollbook_web.connection import Connection
from rollbook_web.pages.closed_choice import ClosedChoice
from rollbook_web.pages.closed_table import ClosedTable
from rollbook_web.pages.closed_tables import draw_cumulative, draw_groups
from rollbook_web.pages.following import follow
from rollbook_web.pages.frame import frame
from rollbook_web.pages.parts import box, empty, panel, words
from rollbook_web.pages.redrawn import Redrawn


def add(connection: Connection) -> None:
    """Adds the view to the app, and the file behind its button."""

    @ui.page("/closed", title="Closed · Rollbook")
    async def closed(request: Request) -> None:
        with frame("Closed", connection.ledger_picture):
            view = ClosedView(connection, dict(request.query_params))
            follow(connection.ledger_picture, view.refresh)

    @app.get("/closed.csv")
    async def closed_csv(request: Request) -> Response:
        """The chains that the address chooses."""
        try:
            chains = await connection.closed.all()
        except LedgerError as error:
            return Response(f"The ledger does not answer: {error}\n", status_code=503, media_type="text/plain")
        choice = Choice.of(request.query_params)
        text = as_csv([chain for chain in chains if choice.takes(chain)], connection.closed.delta)
        name = f"closed-{choice.mode.value.lower()}.csv"
        return Response(
            text,
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


class ClosedView:
    """Everything below the choice is of the chains that it takes."""

    def __init__(self, connection: Connection, query: dict[str, str]) -> None:
        self._connection = connection
        self._shown: tuple[object, ...] = ()
        self._way = query.get("by", "") if query.get("by", "") in WAYS else "strategy"
        self._waiting = words("p", f"Waiting for the ledger at {connection.target} …", "muted").props("role=status")
        self._nothing = empty(
            "No chain has closed yet",
            "When the last leg of a chain is bought back, expires or is delivered, the chain moves here by itself.",
            link=("Open chains", "/"),
        )
        with box("stack").style("gap: 16px") as self._all:
            self._choice = ClosedChoice(query, self._changed)
            with panel("Statistics"):
                with box("tabs").props('role=group aria-label="Group by"'):
                    self._tabs = {way: self._tab(way, name) for way, name in WAYS.items()}
                self._note = words("p", "", "muted", "small")
                self._groups = Redrawn(box("scroll"), draw_groups)
            with panel("Cumulative net PnL"):
                self._curves = Redrawn(box("halves"), draw_cumulative)
            with panel():
                self._table = ClosedTable(query)
        for part in (self._nothing, self._all):
            part.set_visibility(False)

    def _tab(self, way: str, name: str) -> ui.element:
        tab = words("button", name, "plain").props(f"type=button aria-pressed={str(way == self._way).lower()}")
        tab.on("click", lambda: self._group(way), js_handler=f"() => {{ Rollbook.keep('by', '{way}'); emit() }}")
        return tab

    async def _group(self, way: str) -> None:
        self._way = way
        for name, tab in self._tabs.items():
            tab.props(f"aria-pressed={str(name == way).lower()}")
        await self.refresh()

    async def _changed(self) -> None:
        await self.refresh()

    async def refresh(self) -> None:
        """After a change of the picture or of the choice."""
        picture, closed = self._connection.ledger_picture, self._connection.closed
        if not picture.complete and not self._shown:
            return
        try:
            chains = await closed.all()
        except LedgerError:
            return  # the bar on top says that the server is away
        shown = (closed.version, picture.begun, self._choice.choice, self._way)
        if shown == self._shown:
            return
        self._shown = shown
        self._waiting.set_visibility(False)
        self._nothing.set_visibility(not chains)
        self._all.set_visibility(bool(chains))
        if chains:
            self._show(chains)

    def _show(self, chains: list[ClosedChain]) -> None:
        closed = self._connection.closed
        self._choice.offer(chains)
        taken = [chain for chain in chains if self._choice.choice.takes(chain)]
        found = groups(taken, self._way, closed.delta)
        self._note.say(_note(taken, self._way, sum(closed.delta(chain) is None for chain in taken)))
        self._groups.show((WAYS[self._way], found, taken))
        self._curves.show(taken)
        self._table.show(taken, closed.delta)


def _note(taken: list[ClosedChain], way: str, without_delta: int) -> str:
    """What the statistics leave open."""
    said = [f"{numbers.things(len(taken), 'chain')}; a win is a profit in the chain's own currency."]
    missing = sum(chain.net_usd is None for chain in taken)
    if missing:
        said.append(f"USD is not known of {missing:,}, for want of an index price: their sums in USD are unknown.")
    if way == "delta":
        said.append(
            "Delta at entry is an estimate: the bot's label “delta”, else the venue's greeks within 15 minutes of the "
            f"first fill. It is not known of {numbers.things(without_delta, 'chain')}"
            + (f", which stand under “{UNKNOWN}”." if without_delta else ".")
        )
    return " ".join(said)
