"""What open pages cost: pages without a browser, whose messages are read and not drawn, and one in a real Chromium."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from rollbook import Action, Client, Mark, Mode
from rollbook.models import Greeks
from rollbook_web.numbers import plain
from tests.bench.caller import percentile
from tests.bench.figures import Figure
from tests.bench.memory import resident
from tests.bench.processes import give, line, worker
from tests.support.browser import CHROMIUM, browsing, chromium
from tests.support.page import RunningPage
from tests.support.server import RunningServer
from tests.support.trading import execution, sold

EXPIRY = "25DEC98"
PERIOD = 1.0
"""Seconds between two marks of a contract."""
WATCHING = """(figures) => {
    window.arrivals = {};
    const wanted = new Set(figures);
    const look = () => {
        const title = document.querySelector('[row-id="main/chain-0"] [col-id="pnl"]')?.title;
        if (wanted.delete(title)) window.arrivals[title] = Date.now();
        if (!(figures.at(-1) in window.arrivals)) requestAnimationFrame(look);
    };
    look();
}"""
"""Notes at each frame what stands in the cell."""


@dataclass(frozen=True)
class Pages:
    """How much is done."""

    pages: int
    chains: int
    rounds: int


FULL = Pages(pages=50, chains=200, rounds=60)
QUICK = Pages(pages=2, chains=5, rounds=3)


def pages(folder: Path, scale: Pages, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Memory and processor of the page's process, and how soon a mark is on the pages."""
    tell(f"{scale.pages} open pages")
    with ExitStack() as stack:
        server = stack.enter_context(RunningServer(folder / "pages" / "ledger.db", clock=""))
        running = stack.enter_context(RunningPage(server.target))
        client = stack.enter_context(Client(server.target, account="main", deadline=60))
        for number in range(scale.chains):
            symbol = _symbol(number)
            fill = sold("1", "0.0125", symbol, time=datetime.now(UTC))
            client.record_execution(execution(Action.OPEN, fill, position_id=f"chain-{number}"))
        _mark(client, scale.chains, _price(0))
        before = resident(running.pid)
        readers = stack.enter_context(worker("page_readers"))
        give(readers, open=scale.pages, url=running.url)
        line(readers)
        browser = _browser(stack, running.url)
        figures = [_figure(round_) for round_ in range(1, scale.rounds + 1)]
        give(readers, want=figures[-1])
        line(readers)
        if browser is not None:
            browser.evaluate(WATCHING, figures)
        used, began = _seconds(running.pid), time.monotonic()
        sent: dict[str, tuple[float, float]] = {}
        for round_, figure in enumerate(figures, 1):
            sent[figure] = (time.monotonic(), time.time() * 1000)
            _mark(client, scale.chains, _price(round_))
            if round_ < scale.rounds:
                time.sleep(max(0.0, began + round_ * PERIOD - time.monotonic()))
        give(readers, seen=True)
        arrivals: list[dict[str, float]] = line(readers)["arrivals"]
        busy = (_seconds(running.pid) - used) / (time.monotonic() - began)
        held = resident(running.pid)
        what = f"{scale.pages} open pages, {scale.chains} chains marked at 1 Hz"
        begun = {figure: at for figure, (at, _) in sent.items()}
        lags = [lag for came in arrivals for lag in _lags(begun, came)]
        yield Figure(f"{what}: processor of the page's process, % of a core", f"{100 * busy:,.0f}")
        mib = 2**20
        yield Figure(f"{what}: its memory, MiB (before them)", f"{held / mib:,.0f} ({before / mib:,.0f})")
        yield Figure(f"{what}: from UpdateMarks to a page's socket, p50 / p99, ms", _both(lags))
        yield Figure(f"{what}: the same to a cell in Chromium, p50 / p99, ms", _drawn(browser, sent))


def _browser(stack: ExitStack, url: str) -> Page | None:
    """A real page beside the others; None where there is no Chromium."""
    if not CHROMIUM.exists():
        return None
    page = stack.enter_context(browsing(stack.enter_context(chromium()), url))
    page.goto("/")
    page.locator('[row-id="main/chain-0"]').first.wait_for()
    return page


def _drawn(browser: Page | None, sent: dict[str, tuple[float, float]]) -> str:
    if browser is None:
        return f"no {CHROMIUM} here"
    last = list(sent)[-1]
    browser.wait_for_function("last => last in window.arrivals", arg=last)
    came: dict[str, float] = browser.evaluate("window.arrivals")
    return _both([lag / 1000 for lag in _lags({figure: at for figure, (_, at) in sent.items()}, came)])


def _lags(sent: dict[str, float], came: dict[str, float]) -> Iterator[float]:
    """From each figure until it was there, or one that is newer."""
    newest = float("inf")
    for figure, at in reversed(sent.items()):
        newest = min(newest, came.get(figure, newest))
        yield newest - at


def _both(lags: list[float]) -> str:
    ordered = sorted(lags)
    return " / ".join(f"{percentile(ordered, share) * 1000:,.0f}" for share in (0.50, 0.99))


def _seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _symbol(number: int) -> str:
    return f"BTC-{EXPIRY}-{100_000 + 10 * number}-C"


def _price(round_: int) -> Decimal:
    """Another one in each round."""
    return Decimal("0.01") - round_ * Decimal("0.0000001")


def _figure(round_: int) -> str:
    """What stands in the title of a chain's unrealized PnL in that round."""
    return f"+{plain(Decimal('0.0125') - _price(round_))} BTC"


def _mark(client: Client, chains: int, price: Decimal) -> None:
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "mark_time": now,
        "mark_price": price,
        "index_price": Decimal(100_000),
        "best_bid_price": price,
        "best_ask_price": price,
        "mark_volatility": 50.0,
        "greeks": Greeks(delta=0.2, gamma=0.0, vega=1.0, theta=-1.0, rho=0.0),
    }
    client.update_marks([Mark(symbol=_symbol(number), **fields) for number in range(chains)], mode=Mode.LIVE)
