"""`make demo`: a bot sells options for a week of recorded (or synthetic) markets, the ledger keeps its book, and a
watcher holds a copy of it. In the middle the server is killed and started again; a bot of rollbook-bot goes on trading
while it is gone. In the end there is the page, with a portfolio that lives and a backtest that runs.

Nothing is traded: the bot runs in DRY_RUN. Server, database, calls, kill and figures are real.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from rollbook import AsyncClient
from tests.demo.bot import Bot
from tests.demo.history import show_history
from tests.demo.lab import backtest
from tests.demo.living import show_page
from tests.demo.market import Market, Snapshot
from tests.demo.outage import trade_through_outage
from tests.demo.recorded import find_recorded
from tests.demo.story import Story
from tests.demo.synthetic import SyntheticMarket
from tests.demo.tables import show_book
from tests.demo.watcher import Watcher
from tests.support.proxy import OWN_CONNECTION, free_port
from tests.support.server import RunningServer

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data"
ACCOUNT = "demo"
WIDTH = 114
"""Columns of the widest table."""


def main() -> int:
    """Run it; the exit code is that of the check at the end, or 1 if the watcher missed something, or if something that
    waited for the ledger is not in it once.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.demo.main", description=__doc__)
    parser.add_argument(
        "--synthetic", action="store_true", help="a synthetic market, even where there is a recorded one"
    )
    parser.add_argument("--data", type=Path, default=RECORDED, help="folder of the recorded market")
    parser.add_argument("--directory", type=Path, help="folder for the database; a new temporary one if not said")
    options = parser.parse_args()
    console = _console()
    directory = options.directory or Path(tempfile.mkdtemp(prefix="rollbook-demo-"))
    db = directory / "ledger.db"
    if db.exists():
        parser.error(f"{db} exists already: the demo begins with an empty ledger")
    console.print("[bold]Rollbook demo[/]: a dry-run bot sells options, and the ledger keeps its book.\n")
    with RunningServer(db, listen=f"127.0.0.1:{free_port()}") as server:
        console.print(f"server   {server.target}, database {db}", soft_wrap=True)
        data = None if options.synthetic else options.data
        market = _market(data, console)
        missed = asyncio.run(_run(server, market, console))
        failed = backtest(server.target, data, directory, console)
        show_page(server.target, market.snapshots(), console)
    return _check(db, console) or int(missed or failed)


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    return console


async def _run(server: RunningServer, market: Market, console: Console) -> bool:
    """Trades through the market; whether the watcher or the ledger missed anything."""
    snapshots = market.snapshots()
    console.print(f"market   {market.origin}", soft_wrap=True)
    console.print(f"prices   {market.prices}", soft_wrap=True)
    console.print(
        "bot      calls and puts of 7-14 days, delta about 0.25, rolled and bought back; dailies kept to expiry.\n"
        "         It sells at the bid and buys at the ask, and leaves fees to the ledger's estimate.\n"
        "watcher  holds a mirror of the open chains and every entry of the journal, by two streams.\n"
    )
    story = Story(console)
    async with (
        AsyncClient(server.target, account=ACCOUNT, deadline=60) as ledger,
        AsyncClient(server.target, account=ACCOUNT, deadline=60, options=OWN_CONNECTION) as other,
    ):
        bot, watcher = Bot(ledger, market, story), Watcher(other, story)
        async with watcher.watching():
            with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
                for number, snapshot in enumerate(progress.track(snapshots, description="trading")):
                    if number == len(snapshots) // 2:
                        await _kill_under(bot, snapshot, server, story)
                    else:
                        await bot.step(snapshot)
                story.end_day()
            lost = await asyncio.to_thread(trade_through_outage, server, snapshots, console)
            missed = await watcher.differences()
        console.print()
        # A row that a narrow terminal breaks in two is better than figures cut short.
        console.width = max(console.width, WIDTH)
        await show_book(ledger, console, snapshots[-1].time)
        await show_history(ledger, console, ("BTC", "ETH", "USDC"))
    outcome = "; ".join(missed) or "all of it equal to the server's"
    console.print(f"watcher  {watcher.summary()}:\n         {outcome}.\n", soft_wrap=True)
    return bool(missed or lost)


async def _kill_under(bot: Bot, snapshot: Snapshot, server: RunningServer, story: Story) -> None:
    """Kill -9, and a start on the same file, while the bot trades: its calls wait, and are made again."""
    trading = asyncio.create_task(bot.step(snapshot))
    began = time.perf_counter()
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    gone = time.perf_counter() - began
    await trading
    story.tell(
        snapshot.time,
        f"kill -9: the server is gone for {gone:.1f} s, in the middle of a call. Bot and watcher go on when it is back",
    )


def _market(data: Path | None, console: Console) -> Market:
    recorded = data and find_recorded(data)
    if data and not recorded:
        console.print(f"market   {data} has no recorded market: a synthetic one takes its place", soft_wrap=True)
    return recorded or SyntheticMarket()


def _check(db: Path, console: Console) -> int:
    """What `rollbook-server check` says about the file, now that the server has stopped."""
    console.print(f"[bold]$ rollbook-server check --db {db}[/]", soft_wrap=True)
    command = [sys.executable, "-m", "rollbook_server", "check", "--db", str(db)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    console.print(done.stdout, end="", markup=False, soft_wrap=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
