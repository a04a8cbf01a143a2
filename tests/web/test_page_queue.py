"""The queue of the lab while it fills."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import expect

from rollbook import DatasetKind, Lab, SyntheticMarket
from rollbook.specs import parse
from tests.support.browser import PATIENCE, browsing, chromium
from tests.support.page import RunningPage
from tests.support.server import RunningServer

RUNS = 12
SPEC = """\
underlying: BTC
strategy: COVERED_CALL
style: INVERSE
preset: balanced
data: {{spot_dataset_id: {dataset}}}
"""


def test_runs_that_come_while_the_page_opens_are_all_there(tmp_path: Path) -> None:
    """What is queued, and ends, between the page's first text and its table is in the table, in its newest state."""

    def queue() -> None:
        with Lab(server.target, deadline=60) as caller:
            for _ in range(RUNS):
                caller.create_backtest(spec)

    with (
        RunningServer(tmp_path / "ledger.db") as server,
        RunningPage(server.target) as bridge,
        Lab(server.target, deadline=60) as lab,
        chromium() as browser,
        ThreadPoolExecutor() as pool,
    ):
        market = SyntheticMarket(start_time=datetime(2023, 1, 1, tzinfo=UTC), days=120)
        bars = lab.register_dataset(kind=DatasetKind.BARS, underlying="BTC", synthetic=market)
        spec = parse(SPEC.format(dataset=bars.dataset_id))
        queued = pool.submit(queue)
        with browsing(browser, bridge.url) as page:
            page.goto("/lab")
            queued.result()
            rows = page.locator(".queue .ag-center-cols-container .ag-row")
            expect(rows).to_have_count(RUNS, timeout=PATIENCE)
            expect(rows.get_by_text("done")).to_have_count(RUNS, timeout=PATIENCE)
