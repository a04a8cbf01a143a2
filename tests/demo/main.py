"""`make demo`: a bot sells options for a week of recorded (or synthetic) markets, and the ledger keeps its book.

Nothing is traded: the bot runs in DRY_RUN. Server, database, calls and figures are real.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from rollbook import AsyncClient
from tests.demo.bot import Bot
from tests.demo.market import Market
from tests.demo.recorded import find_recorded
from tests.demo.story import Story
from tests.demo.synthetic import SyntheticMarket
from tests.demo.tables import show_book
from tests.support.server import RunningServer

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data"
ACCOUNT = "demo"
WIDTH = 114
"""Columns of the widest table."""


def main() -> int:
    """Run it; the exit code is that of the check at the end."""
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
    with RunningServer(db) as server:
        console.print(f"server   {server.target}, database {db}", soft_wrap=True)
        asyncio.run(_run(server.target, None if options.synthetic else options.data, console))
    return _check(db, console)


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    return console


async def _run(target: str, data: Path | None, console: Console) -> None:
    market = _market(data, console)
    snapshots = market.snapshots()
    console.print(f"market   {market.origin}", soft_wrap=True)
    console.print(f"prices   {market.prices}", soft_wrap=True)
    console.print(
        "bot      calls and puts of 7-14 days, delta about 0.25, rolled and bought back; dailies kept to expiry.\n"
        "         It sells at the bid and buys at the ask, and leaves fees to the ledger's estimate.\n"
    )
    story = Story(console)
    async with AsyncClient(target, account=ACCOUNT) as ledger:
        bot = Bot(ledger, market, story)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            for snapshot in progress.track(snapshots, description="trading"):
                await bot.step(snapshot)
            story.end_day()
        console.print()
        # A row that a narrow terminal breaks in two is better than figures cut short.
        console.width = max(console.width, WIDTH)
        await show_book(ledger, console, snapshots[-1].time)


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
