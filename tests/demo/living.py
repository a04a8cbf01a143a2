"""The end of `make demo`: the page, while a bot trades on and the lab works.

It goes on until Ctrl-C. Without a terminal, or with CI set, it ends as soon as the page has been seen to live.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from operator import attrgetter

from rich.console import Console

from rollbook import AsyncClient, AsyncLab, BacktestState, DatasetKind
from rollbook import SyntheticMarket as MadeUpBars
from rollbook.specs import parse
from tests.demo.bot import Bot
from tests.demo.market import DAY, Snapshot
from tests.demo.story import Story
from tests.demo.synthetic import SyntheticMarket
from tests.support.page import RunningPage, events

BOTS = ("demo", "demo-bot")
"""Whose chains of the days before are marked and settled, too."""
ACCOUNT = "demo-living"
PAUSE = 1.5
"""Seconds for three hours of the market."""
TAKE_PROFIT = ("0.5", "0.6", "0.7", "0.8")
ENDED = (BacktestState.SUCCEEDED, BacktestState.FAILED, BacktestState.CANCELLED)
SPEC = """\
name: BTC calls, profit taken at {take_profit}
underlying: BTC
strategy: COVERED_CALL
style: INVERSE
preset: balanced
exit_style: TP_AND_ROLL
decision_interval_hours: 1
max_open_chains: 20
exits: {{take_profit: {take_profit}}}
data: {{spot_dataset_id: {dataset}}}
"""


def show_page(target: str, snapshots: Sequence[Snapshot], console: Console) -> None:
    """Opens the page, trades on and runs backtests under it. Raises whatever goes wrong."""
    stays = console.is_terminal and not os.environ.get("CI")
    console.print("[bold]The page[/]: the bot trades on, and the lab runs one backtest after the other.\n")
    with RunningPage(target) as page:
        console.print(f"page     {page.url}/", soft_wrap=True)
        if stays:
            console.print("         Open it in a browser. Ctrl-C ends the demo.\n")
        try:
            seen = asyncio.run(_live(target, page, snapshots, stays=stays))
        except KeyboardInterrupt:
            seen = "closed"
    console.print(f"         {seen}.\n", soft_wrap=True)


async def _live(target: str, page: RunningPage, snapshots: Sequence[Snapshot], *, stays: bool) -> str:
    """What the page has told, once it is enough. Raises whatever goes wrong on the way."""
    working = [asyncio.create_task(_trade_on(target, snapshots)), asyncio.create_task(_run_backtests(target))]
    looking = asyncio.create_task(_look(page, stays=stays))
    try:
        done, _ = await asyncio.wait({looking, *working}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {looking}:
            task.result()
        return await looking
    finally:
        for task in (looking, *working):
            task.cancel()
        await asyncio.gather(looking, *working, return_exceptions=True)


async def _trade_on(target: str, snapshots: Sequence[Snapshot]) -> None:
    """Markets that follow one another, each from where the last one ended, and a bot with a book of its own."""
    prices: Mapping[str, float] = {snapshot.coin: float(snapshot.index_price) for snapshot in snapshots}
    quiet = Story(Console(quiet=True))
    async with AsyncExitStack() as stack:
        ledgers = [await stack.enter_async_context(AsyncClient(target, account=name)) for name in (ACCOUNT, *BOTS)]
        market = await asyncio.to_thread(SyntheticMarket, 6, _midnight_after(snapshots), prices)
        trader, *others = [Bot(ledger, market, quiet) for ledger in ledgers]
        for seed in itertools.count(7):
            snapshots = market.snapshots()
            for _, at_once in itertools.groupby(snapshots, key=attrgetter("time")):
                for snapshot in at_once:
                    for other in others:
                        await other.keep(snapshot)
                    await trader.step(snapshot)
                await asyncio.sleep(PAUSE)
            market = await asyncio.to_thread(SyntheticMarket, seed, _midnight_after(snapshots), market.last_prices)
            for bot in (trader, *others):
                bot.market = market


def _midnight_after(snapshots: Sequence[Snapshot]) -> datetime:
    return snapshots[-1].time.replace(hour=0, minute=0, second=0, microsecond=0) + DAY


async def _run_backtests(target: str) -> None:
    """One run after the other, each takes profit at another share of the premium."""
    async with AsyncLab(target) as lab:
        bars = await lab.register_dataset(
            kind=DatasetKind.BARS,
            underlying="BTC",
            synthetic=MadeUpBars(start_time=datetime(2016, 4, 1, tzinfo=UTC), days=4_000),
            name="living",
        )
        for take_profit in itertools.cycle(TAKE_PROFIT):
            spec = parse(SPEC.format(dataset=bars.dataset_id, take_profit=take_profit))
            run = await lab.create_backtest(spec)
            async with aclosing(lab.watch_backtests(run.backtest_id)) as watching:
                async for message in watching:
                    if any(each.status and each.status.state in ENDED for each in message.backtests):
                        break


async def _look(page: RunningPage, *, stays: bool) -> str:
    """Looks at the page's own streams until everything that should move has moved."""
    async with page.asked() as browser:
        (await browser.get("/")).raise_for_status()
        async with events(browser, "/api/positions/stream") as positions:
            async for event in positions:
                if event.name == "values" and any(row["account"] == ACCOUNT for row in event.data["positions"]):
                    break
        async with events(browser, "/api/backtest/stream") as runs:
            async for event in runs:
                if event.name == "status" and event.data["running"] and event.data["decisions_processed"]:
                    break
    if stays:
        await asyncio.Event().wait()
    return "it has shown positions that are worth something else by the minute, and a backtest on its way"
