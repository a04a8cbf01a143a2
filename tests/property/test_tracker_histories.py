"""Random lives of a bot, told to the drop-in tracker, beside what they come to in exact fractions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rollbook import Client
from rollbook_bot import Spool
from rollbook_bot.position_tracker import PositionTracker
from tests.support.proxy import free_port
from tests.support.server import RunningServer
from tests.support.told import History, differences
from tests.support.trading import new_account, prove

PATIENCE = 60


class Exchange:
    """Knows what became of orders, and no prices."""

    def __init__(self, orders: dict[str, dict[str, Any]]) -> None:
        self._orders = orders

    def get_ticker(self, symbol: str) -> dict[str, Any]:
        raise ConnectionError("too_many_requests")

    def get_order_state(self, order_id: str) -> dict[str, Any]:
        return self._orders[order_id]

    def get_user_trades_by_order(self, order_id: str) -> list[dict[str, Any]]:
        trades: list[dict[str, Any]] = self._orders[order_id]["trades"]
        return trades


class Life:
    """A bot with a tracker, and a ledger that is there or not."""

    def __init__(self, server: RunningServer, target: str, spool: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.history = History(self.chance)
        self._server = server
        self._target = target
        self._spool = spool
        self._account = new_account()
        self._serving = True
        self._tracker = self._start()

    def _start(self) -> PositionTracker:
        return PositionTracker(target=self._target, account=self._account, spool=self._spool)

    def step(self) -> None:
        """Mostly tells something; now and then a bot starts anew, waits, asks what became of its orders, or the ledger
        goes away or comes back."""
        kind = self.chance.random()
        if kind < 0.04:
            self._tracker.close()
            self._tracker = self._start()
        elif kind < 0.1 and self._serving:
            assert self._tracker.flush(PATIENCE)
        elif kind < 0.115 and self._serving:
            self._server.stop()
            self._serving = False
        elif kind < 0.2 and not self._serving:
            self._server.start()
            self._serving = True
        elif 0.2 <= kind < 0.25:
            self._tracker.refresh_marks(Exchange(self.history.asked()))
        else:
            self._tracker.process_execution_result(self.history.next())

    def judge(self) -> None:
        """Everything told is in the ledger as it should be: nothing is refused, nothing unread."""
        if not self._serving:
            self._server.start()
            self._serving = True
        assert self._tracker.flush(PATIENCE)
        letters = [f"{each.cause}\n{each.letter}" for each in Spool(self._spool).dead_letters()]
        assert letters == []
        assert not (self._spool / "unread").exists()
        with Client(self._target) as ledger:
            assert list(differences(ledger, self._account, self.history.book)) == []

    def close(self) -> None:
        """Lets the server serve the next one."""
        self._tracker.close()
        if not self._serving:
            self._server.start()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    path = tmp_path_factory.mktemp("histories") / "ledger.db"
    with RunningServer(path, listen=f"127.0.0.1:{free_port()}") as running:
        yield running
    prove(path)


def _live(server: RunningServer, folder: Path, seed: int, steps: int) -> None:
    print(f"seed {seed}")  # shown when it fails
    life = Life(server, server.target, folder / str(seed), seed)
    try:
        for _ in range(steps):
            life.step()
        life.judge()
    finally:
        life.close()


@pytest.mark.parametrize("seed", range(6))
def test_a_bot_s_life_is_exact(server: RunningServer, tmp_path: Path, seed: int) -> None:
    """Opens, adds, closes, rolls that fail or not, orders that rest, fill in steps and are cancelled, batches and
    duplicates, with restarts of the tracker and a ledger that is away: each figure of each chain is what was told."""
    _live(server, tmp_path, seed, steps=80)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_bots_lives_are_exact_for_long(server: RunningServer, tmp_path: Path) -> None:
    """The same with new lives each time, and longer ones."""
    first = random.SystemRandom().randrange(10**9)
    for seed in range(first, first + 40):
        _live(server, tmp_path, seed, steps=300)
