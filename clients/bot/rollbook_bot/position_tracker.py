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
    LedgerEntry,
    LedgerError,
    Mark,
    Mode,
    PositionChain,
    new_request_id,
)
from rollbook.payloads import closed_payload, open_payload
from rollbook_bot import durable
from rollbook_bot.exchange import asked
from rollbook_bot.holdings import Holdings
from rollbook_bot.letters import Command
from rollbook_bot.marks import read_mark
from rollbook_bot.order_answers import ask_order
from rollbook_bot.recalled import commands_in, orders_in
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
"""Seconds that the first result after a start waits for the ledger to say what is held and known: what is on the disk
may be older, if the disk was full."""
_RECALLED = 500
"""Entries of the ledger that are asked for after a start, since their results may be told again."""
_AGAIN = 0.25
"""Seconds until a disk that took nothing is tried again."""


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
        self._unsaved = False
        self._looked = threading.Event()
        self._recalled = False
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
        """Tell what one attempt, or a batch (`results`), came to. Never waits for the ledger, but up to a second for it
        to say what is held, once after the start. Never raises: what makes no sense is said loudly, and kept in the
        spool's folder `unread`.

        The same dict again is known again, by the ids of its orders, or by the `request_id` that is written into it at
        first sight; where an order in it has filled meanwhile, that is told.
        """
        try:
            results = each_result(result)
        except AttributeError as error:  # no dict
            self._keep(result, error)
            return
        for each in results:
            try:
                self._process(each)
            except Exception as error:  # whatever is wrong with it must not stop a bot, and must not be lost
                self._keep(each, error)

    def _process(self, result: MutableMapping[str, Any]) -> None:
        if read_result(result) is None:
            return
        recorder, _, holdings = self._open()
        if not self._looked.wait(_FIRST_LOOK):
            self._looked.set()  # once is enough
        with self._lock:
            told = read_result(result)  # now: another thread may have given it an id meanwhile
            if told is None:
                return
            request_id = id_of(told, self._account) or new_request_id()
            # Orders that are followed were told, even if that was so long ago that their result is forgotten.
            known = bool(told.orders) and all(holdings.order(order.order_id) for order in told.orders)
            if known or request_id in holdings.told:
                time = told.executed_time
                if time is None or time.isoformat() == holdings.told.get(request_id):
                    time = datetime.now(UTC)  # what was written into it says when it was told first
                self._tell(recorder, holdings, [*news(told, request_id, time, self._account, holdings)])
                return
            time = told.executed_time or datetime.now(UTC)
            result["request_id"] = request_id
            result["executed_time"] = time.isoformat()
            execution = report(told, request_id, time, self._account, holdings)
            if execution is None:
                log.warning("it came to nothing, in no chain that is known: %s", "; ".join(told.errors) or told.action)
            holdings.remember(request_id, "" if told.executed_time else time.isoformat())
            commands: list[Command] = [] if execution is None else [execution]
            # An order of it that was told before, in another result, may be no part of the execution.
            commands += news(told, request_id, time, self._account, holdings)
            self._tell(recorder, holdings, commands)

    def _tell(self, recorder: Recorder, holdings: Holdings, commands: list[Command]) -> None:
        """Records what the holdings have followed already. First they are on the disk, with it: killed in between, the
        next start records it."""
        if not commands:
            return
        holdings.outbox = commands
        self._changed(holdings)
        for command in commands:
            recorder.record(command)

    def _keep(self, result: object, error: Exception) -> None:
        """A result that could not be read, for somebody to look at."""
        try:
            text = json.dumps(result, default=str, indent=2)
            folder = self._spool / "unread"
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{uuid.uuid4()}.json"
            durable.write(file, text.encode())
            log.critical("an execution result could not be recorded: %s; it is kept in %s", error, file)
        except Exception:
            log.critical("an execution result could not be recorded: %s; and not kept: %r", error, result)

    def _changed(self, holdings: Holdings) -> None:
        self._changes += 1
        if not self._save(holdings) and not self._unsaved:
            self._unsaved = True
            self._news.set()  # whoever waits for it tries the disk again

    def _save(self, holdings: Holdings) -> bool:
        """Writes the holdings, if the disk takes them."""
        try:
            holdings.save()
        except OSError as error:
            if not self._unsaved:
                log.error("what is held cannot be written: %s; the ledger knows it", error)
            return False
        if self._unsaved:
            self._unsaved = False
            log.warning("what is held is written again")
        return True

    # What it is worth.

    def refresh_marks(self, client: Any) -> None:
        """Ask an exchange for the marks of what is held, and for what became of orders, and tell the ledger.

        Args:
            client: Has `get_ticker(symbol)`, which gives a dict with "mark_price" and, where known, "best_bid_price",
                "best_ask_price", "index_price", "underlying_price", "mark_iv" (percent), "greeks" and "timestamp"; it
                may have `get_order_state(order_id)`, with "order_state", "filled_amount" and "average_price", and
                `get_user_trades_by_order(order_id)`, a list of trades. See `rollbook_bot.Exchange`.

        Trades are asked for where more is filled than was told by trades: they bring fees and index prices, and take
        the place of what was told in sum, for a day after the order's end. What the exchange does not answer is logged,
        and left out.

        It takes as long as the exchange's answers, and then waits for the ledger: while that is away five seconds for
        the marks of each mode. Nothing else waits for it meanwhile; a bot that must not wait gives it a thread.
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
            command = follow(found, known, datetime.now(UTC), self._account, holdings)
            if command is not None:
                self._tell(recorder, holdings, [command])

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
                holdings = Holdings(self._spool, self._account)
                _take_up(recorder, holdings)
                self._parts = (recorder, client, holdings)
                self._news.set()
                threading.Thread(target=self._watch, name="rollbook-holdings", daemon=True).start()
            return self._parts

    def _watch(self) -> None:
        """Takes what is held from the ledger whenever that has all that was told."""
        while True:
            came = self._news.wait(_AGAIN if self._unsaved else None)
            self._news.clear()
            with self._lock:
                if self._parts is None:
                    return
                parts = self._parts
                if self._unsaved:
                    self._save(parts[2])
            if not came:
                continue
            try:
                if parts[0].flush(_QUIET):
                    self._look(*parts)
            except Exception:  # nothing of this is needed to record
                log.warning("what is held is not taken from the ledger", exc_info=True)
            self._looked.set()

    def _look(self, recorder: Recorder, client: Client, holdings: Holdings) -> None:
        with self._lock:
            changes = self._changes
            if recorder.waiting:  # told since then; the news of it comes
                return
        try:
            states = (ChainState.PENDING, ChainState.OPEN, ChainState.FLAT)
            chains = list(
                client.iterate_chains(states=states, order=ChainOrder.OLDEST_FIRST, page_size=500, deadline=_PATIENCE)
            )
            recalled = [] if self._recalled else _recorded(client)
        except (LedgerError, RuntimeError) as error:  # RuntimeError: closed meanwhile
            log.info("what is held is not known from the ledger: %s", error)
            return
        with self._lock:
            if self._parts is None or self._parts[2] is not holdings:  # closed meanwhile: the file may be another's now
                return
            holdings.recall(commands_in(recalled))
            if changes == self._changes and not recorder.waiting:
                holdings.take(chains, orders_in(recalled))
                self._recalled = True
                self._changed(holdings)


def _take_up(recorder: Recorder, holdings: Holdings) -> None:
    """Brings holdings and spool together after a start. What was told last is recorded once more, unless it is in the
    spool: if the ledger has it, it counts once. What is in the spool was told."""
    try:
        names = [*recorder.spool.dead_names(), *recorder.spool.names()]
    except OSError as error:
        log.error("the spool cannot be read: %s", error)
        names = []
    spooled = [name.partition("-")[2].removesuffix(".json") for name in names]
    for command in holdings.outbox:
        if command.request_id not in spooled:
            recorder.record(command)
    holdings.recall(dict.fromkeys(spooled, ""))


def _recorded(client: Client) -> list[LedgerEntry]:
    """The ledger's last entries, the oldest first. Raises LedgerError."""
    return [*reversed(client.list_entries(newest_first=True, page_size=_RECALLED, deadline=_PATIENCE).entries)]


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
