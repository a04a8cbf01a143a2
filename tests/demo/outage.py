"""A part of `make demo`: the ledger is gone for a third of two days, and a bot of rollbook-bot trades on."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from rich.console import Console

from rollbook import Client
from tests.demo.market import Snapshot
from tests.demo.spool_bot import PATIENCE, SpoolBot
from tests.support.server import RunningServer

ACCOUNT = "demo-bot"
SPAN = timedelta(days=2)
"""The end of the market, once more: a book of its own, by executions that come late."""


def trade_through_outage(server: RunningServer, snapshots: Sequence[Snapshot], console: Console) -> list[str]:
    """Trades the last two days with the ledger killed in their middle third; what is lost or there twice."""
    logging.getLogger("rollbook_bot").setLevel(logging.ERROR)  # that the ledger is gone and back is said here
    days = [snapshot for snapshot in snapshots if snapshot.time > snapshots[-1].time - SPAN]
    third = len(days) // 3
    target = server.target
    bot = SpoolBot(target, ACCOUNT, server.db.parent / "spool")
    with bot.tracker, Client(target, account=ACCOUNT) as ledger:
        for snapshot in days[:third]:
            bot.step(snapshot)
        bot.tracker.flush(PATIENCE)
        server.kill()
        before = len(bot.told)
        for snapshot in days[third : 2 * third]:
            bot.step(snapshot)
        waited, told = bot.waiting, len(bot.told) - before
        server.start()
        lost = bot.differences(ledger)
        if waited != told:
            lost.append(f"{told} executions were told while the ledger was gone, {waited} waited for it")
        hours = (days[2 * third].time - days[third].time) / timedelta(hours=1)
        outcome = "; ".join(lost) or f"all {waited} are recorded, each once"
        console.print(
            "\nrollbook-bot  execute_action and a tracker trade the last two days again, in a book of their own.\n"
            f"              kill -9: for {hours:.0f} hours of them there is no ledger; {waited} executions wait in "
            "the spool.\n"
            f"              After the restart {outcome}.",
            soft_wrap=True,
        )
        for snapshot in days[2 * third :]:
            bot.step(snapshot)
        late = [] if lost else bot.differences(ledger)
        outcome = "; ".join(late) or f"{len(bot.told)} executions, {rolls(ledger)} rolls, nothing waits"
        console.print(f"              At the end: {outcome}.", soft_wrap=True)
    return lost + late


def rolls(ledger: Client) -> int:
    """How many there were in the book."""
    return sum(chain.num_rolls for chain in ledger.iterate_chains())
