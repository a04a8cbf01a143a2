"""Positions, one chain and Closed as somebody sees them in a browser: real server, real page, real Chromium."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from rollbook import Action, Client, ExecutionResult, Fill, Mode, StrategyKind
from rollbook_web.numbers import DASH, MINUS
from tests.support.browser import PATIENCE, PHONE, browsing, chromium
from tests.support.page import RunningPage
from tests.support.proxy import free_port
from tests.support.server import RunningServer
from tests.support.trading import CALL, LATER_CALL, PUT, USDC_CALL, bought, execution, june, mark, new_account, sold

expect.set_options(timeout=PATIENCE)


class Bot:
    """Somebody who trades while the page is open."""

    def __init__(self, client: Client, account: str) -> None:
        self._client = client
        self.account = account

    def record(self, action: Action, position_id: str, *fills: Fill, **more: object) -> ExecutionResult:
        command = execution(action, *fills, position_id=position_id, account=self.account, **more)
        self._client.record_execution(command)
        return command

    def open(self, position_id: str, fill: Fill | None = None, **more: object) -> None:
        self.record(Action.OPEN, position_id, fill or sold("0.5", "0.0125", fee="0.00015"), **more)

    def close(self, position_id: str, fill: Fill | None = None, **more: object) -> None:
        self.record(Action.CLOSE, position_id, fill or bought("0.5", "0.0025", fee="0.00015"), **more)

    def mark(self, price: str, symbol: str = CALL, minute: int = 0) -> None:
        self._client.update_marks([mark(symbol, price, time=june(9, 10, minute))], mode=Mode.LIVE, account=self.account)


@contextmanager
def trading(server: RunningServer, account: str = "") -> Iterator[Bot]:
    """A bot with a book of its own."""
    account = account or new_account()
    with Client(server.target, account=account, deadline=60) as client:
        yield Bot(client, account)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("page-ledger") / "ledger.db") as running:
        yield running


@pytest.fixture(scope="module")
def url(server: RunningServer) -> Iterator[str]:
    with RunningPage(server.target) as page:
        yield page.url
        assert page.complained == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A window on a laptop."""
    with browsing(browser, url) as opened:
        yield opened


@pytest.fixture
def bot(server: RunningServer) -> Iterator[Bot]:
    with trading(server) as trader:
        yield trader


def row(page: Page, bot: Bot, position_id: str) -> Locator:
    """The row of a chain, in both of its halves: the pinned one and the rest."""
    return page.locator(f'.ag-row[row-id="{bot.account}/{position_id}"]')


def cell(page: Page, bot: Bot, position_id: str, column: str) -> Locator:
    """What stands in a column."""
    return row(page, bot, position_id).locator(f'[col-id="{column}"]')


def never_loaded_again(page: Page) -> None:
    """The page is the one that `mark_it` was called on."""
    assert page.evaluate("window.sameAsBefore") is True


def mark_it(page: Page) -> None:
    """So that a reload would be seen."""
    page.evaluate("window.sameAsBefore = true")


def test_a_chain_appears_moves_and_goes_over_to_closed(page: Page, bot: Bot) -> None:
    """While a bot trades, its chain appears and its profit follows the marks; bought back it leaves Positions and
    stands in Closed with its exact profit. Neither page is loaded again."""
    bot.open("before")
    closed = page.context.new_page()
    for one, path in ((page, "/"), (closed, "/closed")):
        one.goto(f"{path}?find={bot.account}")
        mark_it(one)
    expect(row(page, bot, "before").first).to_be_visible()
    bot.open("weekly-1", sold("0.5", "0.0125", LATER_CALL, fee="0.00015"))
    expect(cell(page, bot, "weekly-1", "contract")).to_have_text(f"{MINUS}0.5 BTC-25JUL25-110000-C")
    expect(cell(page, bot, "weekly-1", "mode")).to_have_text("LIVE")
    expect(cell(page, bot, "weekly-1", "pnl")).to_have_text(f"{DASH}")
    bot.mark("0.01", LATER_CALL)
    expect(cell(page, bot, "weekly-1", "pnl")).to_have_text("+0.001250 BTC")
    bot.mark("0.02", LATER_CALL, minute=1)
    expect(cell(page, bot, "weekly-1", "pnl")).to_have_text(f"{MINUS}0.003750 BTC")
    expect(cell(page, bot, "weekly-1", "captured")).to_have_text(f"{MINUS}60.0 %")
    expect(cell(page, bot, "weekly-1", "pnl")).to_have_attribute("title", f"{MINUS}0.00375 BTC")
    bot.close("weekly-1", bought("0.5", "0.0025", LATER_CALL, fee="0.00015", time=june(9, 11)))
    expect(row(page, bot, "weekly-1")).to_have_count(0)
    expect(cell(closed, bot, "weekly-1", "net")).to_have_text("+0.004700 BTC")
    expect(row(closed, bot, "before")).to_have_count(0)
    for one in (page, closed):
        never_loaded_again(one)


def test_a_server_that_is_gone_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    """While the server is away a bar says since when the figures are old, and they stay. When it is back the bar goes,
    and what happened meanwhile is there; the page is not loaded again."""
    address = f"127.0.0.1:{free_port()}"
    with RunningServer(tmp_path / "ledger.db", listen=address) as server, RunningPage(server.target) as running:
        with trading(server, "main") as bot:
            bot.open("weekly-1")
            bot.mark("0.01")
        with browsing(browser, running.url) as page:
            page.goto("/")
            mark_it(page)
            expect(cell(page, bot, "weekly-1", "pnl")).to_have_text("+0.001250 BTC")
            bar = page.locator(".stale")
            expect(bar).to_be_empty()
            server.kill()
            expect(bar).to_contain_text(
                re.compile(r"The ledger has not answered since [\d-]* ?\d\d:\d\d:\d\d UTC \(\d+ s")
            )
            expect(cell(page, bot, "weekly-1", "pnl")).to_have_text("+0.001250 BTC")
            server.start()
            with trading(server, "main") as bot:
                bot.open("weekly-2")
                bot.mark("0.005", minute=1)
            expect(bar).to_be_empty()
            for position_id in ("weekly-1", "weekly-2"):
                expect(cell(page, bot, position_id, "pnl")).to_have_text("+0.003750 BTC")
            expect(page.locator(".totals .sum td").nth(1)).to_have_text("+$750.00")
            never_loaded_again(page)


def test_an_empty_ledger_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    """Who has recorded nothing is told which commands do it; typed as they stand, they make the first chain appear."""
    with (
        RunningServer(tmp_path / "ledger.db") as server,
        RunningPage(server.target) as running,
        browsing(browser, running.url) as page,
    ):
        page.goto("/")
        expect(page.get_by_role("heading", name="No chain yet")).to_be_visible()
        commands = page.locator("code").inner_text()
        page.get_by_role("link", name="Closed", exact=True).click()
        expect(page.get_by_role("heading", name="No chain has closed yet")).to_be_visible()
        page.get_by_role("link", name="Open chains").click()
        expect(page.get_by_role("heading", name="No chain yet")).to_be_visible()
        client = f'rollbook() {{ "{sys.executable}" -m rollbook.cli "$@"; }}\n'
        subprocess.run(["bash", "-ec", client + commands], cwd=tmp_path, check=True, timeout=60, capture_output=True)
        expect(page.get_by_role("link", name=f"{MINUS}0.1 BTC-")).to_be_visible()
        expect(page.get_by_role("heading", name="No chain yet")).to_be_hidden()


def test_a_phone_needs_no_sideways_scroll(browser: Browser, url: str, bot: Bot) -> None:
    """On a screen of 390 pixels no view is wider than it."""
    bot.open("on-a-phone", sold("0.5", "0.0125", LATER_CALL))
    bot.open("over")
    bot.close("over")
    with browsing(browser, url, PHONE) as page:
        for path, ready in (
            (f"/?find={bot.account}", row(page, bot, "on-a-phone").first),
            (f"/closed?find={bot.account}", row(page, bot, "over").first),
            (f"/chains/on-a-phone?account={bot.account}", page.get_by_role("heading", name="Journal")),
        ):
            page.goto(path)
            expect(ready).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_the_keyboard_reaches_a_chain(page: Page, bot: Bot) -> None:
    """Tab comes to the table, an arrow to its first row, and Enter opens the chain; the focus is to be seen."""
    bot.open("by-keyboard")
    page.goto(f"/?find={bot.account}")
    expect(row(page, bot, "by-keyboard").first).to_be_visible()
    page.get_by_label("Group by").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".ag-header-cell:focus-visible")).to_have_attribute("col-id", "chain")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".ag-cell:focus-visible")).to_have_text("by-keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by-keyboard", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the figures")).to_be_focused()


def test_dark_and_light_are_remembered(browser: Browser, url: str) -> None:
    """The page begins as the system has it; what is chosen holds for all views, and after a reload."""
    with browsing(browser, url, color_scheme="light") as page:
        page.goto("/")
        root = page.locator("html")
        expect(root).to_have_attribute("data-theme", "light")
        page.get_by_role("button", name="Dark or light").click()
        expect(root).to_have_attribute("data-theme", "dark")
        page.reload()
        expect(root).to_have_attribute("data-theme", "dark")
        page.get_by_role("link", name="Closed", exact=True).click()
        expect(page.get_by_role("heading", name="Closed", level=1)).to_be_visible()
        expect(root).to_have_attribute("data-theme", "dark")
        expect(page.locator("body")).to_have_class(re.compile("body--dark"))


def test_groups_and_order_stay_in_the_address(page: Page, bot: Bot) -> None:
    """Rows are grouped below headers that sum each currency by itself, and sorted within; the address keeps both."""
    bot.open("small", sold("0.1", "0.01"))
    bot.open("big", sold("0.7", "0.01"))
    bot.open("dollars", sold("0.1", "1200", USDC_CALL), strategy_name="other")
    bot.mark("0.005")
    page.goto(f"/?find={bot.account}")
    page.get_by_label("Group by").select_option("strategy")
    header = page.locator('.ag-full-width-row[row-id="group:covered call"]')
    expect(header).to_contain_text(re.compile(r"covered call.*chains.*BTC"))
    page.locator('.ag-header-cell[col-id="pnl"]').click()
    expect(page).to_have_url(re.compile(r"group=strategy.*sort=pnl"))
    page.reload()
    expect(header).to_contain_text(re.compile(r"2 shown of \d+ chains|2 chains"))
    expect(row(page, bot, "big").first).to_be_visible()
    names = page.locator(".ag-pinned-left-cols-container .ag-row")
    order = [str(one.get_attribute("row-id")) for one in names.all()]
    places = [order.index(f"{bot.account}/{name}") for name in ("small", "big")]
    assert places == sorted(places)
    expect(page.locator('.ag-full-width-row[row-id="group:covered call · other"]')).to_contain_text("USDC")


def test_what_deserves_a_look_is_called_out(page: Page, bot: Bot) -> None:
    """A half-done roll, a short inverse put and a mark that is missing stand on top, with links to their chains."""
    bot.open("half")
    bot.record(
        Action.ROLL, "half", bought("0.5", "0.02"), from_symbols=(CALL,), to_symbols=(LATER_CALL,), errors=("no funds",)
    )
    bot.open("put", sold("1", "0.03", PUT), strategy=StrategyKind.CASH_SECURED_PUT)
    page.goto("/")
    called = page.get_by_role("list", name="Deserves a look")
    for words, name in (("FLAT", "half"), ("uncovered", "put"), ("no mark", "put")):
        expect(
            called.get_by_role("listitem").filter(has_text=words).get_by_role("link", name=name).first
        ).to_be_visible()
    called.get_by_role("link", name="half").first.click()
    expect(page.get_by_role("heading", name="half", level=1)).to_be_visible()
    expect(page.get_by_text("no funds").first).to_be_visible()


def test_a_chain_tells_its_story_while_it_goes_on(page: Page, bot: Bot) -> None:
    """The open page of a chain follows a roll and its marks: every entry with its reason and its cash, the ladder with
    the roll's credit, the payoff of what is open then, and figures in coin and USD."""
    bot.open(
        "story", sold("0.5", "0.0125", fee="0.00015"), reason="premium is rich", trigger="entry", decision_id="d-1"
    )
    page.goto(f"/chains/story?account={bot.account}")
    mark_it(page)
    journal = page.get_by_role("region", name="Journal")
    expect(journal).to_contain_text("open, executed")
    expect(journal).to_contain_text("premium is rich · trigger entry · decision d-1")
    bot.record(
        Action.ROLL,
        "story",
        bought("0.5", "0.02", fee="0.00015"),
        sold("0.5", "0.03", LATER_CALL, fee="0.00015", time=june(9)),
        from_symbols=(CALL,),
        to_symbols=(LATER_CALL,),
        reason="delta above 0.5",
    )
    expect(journal).to_contain_text("delta above 0.5")
    expect(journal).to_contain_text(f"bought 0.5 {CALL} at 0.02 · roll 1")
    expect(journal.locator("tr", has_text=f"sold 0.5 {LATER_CALL}").locator("td").nth(2)).to_have_text("+0.014850")
    ladder = page.get_by_role("region", name="Ladder")
    expect(ladder.locator("svg")).to_contain_text("roll 1: credit 0.004700 BTC")
    expect(ladder.locator("figcaption")).to_contain_text("Roll 1 up and out: credit 0.004700 BTC after fees.")
    payoff = page.get_by_role("region", name="Payoff at expiry").locator("figcaption")
    expect(payoff).to_have_count(2)
    expect(payoff.first).to_contain_text("It breaks even near 113,402.")
    result = page.get_by_role("region", name="Result")
    bot.mark("0.01", LATER_CALL)
    expect(result.locator("tr", has_text="Unrealized").locator("td")).to_have_text(["+0.010000", "+$1,000.00"])
    expect(result.locator("tr", has_text="Fees").locator("td")).to_have_text(["0.000450", "$45.00"])
    expect(result.locator("tr", has_text="Gross").locator("td")).to_have_text([f"{MINUS}0.003750", f"{MINUS}$375.00"])
    never_loaded_again(page)
    page.goto("/chains/nobody-knows-it")
    expect(page.get_by_role("heading", name="No such chain")).to_be_visible()


def test_closed_chains_are_chosen_by_the_address(page: Page, bot: Bot) -> None:
    """What is chosen stays in the address and after a reload, statistics are of it, and its CSV has all digits."""
    for name, price in (("won", "0.0025"), ("lost", "0.0333")):
        bot.open(name, labels={"delta": "0.22"} if name == "won" else {})
        bot.close(name, bought("0.5", price, fee="0.00015"))
    bot.open("dry", sold("0.5", "0.0125"), mode=Mode.DRY_RUN)
    bot.close("dry", mode=Mode.DRY_RUN)
    page.goto("/closed")
    page.get_by_label("Account").select_option(bot.account)
    expect(page).to_have_url(re.compile(f"account={bot.account}"))
    statistics = page.get_by_role("region", name="Statistics")
    whole = statistics.locator("tr.sum td")
    expect(whole.nth(0)).to_have_text("2")
    expect(whole.nth(1)).to_have_text("50 %")
    expect(whole.nth(2)).to_have_text(f"{MINUS}0.006000 BTC")
    page.get_by_role("button", name="Delta at entry").click()
    expect(statistics.get_by_role("rowheader")).to_have_text(["0.20 to 0.25", "not known", "All"])
    expect(statistics).to_contain_text("It is not known of 1 chain")
    page.reload()
    expect(statistics.get_by_role("rowheader").first).to_have_text("0.20 to 0.25")
    expect(row(page, bot, "dry")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert {(one["position_id"], one["net_pnl"], one["net_pnl_usd"]) for one in rows} == {
        ("won", "0.0047", "470"),
        ("lost", "-0.0107", "-1070"),
    }
    page.get_by_label("Mode").select_option("DRY_RUN")
    expect(row(page, bot, "dry").first).to_be_visible()
    expect(row(page, bot, "won")).to_have_count(0)
