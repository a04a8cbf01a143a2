"""kill -9 of bot and server: what was recorded is in the ledger once, whatever the moment."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from rollbook import Client, LedgerEntry
from rollbook_bot import Command, Spool
from tests.durability.recording import Bot, commands
from tests.support.proxy import free_port
from tests.support.server import RunningServer
from tests.support.trading import prove


class Field:
    """A ledger and bots, of which each round may kill some."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.spool = folder / "spool"
        self.target = f"127.0.0.1:{free_port()}"
        self.server = RunningServer(folder / "ledger.db", listen=self.target)
        self.serving = False
        self.bot: Bot | None = None
        self.told: dict[str, list[str]] = {}
        """What `record` returned for, by account."""
        self._accounts = (f"bot-{number}" for number in itertools.count())

    def start(self, *, server: bool) -> Bot:
        """Starts what is down; the server may stay away."""
        starts = [self.start_bot, self.start_server] if server else [self.start_bot]
        self.chance.shuffle(starts)
        for start in starts:
            start()
        assert self.bot is not None
        return self.bot

    def start_server(self) -> None:
        """Does nothing if it runs."""
        if not self.serving:
            self.server.start()
            self.serving = True

    def start_bot(self) -> None:
        """A bot with two new desks; nothing if one runs."""
        if self.bot is None:
            self.bot = Bot(self.spool, self.target, next(self._accounts), next(self._accounts))

    def kill(self, victims: tuple[str, ...]) -> None:
        """Kills one after the other, a moment apart."""
        for victim in victims:
            self.moment()
            if victim == "server" and self.serving:
                self.server.kill()
                self.serving = False
            if victim == "bot" and self.bot is not None:
                self.kill_bot()

    def kill_bot(self) -> None:
        """Kills it and notes what it had said."""
        assert self.bot is not None
        self.bot.kill()
        for account, request_id, on_disk in self.bot.recorded:
            assert on_disk
            self.told.setdefault(account, []).append(request_id)
        self.bot = None

    def moment(self) -> None:
        """A random one, within what a write or a call takes."""
        threading.Event().wait(self.chance.uniform(0, 0.03))


VICTIMS = (("bot",), ("server",), ("bot", "server"), ("server", "bot"))


def _survive(folder: Path, rounds: int, seed: int) -> None:
    field = Field(folder, seed)
    try:
        for _ in range(rounds):
            bot = field.start(server=field.chance.random() < 0.7)
            before, count = len(bot.recorded), field.chance.randrange(1, 30)
            bot.tell(count)
            bot.wait_for(before + field.chance.randrange(2 * count + 1))
            field.kill(field.chance.choice(VICTIMS))
        bot = field.start(server=True)
        assert bot.ask("flush")[-1] == "True"
        field.kill_bot()
        _assert_once(field)
    finally:
        if field.bot is not None:
            field.bot.kill()
        if field.serving:
            field.server.stop()
    prove(folder / "ledger.db")


def _assert_once(field: Field) -> None:
    """What was recorded is in the ledger, in order and once, or among the dead letters if the ledger had to refuse it;
    the last one of a desk may have been under way when its bot was killed."""
    spool = Spool(field.spool)
    assert spool.names() == []
    dead: dict[str, list[str]] = {}
    for each in spool.dead_letters():
        assert each.letter is not None
        assert each.cause.attempts >= 1
        dead.setdefault(each.letter.account, []).append(each.letter.request_id)
    assert sum(map(len, field.told.values())) > 0
    with Client(field.target) as client:
        for account, told in field.told.items():
            entries = list(client.iterate_entries(account=account, page_size=500))
            # One command is one revision, with an entry for each chain in it.
            commanded = ((entry.revision, _request_id(entry)) for entry in entries if entry.expiry is None)
            kept = [request_id for (_, request_id), _ in itertools.groupby(commanded)]
            said = [(command.request_id, refused) for command, refused in _first(account, len(told) + 1)]
            assert told == [request_id for request_id, _ in said[:-1]]
            under_way = said[-1][0] in (*kept, *dead.get(account, ()))
            expected = said if under_way else said[:-1]
            assert kept == [request_id for request_id, refused in expected if not refused], account
            assert dead.pop(account, []) == [request_id for request_id, refused in expected if refused], account
            trades = Counter(
                fill.trade_id
                for entry in entries
                if entry.execution is not None and entry.execution.execution is not None
                for fill in entry.execution.execution.fills
            )
            assert not trades or max(trades.values()) == 1
    assert all(len(ids) == 1 for ids in dead.values())  # of bots that were killed before `record` returned at all


def _first(account: str, count: int) -> list[tuple[Command, bool]]:
    return list(itertools.islice(commands(account), count))


def _request_id(entry: LedgerEntry) -> str:
    if entry.execution is not None and entry.execution.execution is not None:
        return entry.execution.execution.request_id
    body = entry.fills or entry.settlement
    assert body is not None
    return body.request_id


def test_each_execution_is_in_the_ledger_once_after_five_kills(tmp_path: Path) -> None:
    """Five times bot, server or both are killed at a random moment, and come back in any order: each execution that
    `record` returned for is in the ledger once and in order, or in the dead letters where the ledger had to refuse
    it."""
    _survive(tmp_path, rounds=5, seed=1)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_each_execution_is_in_the_ledger_once_after_a_hundred_kills(tmp_path: Path) -> None:
    """A hundred kills keep the promise of five."""
    _survive(tmp_path, rounds=100, seed=2)
