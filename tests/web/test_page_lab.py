"""The lab and the system as somebody sees them in a browser: real server, real page, real Chromium."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from rollbook import (
    Action,
    BacktestMetrics,
    BacktestSpec,
    BacktestState,
    Client,
    DatasetKind,
    ExecutionResult,
    ExecutionStatus,
    Fill,
    FillSource,
    Lab,
    Mode,
    NotFound,
    Side,
    StrategyKind,
    SyntheticMarket,
    new_request_id,
    specs,
)
from rollbook_web.numbers import MINUS
from tests.support.browser import LAPTOP, PATIENCE, PHONE, browsing, chromium
from tests.support.lab import SLOW
from tests.support.page import RunningPage
from tests.support.server import RunningServer

expect.set_options(timeout=PATIENCE)
START = datetime(2021, 1, 1, tzinfo=UTC)
SEEN = """() => {
  const figure = () => document.querySelector(".progress-figure")?.textContent;
  window.seen = [figure()];
  new MutationObserver(() => window.seen.push(figure())).observe(document.body, {subtree: true, childList: true});
}"""
"""Notes each figure of the progress from now on, for as long as the page is not loaded again."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose runs take their time: their parts are as short as they can be."""
    with RunningServer(tmp_path_factory.mktemp("page-lab") / "ledger.db", *SLOW) as running:
        yield running


@pytest.fixture(scope="module")
def url(server: RunningServer) -> Iterator[str]:
    """The page of it."""
    with RunningPage(server.target) as page:
        yield page.url
        assert page.complained == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all."""
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A window of its own, on a laptop."""
    with browsing(browser, url, LAPTOP) as opened:
        yield opened


@pytest.fixture
def lab(server: RunningServer) -> Iterator[Lab]:
    """Somebody else who uses the lab."""
    with Lab(server.target, deadline=60) as caller:
        yield caller


def test_a_backtest_from_the_form_runs_to_its_report(page: Page, lab: Lab) -> None:
    """A market is made up in a dialog, the form is filled in and sent, and the run's page follows it by itself: its
    progress moves, its curves appear, at its end the report opens, and report and training data can be had as files.
    """
    name = f"From the form {uuid.uuid4()}"
    before = lab.create_backtest(_slow(lab, "It occupies the only worker"))
    page.goto("/lab")
    page.get_by_role("button", name="Make a synthetic market").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Seed").fill("77")
    dialog.get_by_label("Days", exact=True).fill("600")
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog).to_have_count(0)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Size and pace").click()
    page.get_by_label("Chains open at once").fill("64")  # much to do: its progress can be seen
    page.get_by_label("Hours between decisions").fill("1")
    page.get_by_role("button", name="Run backtest").click()

    page.wait_for_url("**/lab/*-*")
    expect(page.get_by_text("Covered calls BTC, inverse, take profit and roll, balanced")).to_be_visible()
    expect(_state(page)).to_have_text("waiting")
    page.evaluate(SEEN)
    lab.delete_backtest(before.backtest_id)
    expect(_state(page)).to_have_text("done")
    assert any(re.fullmatch(r"[1-9]\d? %", figure) for figure in page.evaluate("window.seen"))
    expect(page.locator("figure.chart svg path").first).to_be_attached()
    expect(page.locator("figcaption").first).to_contain_text(
        "From 2021-04-01 to 2022-11-22 equity went from 64.000000 BTC"
    )
    expect(page.get_by_role("region", name="Chains", exact=True)).to_contain_text("5 % of resamples are below")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open report").click()
    expect(opened.value.get_by_role("heading", name=name)).to_be_visible()
    for link, ending in (("Download report", ".html"), ("Decisions as CSV", ".csv")):
        with page.expect_download() as file:
            page.get_by_role("link", name=link).click()
        assert file.value.suggested_filename.endswith(ending)
        assert file.value.path().stat().st_size > 1000


def test_what_the_server_refuses_is_said_at_the_field(page: Page, lab: Lab) -> None:
    """A quantity that is no multiple of the venue's step is the server's to refuse: its sentence stands at the field,
    whose part of the form opens; a text that is no number is not sent at all."""
    _bars(lab)
    page.goto("/lab")
    page.get_by_role("button", name="Size and pace").click()
    page.get_by_label("Coins per chain").fill("0.25")
    page.get_by_role("button", name="Size and pace").click()
    page.get_by_role("button", name="Run backtest").click()
    expect(_messages(page, "quantity")).to_have_text("must be a multiple of 0.1, the venue's step")
    expect(page.get_by_role("alert").filter(has_text="The server refused a field")).to_be_visible()
    page.get_by_label("Coins per chain").fill("some")
    page.get_by_role("button", name="Run backtest").click()
    expect(_messages(page, "quantity")).to_have_text("a number is needed, and this is the text 'some'")
    assert page.url.endswith("/lab")


def test_runs_are_paused_resumed_ended_and_deleted_in_the_queue(page: Page, lab: Lab) -> None:
    """The marked run does what is pressed, and the table says so by itself; what cannot be undone is asked first."""
    name = f"Steered {uuid.uuid4()}"
    page.goto("/lab")
    lab.create_backtest(_slow(lab, name))
    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text(re.compile("running|waiting"))
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="End").click()
    expect(row).to_contain_text("cancelled")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("alertdialog")).to_contain_text(f'Delete the run "{name}"?')
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_runs_stand_side_by_side(page: Page, lab: Lab) -> None:
    """Two marked runs are compared: what differs in their specs, and the figures of each in a column of its own."""
    one, two = f"One {uuid.uuid4()}", f"Two {uuid.uuid4()}"
    for name, most in ((one, 0.25), (two, 0.35)):
        spec = _spec(lab, days=60, name=name)
        _until_done(lab, lab.create_backtest(specs.changed(spec, "selection.max_delta", str(most))).backtest_id)
    page.goto("/lab")
    for name in (one, two):
        page.get_by_role("row").filter(has_text=name).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare").click()
    differing = page.get_by_role("region", name="What differs in their specifications")
    expect(differing.get_by_role("columnheader")).to_have_text(["", one, two])
    expect(differing.get_by_role("row").filter(has_text="Greatest delta").get_by_role("cell")).to_have_text(
        ["0.25", "0.35"]
    )
    expect(page.get_by_role("region", name="The account, marked at every bar")).to_contain_text("BTC")


def test_a_sweep_shows_its_heatmap_and_a_point_fills_the_form(page: Page, lab: Lab) -> None:
    """An open sweep goes on by itself to its end; then each cell of the heatmap has its figure, the chosen point is
    named, and a point of the table fills the form in, with which it is run again to the same figure."""
    spec = _spec(lab, days=120, name=f"Swept {uuid.uuid4()}")
    sweep = lab.create_sweep(spec, {"selection.max_delta": [0.25, 0.35], "exits.take_profit": [0.4, 0.6]})
    page.goto(f"/lab/sweeps/{sweep.sweep_id}")
    expect(page.get_by_text("4 of 4 points")).to_be_visible()
    expect(
        page.locator("figure.chart svg text").filter(has_text=re.compile(rf"^[+{MINUS}]?\d+\.\d+ %$"))
    ).to_have_count(4)
    expect(page.get_by_text(re.compile(r"In sample, point \d was the best"))).to_be_visible()
    page.get_by_role("region", name="Best points out of sample").get_by_role("link").first.click()
    point = next(each for each in lab.iterate_sweep_points(sweep.sweep_id) if f"point={each.number}" in page.url)
    assert point.spec is not None
    assert point.spec.selection is not None
    expect(page.get_by_label("Greatest delta")).to_have_value(str(point.spec.selection.max_delta))
    page.get_by_role("button", name="Run backtest").click()
    page.wait_for_url(re.compile(r"/lab/[0-9a-f-]{36}$"))
    again = _until_done(lab, page.url.rpartition("/")[2])
    assert again.coin is not None
    assert again.coin.return_pct == point.value
    page.goto("/lab/sweeps")
    expect(page.get_by_role("region", name="Sweeps").get_by_role("row").filter(has_text=spec.name)).to_contain_text(
        "done"
    )


def test_a_refused_command_is_called_out(page: Page, server: RunningServer) -> None:
    """What the ledger refused stands there with its mode, its reason and its sentence, without a reload."""
    page.goto("/system")
    expect(page.get_by_text("revision 0, all of it")).to_be_visible()
    executed_time = datetime(2025, 12, 1, 9, tzinfo=UTC)
    fill = Fill(
        source=FillSource.VENUE_TRADE,
        trade_id="9001",
        symbol="BTC-26DEC25-100000-C",
        side=Side.BUY,
        quantity=Decimal("0.5"),
        price=Decimal("0.0125"),
        fee=Decimal(0),
        executed_time=executed_time,
    )
    with Client(server.target, account="main", deadline=60) as ledger, pytest.raises(NotFound):
        ledger.record_execution(
            ExecutionResult(
                request_id=new_request_id(),
                mode=Mode.LIVE,
                strategy=StrategyKind.COVERED_CALL,
                action=Action.CLOSE,
                status=ExecutionStatus.EXECUTED,
                executed_time=executed_time,
                fills=(fill,),
            )
        )
    row = page.get_by_role("region", name="1 refusal").get_by_role("row").nth(1)
    for text in ("LIVE", "open", "main", "CLOSE BTC-26DEC25-100000-C", "NO_CHAIN_HOLDS_CONTRACT", "no LIVE chain"):
        expect(row).to_contain_text(text)
    expect(page.get_by_role("region", name="By reason").get_by_role("cell")).to_have_text(["1", "0"])


def test_on_a_phone_no_view_is_wider_than_the_screen(browser: Browser, url: str, lab: Lab) -> None:
    """390 pixels are enough for each view of the lab; its tables scroll within themselves."""
    run = lab.create_backtest(_spec(lab, days=60, name="On a phone"))
    other = lab.create_backtest(_spec(lab, days=60, name="On another"))
    _until_done(lab, run.backtest_id)
    _until_done(lab, other.backtest_id)
    with browsing(browser, url, PHONE, color_scheme="dark") as page:
        for path, text in (
            ("/lab", "On a phone"),
            (f"/lab/{run.backtest_id}", "Open report"),
            (f"/lab/compare?ids={run.backtest_id},{other.backtest_id}", "Nothing: they are the same run."),
            ("/lab/sweeps", "Sweeps"),
            ("/system", "Last check"),
            ("/lab/nothing", "There is no such backtest"),
        ):
            page.goto(path)
            expect(page.get_by_role("main").get_by_text(text).first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path


def _state(page: Page) -> Locator:
    return page.locator(".chip.run").first


def _messages(page: Page, path: str) -> Locator:
    """What stands under a field of the form."""
    return page.locator(".q-field", has=page.locator(f'[data-field="{path}"]')).locator(".q-field__messages")


def _bars(lab: Lab, days: int = 60) -> str:
    market = SyntheticMarket(seed=1, start_time=START, days=days)
    return lab.register_dataset(
        kind=DatasetKind.BARS, underlying="BTC", synthetic=market, name=f"bars-{days}"
    ).dataset_id


def _spec(lab: Lab, *, days: int, name: str) -> BacktestSpec:
    return specs.from_mapping(
        {
            "name": name,
            "underlying": "BTC",
            "strategy": "COVERED_CALL",
            "style": "INVERSE",
            "data": {"spot_dataset_id": _bars(lab, days)},
        }
    )


def _slow(lab: Lab, name: str) -> BacktestSpec:
    """A run with so much to do that nobody waits for its end."""
    return dataclasses.replace(_spec(lab, days=4000, name=name), max_open_chains=64, decision_interval_hours=1)


def _until_done(lab: Lab, backtest_id: str) -> BacktestMetrics:
    """What a run comes to."""
    for message in lab.watch_backtests(backtest_id):
        for run in message.backtests:
            if run.status is not None and run.status.state is BacktestState.SUCCEEDED:
                assert run.status.metrics is not None
                return run.status.metrics
    raise AssertionError("a watch has no end")
