"""A tracker of positions in the place of the one before Rollbook: the same four methods, and a ledger behind them.

    from rollbook_bot.position_tracker import position_tracker

    position_tracker.process_execution_result(result)
    position_tracker.refresh_marks(client)
    position_tracker.get_open_positions_payload()
    position_tracker.get_closed_positions_payload()

What is told is on the disk when `process_execution_result` returns, and reaches the ledger when that is there. Payloads
are the ledger's: what is not recorded yet is not in them.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import uuid
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rollbook import (
    ChainOrder,
    ChainState,
    ChainValuation,
    Client,
    LedgerError,
    Mark,
    Mode,
    PositionChain,
    new_request_id,
)
from rollbook.payloads import closed_payload, open_payload
from rollbook_bot.exchange import asked
from rollbook_bot.holdings import Holdings
from rollbook_bot.marks import read_mark
from rollbook_bot.order_answers import ask_order
from rollbook_bot.recorder import Recorder
from rollbook_bot.reports import follow, id_of, news, report
from rollbook_bot.told import ToldOrder, each_result, read_result

__all__ = ["PositionTracker", "position_tracker"]

log = logging.getLogger("rollbook_bot")

_PATIENCE = 5.0
"""Seconds for a read of the ledger."""
_QUIET = 1.0
"""Seconds that what was told may take to be recorded, for the ledger's holdings to be taken."""
_FIRST_LOOK = 1.0
"""Seconds that the first OPEN waits for the ledger, where nothing is known of what is held."""


class PositionTracker:
    """Tells a ledger what the bot did, and shows what it holds. All methods may be called from any thread.

    Args:
        target: "host:port" of the ledger; unset is ROLLBOOK_TARGET, else 127.0.0.1:50051.
        account: Whose book.
        spool: Where results wait for the ledger; unset is ROLLBOOK_SPOOL, else ./spool.

    Nothing is connected or written before the first call.
    """

    def __init__(self, *, target: str | None = None, account: str = "default", spool: Path | str | None = None) -> None:
        self._target = target or os.environ.get("ROLLBOOK_TARGET", "127.0.0.1:50051")
        self._account = account
        self._spool = Path(spool or os.environ.get("ROLLBOOK_SPOOL", "spool"))
        self._lock = threading.RLock()
        self._parts: tuple[Recorder, Client, Holdings] | None = None
        self._changes = 0
        self._looked = threading.Event()
        self._news = threading.Event()
        self._shown: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the ledger; what is not recorded yet stays on the disk for the next start."""
        with self._lock:
            parts, self._parts = self._parts, None
        if parts is not None:
            self._news.set()
            recorder, client, _ = parts
            recorder.close()
            client.close()

    def flush(self, seconds: float) -> bool:
        """Waits until the ledger has everything, or has refused it; whether it came to that in time."""
        return self._open()[0].flush(seconds)

    # What the bot did.

    def process_execution_result(self, result: MutableMapping[str, Any]) -> None:
        """Tell what one attempt, or a batch (`results`), came to. Never waits for the ledger, and never raises: what
        makes no sense is said loudly, and kept in the spool's folder `unread`.

        The same dict again is known again, by the ids of its orders, or by the `request_id` that is written into it at
        first sight; where an order in it has filled meanwhile, that is told.
        """
        for each in each_result(result):
            try:
                self._process(each)
            except Exception as error:  # whatever is wrong with it must not stop a bot, and must not be lost
                self._keep(each, error)

    def _process(self, result: MutableMapping[str, Any]) -> None:
        told = read_result(result)
        if told is None:
            return
        recorder, _, holdings = self._open()
        if not holdings.known:
            self._looked.wait(_FIRST_LOOK)
        with self._lock:
            request_id = id_of(told, self._account) or new_request_id()
            time = told.executed_time or datetime.now(UTC)
            if request_id in holdings.told:
                for more in news(told, time, self._account, holdings):
                    recorder.record(more)
            else:
                result["request_id"] = request_id
                result["executed_time"] = time.isoformat()
                execution = report(told, request_id, time, self._account, holdings)
                if execution is not None:
                    recorder.record(execution)
                holdings.remember(request_id)
            self._changed(holdings)

    def _keep(self, result: object, error: Exception) -> None:
        """A result that could not be read, for somebody to look at."""
        try:
            text = json.dumps(result, default=str, indent=2)
            folder = self._spool / "unread"
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{uuid.uuid4()}.json"
            file.write_text(text, encoding="utf-8")
            log.critical("an execution result could not be recorded: %s; it is kept in %s", error, file)
        except Exception:
            log.critical("an execution result could not be recorded: %s; and not kept: %r", error, result)

    def _changed(self, holdings: Holdings) -> None:
        self._changes += 1
        try:
            holdings.save()
        except OSError as error:
            log.error("what is held could not be written: %s; the ledger knows it", error)

    # What it is worth.

    def refresh_marks(self, client: Any) -> None:
        """Ask an exchange for the marks of what is held, and for what became of orders, and tell the ledger.

        Args:
            client: Has `get_ticker(symbol)`, which gives a dict with "mark_price" and, where known, "best_bid_price",
                "best_ask_price", "index_price", "underlying_price", "mark_iv" (percent), "greeks" and "timestamp"; it
                may have `get_order_state(order_id)`, with "order_state", "filled_amount" and "average_price", and
                `get_user_trades_by_order(order_id)`, a list of trades. See `rollbook_bot.Exchange`.

        Trades are asked for where more is filled than was told by trades: they bring fees and index prices, and take
        the place of what was told in sum, for a day after the order's end. No lock is held while the exchange is asked.
        What it does not answer is logged, and left out.
        """
        recorder, ledger, holdings = self._open()
        with self._lock:
            holdings.forget_untraded(datetime.now(UTC))
            held, orders = list(holdings.symbols()), {**holdings.untraded, **holdings.working}
        # First what counts: marks wait for the ledger, what became of orders does not.
        for order_id, order in orders.items():
            found = ask_order(client, order_id, order)
            if found is not None:
                self._follow(recorder, holdings, found)
        marks: dict[Mode, list[Mark]] = {}
        tickers = {symbol: asked(client.get_ticker, symbol) for symbol in {symbol for _, symbol in held}}
        for mode, symbol in held:
            mark = read_mark(symbol, tickers[symbol])
            if mark is not None:
                marks.setdefault(mode, []).append(mark)
        for mode, of_mode in marks.items():
            try:
                ledger.update_marks(of_mode, mode=mode, deadline=_PATIENCE)
            except LedgerError as error:
                log.warning("marks were not taken: %s", error)

    def _follow(self, recorder: Recorder, holdings: Holdings, found: ToldOrder) -> None:
        with self._lock:
            known = holdings.order(found.order_id)
            if known is None:
                return
            chain = holdings.chains.get(known.position_id)
            mode = chain.line.mode if chain is not None else Mode.LIVE
            command = follow(found, known, mode, datetime.now(UTC), self._account, holdings)
            if command is not None:
                recorder.record(command)
                self._changed(holdings)

    # What it looks like.

    def get_open_positions_payload(self, include_sandbox: bool = False) -> dict[str, Any]:  # noqa: ARG002
        """The open positions as `rollbook.payloads.open_payload` shapes them.

        While the ledger is away: the last payload, with `stale_since`. Raises LedgerError if there is none: an empty
        list would say that nothing is open. `include_sandbox` is for callers of the tracker before: nothing here is.
        """

        def ask(ledger: Client) -> dict[str, Any]:
            chains, values = _pages(ledger, (ChainState.OPEN, ChainState.FLAT))
            return {**open_payload(chains, values, datetime.now(UTC))}

        return self._payload("open", ask)

    def get_closed_positions_payload(self, include_sandbox: bool = False) -> dict[str, Any]:  # noqa: ARG002
        """The closed chains as `rollbook.payloads.closed_payload` shapes them; else as `get_open_positions_payload`."""

        def ask(ledger: Client) -> dict[str, Any]:
            return {**closed_payload(*_pages(ledger, (ChainState.CLOSED,)))}

        return self._payload("closed", ask)

    def _payload(self, name: str, ask: Callable[[Client], dict[str, Any]]) -> dict[str, Any]:
        ledger = self._open()[1]
        try:
            payload = ask(ledger)
        except LedgerError:
            if name not in self._shown:
                raise
            since, payload = self._shown[name]
            return {**payload, "stale_since": since}
        self._shown[name] = (datetime.now(UTC).isoformat(), payload)
        return payload

    # The ledger's side.

    def _open(self) -> tuple[Recorder, Client, Holdings]:
        with self._lock:
            if self._parts is None:
                self._spool.mkdir(parents=True, exist_ok=True)
                client = Client(self._target, account=self._account, deadline=_PATIENCE).open()
                recorder = Recorder(
                    self._spool,
                    target=self._target,
                    account=self._account,
                    on_recorded=lambda *_: self._news.set(),
                    on_dead=lambda *_: self._news.set(),
                )
                self._parts = (recorder, client, Holdings(self._spool / "holdings.json"))
                self._news.set()
                threading.Thread(target=self._watch, name="rollbook-holdings", daemon=True).start()
            return self._parts

    def _watch(self) -> None:
        """Takes what is held from the ledger whenever that has all that was told."""
        while True:
            self._news.wait()
            self._news.clear()
            with self._lock:
                if self._parts is None:
                    return
                parts = self._parts
            try:
                if parts[0].flush(_QUIET):
                    self._look(*parts)
            except Exception:  # nothing of this is needed to record
                log.warning("what is held is not taken from the ledger", exc_info=True)
            self._looked.set()

    def _look(self, recorder: Recorder, client: Client, holdings: Holdings) -> None:
        with self._lock:
            changes = self._changes
        try:
            states = (ChainState.PENDING, ChainState.OPEN, ChainState.FLAT)
            chains = list(client.iterate_chains(states=states, page_size=500, deadline=_PATIENCE))
        except (LedgerError, RuntimeError) as error:  # RuntimeError: closed meanwhile
            log.info("what is held is not known from the ledger: %s", error)
            return
        with self._lock:
            if changes == self._changes and not recorder.waiting:
                holdings.take(chains)
                self._changed(holdings)


def _pages(ledger: Client, states: tuple[ChainState, ...]) -> tuple[list[PositionChain], list[ChainValuation]]:
    """All chains in some states with their values, the oldest first."""
    chains: list[PositionChain] = []
    values: list[ChainValuation] = []
    token = ""
    while True:
        page = ledger.list_chains(
            states=states, order=ChainOrder.OLDEST_FIRST, page_size=500, page_token=token, deadline=_PATIENCE
        )
        chains += page.chains
        values += page.valuations
        token = page.next_page_token
        if not token:
            return chains, values


position_tracker = PositionTracker()
"""Ready for use; it connects when it is used."""
