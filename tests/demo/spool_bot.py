"""A bot of the distribution rollbook-bot: it decides, executes and tells a tracker, and needs no ledger to go on.

It keeps one short call per product near its target delta: what has drifted away, or comes near its expiry, is rolled.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rollbook import Client, LegState, OptionType
from rollbook_bot import Exchange, Spool, execute_action
from rollbook_bot.position_tracker import PositionTracker
from tests.demo.market import Quote, Snapshot
from tests.demo.strategies import LOTS, Strategy, pick

NAME = "keep-delta"
DAYS = (3, 8)
LOWEST_DELTA, HIGHEST_DELTA = 0.2, 0.3
SHORTEST = 1.5
"""Days to expiry below which it rolls."""
PATIENCE = 30
"""Seconds for the ledger to catch up."""


class SnapshotExchange:
    """Tickers as of the snapshots that were shown; nothing can be placed."""

    def __init__(self) -> None:
        self._quotes: dict[str, tuple[Quote, Snapshot]] = {}

    def show(self, snapshot: Snapshot) -> None:
        """The market of one product, now."""
        self._quotes |= {symbol: (quote, snapshot) for symbol, quote in snapshot.quotes.items()}

    def get_ticker(self, symbol: str, /) -> Mapping[str, Any]:
        """As public/ticker."""
        quote, snapshot = self._quotes[symbol]
        return {
            "best_bid_price": float(quote.bid) if quote.bid is not None else None,
            "best_ask_price": float(quote.ask) if quote.ask is not None else None,
            "mark_price": float(quote.mark),
            "index_price": float(snapshot.index_price),
            "timestamp": round(snapshot.time.timestamp() * 1000),
        }

    def place_order(self, **order: Any) -> Mapping[str, Any]:
        """A dry run places none."""
        raise NotImplementedError

    def get_order_state(self, order_id: str, /) -> Mapping[str, Any]:
        """Nor asks for one."""
        raise NotImplementedError

    def get_user_trades_by_order(self, order_id: str, /) -> Sequence[Mapping[str, Any]]:
        """Nor has one traded."""
        raise NotImplementedError


class SpoolBot:
    """Trades snapshot by snapshot; its tracker tells the ledger when that is there."""

    def __init__(self, target: str, account: str, spool: Path) -> None:
        self._market = SnapshotExchange()
        self._exchange: Exchange = self._market
        self._spool = spool
        self._held: dict[str, str] = {}
        self.tracker = PositionTracker(target=target, account=account, spool=spool)
        self.told: list[str] = []
        """The request_ids of what it executed."""

    @property
    def waiting(self) -> int:
        """How many executions lie on the disk."""
        return len(Spool(self._spool).names())

    def step(self, snapshot: Snapshot) -> None:
        """One product at one instant: decide, execute, tell."""
        self._market.show(snapshot)
        result = execute_action(self._exchange, self._decide(snapshot))
        self.tracker.process_execution_result(result)
        if result["status"] == "simulated":
            self.told.append(result["request_id"])
            self._held[snapshot.product] = result["orders"][-1]["symbol"]

    def _decide(self, snapshot: Snapshot) -> dict[str, Any]:
        lots = 2 * LOTS[snapshot.product]
        strategy = Strategy(snapshot.product, OptionType.CALL, NAME, lots, DAYS, NAME)
        symbol = self._held.get(snapshot.product, "")
        target = pick(strategy, snapshot, instead_of=symbol)
        if target is None:
            return {"action": "DO_NOTHING", "reason": "no fair market"}
        more = {"strategy": NAME, "reason": f"delta {target.delta:+.2f}, {target.days:.1f} days"}
        if not symbol:
            params = {"symbol": target.symbol, "size": lots}
            return {"action": "OPEN_COVERED_CALL", "params": params, "trigger": "entry", **more}
        held = snapshot.quotes.get(symbol)
        if held is None or held.bid is None or held.ask is None:
            return {"action": "DO_NOTHING", "reason": "nobody quotes it"}
        if LOWEST_DELTA <= abs(held.delta) <= HIGHEST_DELTA and held.days > SHORTEST:
            return {"action": "DO_NOTHING", "reason": "near its target"}
        params = {"from_symbol": symbol, "to_symbol": target.symbol, "size": lots}
        return {"action": "ROLL_COVERED_CALL", "params": params, "trigger": "drift", **more}

    def differences(self, ledger: Client) -> list[str]:
        """Waits until the ledger has caught up; then what is not in it as it was told: nothing, that is."""
        if not self.tracker.flush(PATIENCE):
            return [f"{self.waiting} executions still wait in the spool"]
        found: list[str] = []
        executions = [entry.execution.execution for entry in ledger.iterate_entries() if entry.execution]
        recorded = Counter(execution.request_id for execution in executions if execution)
        if recorded != Counter(self.told):
            found.append(f"{len(self.told)} executions were told, the ledger has {recorded.total()}")
        legs = [leg for chain in ledger.iterate_chains() for leg in chain.legs if leg.state is LegState.OPEN]
        held = {leg.instrument.symbol: leg.open_quantity for leg in legs if leg.instrument}
        meant = {symbol: 2 * LOTS[product] for product, symbol in self._held.items()}
        if held != meant:
            found.append(f"the ledger holds {held}, the bot {meant}")
        return found
