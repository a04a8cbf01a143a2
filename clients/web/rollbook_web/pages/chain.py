"""The view of one chain: what made it, what it holds, what it has come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import Request
from nicegui import ui

from rollbook.errors import LedgerError, NotFound
from rollbook.models import ChainState, GetChainResponse, PositionChain, ValueSample
from rollbook_web import numbers
from rollbook_web.ageing import ChainKey
from rollbook_web.connection import Connection
from rollbook_web.journal import steps
from rollbook_web.open_rows import Held, chain_url, flags, strategy
from rollbook_web.pages import chain_charts
from rollbook_web.pages.chain_figures import ChainFigures
from rollbook_web.pages.chain_tables import draw_legs, draw_orders, draw_steps
from rollbook_web.pages.charts import Chart
from rollbook_web.pages.following import follow
from rollbook_web.pages.frame import frame
from rollbook_web.pages.parts import box, empty, mode_chip, panel, words
from rollbook_web.payoff import payoff

MOST_SAMPLES = 3_000
APPEND_EVERY = timedelta(seconds=5)
MOST_ENTRIES = 1_000
"""As many as the ledger gives with a chain."""


def add(connection: Connection) -> None:
    """Adds the view to the app."""

    @ui.page("/chains/{position_id}", title="Chain · Rollbook")
    async def chain(request: Request, position_id: str) -> None:
        account = request.query_params.get("account", "")
        ui.page_title(f"{position_id} · Rollbook")
        with frame("Positions", connection.ledger_picture, heading=position_id):
            view = ChainView(connection, position_id, account)
            follow(connection.ledger_picture, view.refresh)


class ChainView:
    """Reads the chain when it has changed; its value changes in place."""

    def __init__(self, connection: Connection, position_id: str, account: str) -> None:
        self._connection = connection
        self._position_id = position_id
        self._account = account
        self._read = -1
        """The version of the picture at which the chain was read."""
        self._chain: PositionChain | None = None
        self._figures: ChainFigures | None = None
        self._history: Chart | None = None
        self._appended = datetime.now(UTC)
        self._place = box("stack").style("gap: 16px")
        with self._place:
            words("p", f"Waiting for the ledger at {connection.target} …", "muted").props("role=status")

    @property
    def _key(self) -> ChainKey:
        return self._account, self._position_id

    async def refresh(self) -> None:
        """After a change of the picture."""
        picture = self._connection.ledger_picture
        if not picture.complete and self._chain is None:
            return
        if self._has_changed():
            version = picture.version
            try:
                await self._draw()
            except NotFound:
                self._draw_nothing()
            except LedgerError:
                return  # the bar on top says that the server is away
            self._read = version
        self._show_value()

    def _has_changed(self) -> bool:
        picture = self._connection.ledger_picture
        if self._read < picture.begun:
            return True
        if self._chain is None:
            return picture.revised > self._read  # it may have come
        known = picture.mirror.chains.get(self._key)
        if known is not None:
            return known.revision > self._chain.revision
        gone = picture.gone.get(self._key)
        return gone is not None and gone[0] > self._read

    async def _draw(self) -> None:
        ledger = self._connection.ledger
        if not self._account:
            self._account = await self._find_account()
        answer = await ledger.get_chain(self._position_id, account=self._account)
        samples: list[ValueSample] = []
        async for sample in ledger.iterate_valuations(
            account=self._account, position_id=self._position_id, newest_first=True, page_size=500
        ):
            samples.append(sample)
            if len(samples) == MOST_SAMPLES:
                break
        samples.reverse()
        assert answer.chain is not None  # the server says NOT_FOUND instead
        self._chain = answer.chain
        self._place.clear()
        with self._place:
            self._draw_all(answer, answer.chain, samples)

    async def _find_account(self) -> str:
        """The one account that has a chain of this name."""
        rows = (await self._connection.ledger.get_portfolio()).rows
        for account in sorted({row.account for row in rows}):
            try:
                await self._connection.ledger.get_chain(self._position_id, account=account)
            except NotFound:
                continue
            return account
        raise NotFound(f"there is no position {self._position_id} in any account", reason="POSITION_NOT_FOUND")

    def _draw_nothing(self) -> None:
        self._place.clear()
        with self._place, panel():
            where = f"account {self._account}" if self._account else "any account"
            empty(
                "No such chain",
                f"The ledger knows no chain {self._position_id} in {where}. Once a bot opens it, it appears here.",
                link=("All open chains", "/"),
            )

    def _draw_all(self, answer: GetChainResponse, chain: PositionChain, samples: list[ValueSample]) -> None:
        value = answer.valuation
        self._draw_head(chain, Held(chain, value))
        with box("halves"):
            with panel("Result"):
                self._figures = ChainFigures(chain, answer.lines, value)
            self._draw_payoff(chain, answer)
        if chain.legs:
            with panel("Ladder"):
                Chart(*chain_charts.ladder(chain, samples, datetime.now(UTC)), height=280)
                draw_legs(chain)
        if chain.working_orders:
            with panel("Working orders"):
                draw_orders(chain.working_orders)
        with panel("Value over time"):
            if not samples and chain.state is not ChainState.OPEN:
                words("p", "No value was kept: no mark came while it was open.", "muted")
                self._history = None
            else:
                self._history = Chart(*chain_charts.history(samples, chain.settlement_currency), height=220)
        with panel("Journal"):
            told = steps(chain, answer.entries, answer.lines)
            if len(answer.entries) >= MOST_ENTRIES:
                words(
                    "p", f"The newest {len(answer.entries):,} entries; `rollbook entries` lists all.", "muted", "small"
                )
            draw_steps(chain, told)

    def _draw_head(self, chain: PositionChain, held: Held) -> None:
        with box("bar"):
            mode_chip(chain.mode)
            state = chain.close_reason if chain.state is ChainState.CLOSED else chain.state
            words("span", numbers.words(state), "chip")
            about = [strategy(chain), f"account {chain.account}", chain.venue]
            if chain.open_time:
                about.append(f"opened {numbers.moment(chain.open_time).text} UTC")
            if chain.state is ChainState.CLOSED and chain.close_time:
                about.append(f"closed {numbers.moment(chain.close_time).text} UTC")
            if chain.exit_style:
                about.append(f"exit {chain.exit_style}")
            about += [f"{name} = {text}" for name, text in chain.labels.items()]
            words("span", " · ".join(about), "muted")
            if chain.previous_position_id:
                ui.link(f"after {chain.previous_position_id}", chain_url(chain.account, chain.previous_position_id))
        called = [] if chain.state is ChainState.CLOSED else flags(held)
        with box("callouts", tag="ul").props('aria-label="Deserves a look"'):
            for name, why in called:
                with box(tag="li"):
                    words("b", name)
                    words("span", why)

    def _draw_payoff(self, chain: PositionChain, answer: GetChainResponse) -> None:
        indices = [leg.index_price for leg in answer.valuation.legs] if answer.valuation else []
        index = next((float(one) for one in indices if one is not None), None)
        drawn = payoff(chain, index)
        with panel("Payoff at expiry"):
            if drawn is None:
                words("p", "Nothing is open that could expire.", "muted")
                return
            coin = chain.settlement_currency not in numbers.DOLLARS
            Chart(
                *chain_charts.payoff_in_currency(drawn, chain.settlement_currency, chain.underlying, index), height=230
            )
            if coin:
                Chart(*chain_charts.payoff_in_usd(drawn, chain.underlying, index), height=230)
            text = "Of what is open now: its premium, and what it pays or costs at expiry; without a delivery fee."
            if coin:
                text += " In USD every coin counts at the price at expiry, those of the premium, too."
            if drawn.several_expiries:
                text += " Several expiries are drawn as if the price were the same at each."
            words("p", text, "muted", "small")

    def _show_value(self) -> None:
        chain, board = self._chain, self._connection.board
        held = board.held().get(self._key)
        if chain is None or held is None or held.chain.revision != chain.revision or self._figures is None:
            return
        self._figures.show(held.chain, held.value, held.marked)
        now, value = datetime.now(UTC), held.value
        if (
            self._history is not None
            and value is not None
            and value.unrealized_pnl is not None
            and value.chain_pnl is not None
            and now - self._appended > APPEND_EVERY
        ):
            self._appended = now
            at = now.timestamp() * 1000
            self._history.append({0: [[at, float(value.chain_pnl)]], 1: [[at, float(value.unrealized_pnl)]]})
