"""The page about a run: complete, well-formed, self-contained, and safe whatever a name holds."""

import re
from collections import Counter
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from rollbook_server.domain.backtest.metrics import measure
from rollbook_server.domain.backtest.report import About, DatasetLine, charts, ladder, months, numerals, render
from rollbook_server.domain.backtest.report.charts import Line
from rollbook_server.domain.backtest.report.markup import Markup, element, joined
from rollbook_server.domain.backtest.report.numerals import MINUS
from rollbook_server.domain.backtest.report.style import POLICY, SCRIPT, STYLE, hashed
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, StepOutcome
from rollbook_server.domain.backtest.spec import (
    BacktestSpec,
    DataSpec,
    ExitSpec,
    ExitStyle,
    FeeSchedule,
    FillPrice,
    FillSpec,
    MissingOffer,
    QuoteSource,
    SelectionSpec,
    VolatilitySource,
    VolatilitySpec,
)
from rollbook_server.domain.clock import DAY
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_rows import HOUR, START, chain_of, equity_of, leg_of, random_run, spec_of, steps_of

EVIL = "<script>alert(1)</script> \"'&<img src=x onerror=alert(2)>"
SECTIONS = ["honesty", "equity", "months", "figures", "chains", "ladder", "rules", "data", "spec"]
VOID = {"meta", "br"}
ABOUT = About(
    backtest_id="bt-17",
    run_digest="ab" * 32,
    result_digest="cd" * 32,
    engine_version="1",
    create_time=START,
    datasets=(
        DatasetLine(
            use="spot", dataset_id="ds-1", name="BTC hourly", source="https://example.com/bars.csv",
            content_hash="ef" * 32, first_time=START, last_time=START + DAY, gaps=2, synthetic=False,
        ),
    ),
)  # fmt: skip


def full_spec(**more: Any) -> BacktestSpec:
    spec = spec_of(
        name="Weekly calls",
        preset="balanced",
        exit_style=ExitStyle.TP_AND_ROLL,
        decision_interval_hours=24,
        decision_hour=9,
        selection=SelectionSpec(min_dte_days=7, target_delta=0.2),
        exits=ExitSpec(take_profit=0.5, max_rolls=3),
        volatility=VolatilitySpec(
            source=VolatilitySource.REALIZED, multiplier=1.1, half_life_days=10, smile_slope=-0.075
        ),
        forward_basis=0.0,
        fills=FillSpec(
            quotes=QuoteSource.MODEL, price=FillPrice.BID_ASK, half_spread_vol_points=0.75,
            missing_offer=MissingOffer.HOLD, fees=FeeSchedule.DERIBIT,
        ),
        data=DataSpec(spot_dataset_id="ds-1"),
    )  # fmt: skip
    return replace(spec, **more)


def rolled(number: int = 41) -> BacktestChain:
    first = leg_of(at=START + 2 * DAY, bought=0.03, trigger="defend")
    second = leg_of(2, at=START + 7 * DAY, symbol="BTC-26JAN24-64000-C", sold=0.031, trigger="expiry", bought=0.0,
                    close_fee=0.0, delivery_is_proxy=True)  # fmt: skip
    return chain_of(number, first, second)


def page(
    spec: BacktestSpec | None = None,
    equity: Equity | None = None,
    chains: list[BacktestChain] | None = None,
    about: About = ABOUT,
    **figures: Any,
) -> str:
    known, made = random_run()
    spec, equity = spec or full_spec(), equity or known
    chains = [*made, rolled()] if chains is None else chains
    steps = steps_of([StepOutcome.TRADED] * 3 + [StepOutcome.NO_BID])
    return render(spec, replace(measure(spec, equity, chains, steps), **figures), equity, chains, steps, about=about)


class Parsed(HTMLParser):
    """What a page holds; it complains where an element is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words).replace(numerals.SPACE, " ")


@pytest.mark.parametrize("strategy", [StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT])
@pytest.mark.parametrize("style", list(ContractStyle))
def test_a_page_is_whole(strategy: StrategyKind, style: ContractStyle) -> None:
    """Each strategy in each style has all sections, well-formed, each id once, each table with a caption."""
    parsed = Parsed(page(full_spec(strategy=strategy, style=style)))
    assert [each for each in parsed.ids if not each.endswith("-title")] == SECTIONS
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.tags["caption"] == parsed.tags["table"] > 10
    assert parsed.tags["h1"] == parsed.tags["main"] == 1
    assert parsed.tags["h2"] == len(SECTIONS)
    assert "nan" not in parsed.text.lower().split()
    assert "None" not in parsed.text.split()


def test_nothing_is_fetched() -> None:
    """No address but in text, no element that loads, and a policy that forbids it; style and script by their hashes."""
    text = page()
    parsed = Parsed(text)
    loading = {"src", "href", "action", "xlink:href", "srcset", "data", "poster", "style"}
    assert not [each for each in parsed.attributes if each[1] in loading or each[1].startswith("on")]
    assert not {"link", "img", "iframe", "object", "embed", "form", "a", "base"} & set(parsed.tags)
    assert parsed.tags["script"] == parsed.tags["style"] == 1
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "fetch" not in SCRIPT
    assert re.findall(r"<style>(.*?)</style>", text, re.S) == [STYLE]
    assert re.findall(r"<script>(.*?)</script>", text, re.S) == [SCRIPT]
    assert hashed(STYLE) in POLICY
    assert hashed(SCRIPT) in POLICY
    assert ("meta", "content", POLICY) in parsed.attributes
    assert "https://example.com/bars.csv" in parsed.text


def test_names_are_text() -> None:
    """A script in any text of a run is shown, not run."""
    evil = replace(
        ABOUT, backtest_id=EVIL, run_digest=EVIL, engine_version=EVIL, state=EVIL,
        datasets=(replace(ABOUT.datasets[0], name=EVIL, source=EVIL, content_hash=EVIL),),
    )  # fmt: skip
    chain = replace(rolled(), legs=tuple(replace(each, trigger=EVIL) for each in rolled().legs))
    text = page(full_spec(name=EVIL, preset=EVIL), chains=[chain], about=evil)
    parsed = Parsed(text)
    assert parsed.tags["script"] == 1
    assert parsed.tags["img"] == 0
    assert parsed.text.count("<script>alert(1)</script>") >= 6
    assert "<script>alert" not in text


def test_markup_escapes_what_is_not_markup() -> None:
    """Only what was made as markup stays markup."""
    assert element("p", "a < b", class_='"x"') == '<p class="&quot;x&quot;">a &lt; b</p>'
    assert joined("<b>", Markup("<b>")) == "&lt;b&gt;<b>"
    assert element("td", None, title=None) == "<td></td>"


def test_the_specification_is_shown_whole() -> None:
    """Every field of the resolved spec is there, and a rule that is not used is off."""
    parsed = Parsed(page())
    names = [each.name for each in fields(BacktestSpec)]
    for part in (SelectionSpec, ExitSpec, VolatilitySpec, FillSpec, DataSpec):
        names += [each.name for each in fields(part)]
    grouped = {"selection", "exits", "volatility", "fills", "data"}
    assert [name for name in names if name not in grouped and name not in parsed.words] == []
    assert "off" in parsed.words
    assert "TP_AND_ROLL" in parsed.words
    for digest in (ABOUT.run_digest, ABOUT.result_digest):
        assert digest in parsed.text


def test_honesty() -> None:
    """Break-even, points, skew, interval, open chains and what was modelled are said in words, with their figures."""
    known, made = random_run()
    marked = chain_of(99, leg_of(at=START + 300 * DAY, close_fee=0.0, trigger="data_end"), open_at_end=True)
    text = Parsed(
        page(
            chains=[*made, marked],
            break_even_multiplier=1.037,
            pnl_per_vol_point=0.1973,
            chains_pnl_flat_smile=0.5,
            chains_pnl_call_skew=0.75,
            coin=replace(measure(full_spec(), known, made, steps_of()).coin, chains_pnl_p05=-0.4, chains_pnl_p95=0.6),
        )
    ).text
    for said in (
        "1.04 times",
        "6 % less than assumed",
        "+0.1973 BTC",
        "+0.5000 BTC",
        "+0.7500 BTC",
        f"{MINUS}0.4000 BTC to +0.6000 BTC",
        "the sign of the result is not established",
        "1 chain, marked at the ask",
        "Black-76 on 1.1 times realized volatility",
        "a proxy",
        "From 400 days and 40 closed chains",
    ):
        assert said in text, said


def test_a_short_run_says_why_it_is_not_annualised() -> None:
    """Without 90 days and 20 chains the figures are dashes, and the reason stands in the box."""
    text = Parsed(page(equity=random_run(days=30)[0], chains=[rolled()])).text
    assert "None: 30.0 days and 1 closed chain, and nothing is annualised under 90 days or 20 chains." in text
    assert "Fewer than 20 closed chains: no interval is drawn" in text
    assert "too few chains to tell luck from skill" in text


@pytest.mark.parametrize(
    ("spec", "warning"),
    [
        (full_spec(fills=replace(full_spec().fills, price=FillPrice.MID)), "Scenario: orders fill at the middle"),
        (full_spec(fills=replace(full_spec().fills, fees=FeeSchedule.NONE)), "Scenario: no fees"),
        (full_spec(fills=replace(full_spec().fills, without_ticks=True)), "Scenario: prices without ticks"),
        (full_spec(volatility=VolatilitySpec(source=VolatilitySource.CONSTANT, level=0.5)), "Scenario: one volatility"),
        (full_spec(volatility=replace(full_spec().volatility, allow_short_dated=True)), "less than five days were"),
    ],
)
def test_a_scenario_is_labelled(spec: BacktestSpec, warning: str) -> None:
    """What no taker gets is a warning on top of the page; an ordinary run has none."""
    assert warning in Parsed(page(spec)).text
    assert ("p", "class", "warning") in Parsed(page(spec)).attributes
    assert ("p", "class", "warning") not in Parsed(page()).attributes


def test_a_cancelled_run_says_so() -> None:
    """Figures of a part are not taken for those of the whole."""
    assert "The run is CANCELLED" in Parsed(page(about=replace(ABOUT, state="CANCELLED"))).text


def test_a_run_without_chains_or_bars() -> None:
    """Nothing traded, or nothing at all: the page still stands."""
    parsed = Parsed(page(chains=[]))
    assert "No chain was opened." in parsed.text
    assert [each for each in parsed.ids if not each.endswith("-title")] == SECTIONS
    assert "There is no bar yet." in Parsed(page(equity=equity_of([], []), chains=[])).text


def test_recorded_quotes_have_no_assumed_volatility() -> None:
    """Nothing is said of a multiplier where none was used."""
    recorded = full_spec(fills=replace(full_spec().fills, quotes=QuoteSource.RECORDED))
    text = Parsed(page(recorded)).text
    assert "Quotes are recorded, so no volatility was assumed" in text
    assert "Recorded bids and asks" in text
    assert "assumed" not in text.replace("no volatility was assumed", "")


def test_five_years_fit() -> None:
    """43,800 bars and 1,500 chains make a page of less than 400 KB."""
    equity, _ = random_run(days=1825)
    chains = [chain_of(k, leg_of(at=START + k * DAY)) for k in range(1, 1501)]
    text = page(equity=equity, chains=chains)
    assert len(text.encode()) < 400_000
    assert Parsed(text).tags["rect"] == 375


def test_a_bar_for_each_chain() -> None:
    """Up to 400 chains each has its bar, with its PnL as its title; an open one is marked as such."""
    _, made = random_run()
    marked = chain_of(99, leg_of(at=START + 300 * DAY, close_fee=0.0, trigger="data_end"), open_at_end=True)
    parsed = Parsed(page(chains=[*made, marked]))
    assert parsed.tags["rect"] == 41
    assert [each for each in parsed.attributes if each[0] == "rect" and each[2] == "bar open"] != []
    assert "Chain 1, 2024-01-01 to 2024-01-06, BTC-26JAN24-60000-C: " in parsed.text


def test_lines_keep_every_extreme() -> None:
    """A line is thinned to at most 722 points, and its highest, lowest, first and last stay."""
    value = np.random.Generator(np.random.PCG64(1)).normal(size=43_800)
    value[20_000], value[30_001] = 9.0, -9.0
    rows = charts.thinned(value)
    assert len(rows) <= 2 * charts.BUCKETS + 2
    assert {0, 20_000, 30_001, 43_799} <= set(rows.tolist())
    assert (np.diff(rows) > 0).all()
    assert charts.thinned(value[:500]).tolist() == list(range(500))


def test_a_line_has_its_points_where_they_belong() -> None:
    """First at the left, last at the right, the highest above the lowest; a flat line is drawn too."""
    time = START + HOUR * np.arange(5)
    chart = charts.lines("x", time, [Line("a", "ours", np.array([1.0, 3.0, 2.0, 1.0, 2.0]))], "BTC")
    points = re.findall(r'points="([^"]*)"', chart)[0].split()
    x, y = zip(*(map(float, each.split(",")) for each in points), strict=True)
    assert x == (0, 250, 500, 750, 1000)
    assert y[0] == y[3] == max(y)
    assert y[1] == min(y)
    assert y[2] == y[4] == pytest.approx((y[0] + y[1]) / 2, abs=0.11)
    assert "nan" not in charts.lines("x", time, [Line("a", "ours", np.ones(5))], "BTC")


@pytest.mark.parametrize(
    ("low", "high", "levels"),
    [(0, 100, [0, 20, 40, 60, 80, 100]), (-0.17, 0.04, [-0.15, -0.1, -0.05, 0]), (0.981, 1.024, [0.99, 1, 1.01, 1.02])],
)
def test_round_values(low: float, high: float, levels: list[float]) -> None:
    """Figures of an axis are round, and within it."""
    assert charts.round_steps(low, high, 5) == pytest.approx(levels)


@pytest.mark.parametrize(("days", "first", "most"), [(1825, "2025", 6), (300, "Jan 2024", 5), (40, "02 Jan", 7)])
def test_dates_of_an_axis(days: int, first: str, most: int) -> None:
    """Years, quarters or days, few enough to stand beside each other."""
    dates = charts.dates_of(START, START + days * DAY)
    assert first in [text for _, text in dates]
    assert 2 < len(dates) <= most


def test_months_by_hand() -> None:
    """From month's end to month's end in UTC; the close at 00:00 of the first belongs to the month before."""
    time = START + DAY * np.array([10, 31, 40, 60, 61])
    found = months.monthly(time, np.array([1.2, 1.1, 1.3, 2.2, 1.1]), 1.0)
    assert found == pytest.approx({(2024, 1): 10.0, (2024, 2): 100.0, (2024, 3): -50.0})
    assert months.monthly(time, np.array([1.0, -1.0, 1.0, 1.0, 1.0]), 1.0) == {}
    table = months.heat_table("x", found, found, "HODL")
    assert 'class="gain-3">100.0' in table
    assert 'class="year">10.0' in table


def test_the_ladder_shows_the_chain_with_most_rolls() -> None:
    """Of several the worst, and it says so; a step per leg, with prices, strikes and what ended them."""
    worse = chain_of(7, leg_of(bought=0.09, trigger="defend"), leg_of(2, at=START + 5 * DAY, trigger="expiry"))
    assert ladder.chosen([chain_of(1, leg_of()), rolled()]) == (rolled(), "the one with the most rolls")
    found = ladder.chosen([rolled(), worse, chain_of(1, leg_of())])
    assert found is not None
    assert found[0] is worse
    assert ladder.chosen([]) is None
    equity, made = random_run()
    drawn = ladder.section(full_spec(), "BTC", equity, [*made, rolled()])
    parsed = Parsed(drawn)
    assert sum(value.startswith("step") for _, name, value in parsed.attributes if name == "class") == 2
    marked = chain_of(
        50, leg_of(close_time=None, close_price=0.017, close_fee=0.0, trigger="data_end"), open_at_end=True
    )
    assert "data end: open, marked" in Parsed(ladder.section(full_spec(), "BTC", equity, [marked])).text
    assert "0.0170" in Parsed(ladder.section(full_spec(), "BTC", equity, [marked])).text
    for said in ("Chain 41", "0.0200", "0.0300", "0.0310", "BTC-26JAN24-64000-C", "defend", "expiry; proxy price"):
        assert said in parsed.text, said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (numerals.money(-1234567.4, "USD"), f"{MINUS}1,234,567 USD"),
        (numerals.money(12.345, "USD", signed=True), "+12.35 USD"),
        (numerals.money(-0.00001, "BTC", signed=True), "0.0000 BTC"),
        (numerals.money(0.02, "BTC", signed=True), "+0.0200 BTC"),
        (numerals.money(None, "BTC"), "—"),
        (numerals.number(float("nan"), 2), "—"),
        (numerals.percent(-5.25), f"{MINUS}5.2 %"),
        (numerals.counted(1, "chain"), "1 chain"),
        (numerals.counted(1200, "chain"), "1,200 chains"),
        (numerals.plain(-0.075), f"{MINUS}0.075"),
        (numerals.minute(START), "2024-01-01 00:00"),
    ],
)
def test_how_figures_are_written(text: str, said: str) -> None:
    """Units, thousands apart, a true minus, no sign on what rounds to zero, a dash for what is not known."""
    assert text.replace(numerals.SPACE, " ") == said


def test_a_wheel_tells_of_its_cycles() -> None:
    """A row for each cycle with what its coins cost, where each stands; cycles are what is compared with the account,
    and no interval is drawn from chains."""
    known, made = random_run()
    spec = replace(full_spec(), strategy=StrategyKind.WHEEL, style=ContractStyle.LINEAR)
    begun: dict[str, Any] = {"start_time": START, "quantity": 1.0, "put_premium": 900.0, "put_costs": 100.0}
    turned = BacktestCycle(
        number=1, end_time=START + 40 * DAY, first_chain=1, last_chain=6, put_strike=52_000.0,
        put_delivery_price=50_500.0, purchase_time=START + 9 * DAY, purchase_price=50_400.5, effective_cost=51_100.5,
        call_strike=53_000.0, sale_price=54_321.5, call_premium=700.0, call_costs=50.0, net_pnl=2_549.5, **begun,
    )  # fmt: skip
    held = BacktestCycle(
        number=2, first_chain=7, last_chain=8, put_strike=48_000.0, put_delivery_price=47_000.0,
        purchase_time=START + 60 * DAY, purchase_price=46_900.0, effective_cost=47_100.0, net_pnl=-1_234.0,
        open_at_end=True, **begun,
    )  # fmt: skip
    steps = steps_of([StepOutcome.TRADED, StepOutcome.BELOW_COST, StepOutcome.BELOW_COST])
    figures = measure(spec, known, made, steps, [turned, held])
    text = Parsed(render(spec, figures, known, made, steps, [turned, held], ABOUT)).text
    for told in (
        "The wheel, linear", "Cycles of the wheel", "51,100.50", "54,321.50", "holds its coins", "completed",
        "1 cycle completed", "2 decisions held the coins without a call", "Cycles against the account",
        "without a fee or a spread", "1 completed cycle on one path of prices", "All contracts were below",
    ):  # fmt: skip
        assert told in text, told
