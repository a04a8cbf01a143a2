"""What the lab's views say in figures: unknown with its reason, estimates marked, currencies never mixed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rollbook import (
    Backtest,
    BacktestChain,
    BacktestLeg,
    BacktestMetrics,
    BacktestPerformance,
    BacktestSpec,
    BacktestState,
    BacktestStatus,
    BacktestStep,
    CompareBacktestsResponse,
    ContractStyle,
    EquityPoint,
    Heatmap,
    HeatmapCell,
    SpecDifference,
    StrategyKind,
)
from rollbook.models import DataShares, FeeSchedule, FillPrice, FillSpec, StepOutcome, VolatilitySpec
from rollbook_server.domain.backtest import metrics as server_metrics
from rollbook_web.numbers import DASH, MINUS, Figure
from rollbook_web.pages import compare_figures, lab_charts, lab_markup, lab_queue, run_figures, run_rows, told
from rollbook_web.pages.lab_numbers import duration, money, ratio
from rollbook_web.pages.tables import Table
from rollbook_web.pages.told import Told, warnings

DAY = datetime(2021, 1, 1, tzinfo=UTC)
SPEC = BacktestSpec(
    name="calls",
    underlying="BTC",
    strategy=StrategyKind.COVERED_CALL,
    style=ContractStyle.INVERSE,
    volatility=VolatilitySpec(multiplier=0.95),
)
METRICS = BacktestMetrics(
    coin=BacktestPerformance(net_profit=0.25, pnl_vs_hodl=0.25, hodl_profit=0.0, max_drawdown_pct=5.0, chains_pnl=0.3),
    usd=BacktestPerformance(net_profit=-1234.5, pnl_vs_hodl=99.0, hodl_profit=-1333.5, max_drawdown_pct=30.0),
    settlement_currency="BTC",
    days=30.0,
    closed_chains=4,
    open_chains=1,
    pnl_per_vol_point=0.1,
    data=DataShares(synthetic_bars_pct=100.0),
)


def _run(
    metrics: BacktestMetrics | None = METRICS, state: BacktestState = BacktestState.SUCCEEDED, **more: object
) -> Backtest:
    status = BacktestStatus(state=state, metrics=metrics, **more)  # type: ignore[arg-type]
    return Backtest(backtest_id="run-1", spec=SPEC, status=status, create_time=DAY)


def _cell(table: Table, name: str, column: int = 0) -> Figure:
    return dict(table.rows)[name][column]


def test_the_limits_of_what_is_annualised_are_the_servers() -> None:
    """The reason that the page gives is the one that the server had."""
    assert (told.LEAST_DAYS, told.LEAST_CHAINS) == (server_metrics.LEAST_DAYS, server_metrics.LEAST_CHAINS)


def test_a_figure_that_is_not_there_says_why() -> None:
    """A dash, never a zero, and the reason in its title: too short, not measured yet, nothing to measure."""
    short = run_figures.account(Told(_run()))
    assert _cell(short, "Sharpe").text == DASH
    assert (
        _cell(short, "Sharpe").title == "30 days and 4 closed chains: nothing is annualised under 90 days or 20 chains"
    )
    interval = _cell(run_figures.chains(Told(_run())), "5 % of resamples are below")
    assert interval.title == "4 closed chains: under 20 luck cannot be told from skill"
    going = Told(_run(replace(METRICS, closed_chains=0), BacktestState.RUNNING))
    assert _cell(run_figures.hangs_on(going), "PnL per volatility point").text == "+0.100000 BTC"
    assert _cell(run_figures.hangs_on(going), "PnL with a flat smile").title == "measured when the run has ended"
    assert _cell(run_figures.activity(going), "Won: net PnL above 0").title == "there is no closed chain yet"
    empty = Told(_run(BacktestMetrics(), BacktestState.PENDING))
    assert _cell(run_figures.account(empty), "Net profit").title == "there is no bar yet"
    ended = _cell(
        run_figures.hangs_on(Told(_run(replace(METRICS, closed_chains=0)))), "Break-even volatility, times the same"
    )
    assert ended.title == "there is no closed chain"
    none = _cell(run_figures.hangs_on(Told(_run())), "Break-even volatility, times the same")
    assert none.title.startswith("none from 0.5 to 2 times")


def test_coin_and_dollars_stand_in_columns_of_their_own() -> None:
    """The contracts' currency first, each with its unit and sign; a loss is a loss by sign and by tone."""
    table = run_figures.account(Told(_run()))
    assert table.heads == ("", "In BTC", "In USD")
    assert _cell(table, "Net profit") == Figure("+0.250000 BTC", "+0.25 BTC", 0.25, "gain")
    assert _cell(table, "Net profit", 1) == Figure(f"{MINUS}$1,234.50", f"{MINUS}1234.5 USD", -1234.5, "loss")
    linear = Told(_run(replace(METRICS, settlement_currency="USDC")))
    assert run_figures.account(linear).heads == ("", "In USD", "In BTC")
    assert [tile.figure.text for tile in run_figures.tiles(linear)][:2] == ["+$99.00", f"{MINUS}$1,234.50"]


def test_what_makes_a_run_an_experiment_is_said_on_top() -> None:
    """Fills at the middle, no fees, a made-up market, a run that was ended."""
    fills = FillSpec(price=FillPrice.MID, fees=FeeSchedule.NONE)
    run = replace(_run(state=BacktestState.CANCELLED), spec=replace(SPEC, fills=fills))
    said = " ".join(warnings(Told(run)))
    for part in ("middle of the quote", "no fees", "synthetic", "did not come to its end"):
        assert part in said


def test_the_queue_says_how_far_each_run_is() -> None:
    """Newest first; the bar has its figure, the time left is called a guess, and names are no markup."""
    older = replace(_run(), create_time=DAY - timedelta(days=1), backtest_id="run-0")
    going = _run(
        state=BacktestState.RUNNING,
        progress_pct=41.7,
        eta_seconds=65.2,
        phase="simulating",
        decisions_done=1200,
        decisions_total=2400,
        simulated_time=DAY,
    )
    odd = replace(going, spec=replace(SPEC, name="<b>calls</b>"))
    rows = lab_queue.rows([older, odd])
    assert [row["id"] for row in rows] == ["run-1", "run-0"]
    assert rows[0]["eta"] == "about 66 s"
    assert "42 %" in rows[0]["progress_html"]
    assert "&lt;b&gt;calls" in rows[0]["name_html"]
    assert "<b>" not in rows[0]["name_html"]
    assert going.status is not None
    assert lab_queue.doing(going.status) == ("simulating, 1,200 of 2,400 decisions, until 2021-01-01, about 66 s left")
    assert "+0.250000 BTC" in rows[1]["result_html"]
    assert "+$99.00" in rows[1]["result_html"]


def test_a_chain_that_is_open_at_the_end_is_an_estimate() -> None:
    """Its profit is what its ask says, and so marked; a decision that chose nothing says why there is no contract."""
    leg = BacktestLeg(symbol="BTC-8JAN21-40000-C", trigger="take_profit")
    chain = BacktestChain(number=3, open_time=DAY, legs=(leg, leg), num_rolls=1, net_pnl=-0.01, open_at_end=True)
    cells = run_rows.chain_cells(chain, "BTC")
    assert cells[2].text == "BTC-8JAN21-40000-C (+1)"
    assert cells[7].text == f"≈ {MINUS}0.010000 BTC"
    assert "bought at the ask" in cells[7].title
    skipped = run_rows.step_cells(BacktestStep(decision_time=DAY, outcome=StepOutcome.MAX_OPEN_CHAINS))
    assert skipped[2].text == DASH
    assert skipped[2].title == "enough chains were open: nobody looked for one"


def test_curves_are_in_one_currency_and_have_their_falls() -> None:
    """Equity and benchmark of a currency, and how far below its peak equity was; in words, too."""
    points = [
        EquityPoint(time=DAY + timedelta(hours=hour), equity_coin=coin, hodl_coin=1.0, equity_usd=usd, hodl_usd=100.0)
        for hour, (coin, usd) in enumerate([(1.0, 100.0), (1.25, 90.0), (1.0, 80.0)])
    ]
    ours, other = lab_charts.curves(points, "BTC", "BTC")
    assert [value for _, value in ours] == [1.0, 1.25, 1.0]
    assert [value for _, value in other] == [1.0, 1.0, 1.0]
    assert [value for _, value in lab_charts.falls(ours)] == [0.0, 0.0, -20.0]
    said = lab_charts.summary(points, "BTC", "USD", "HODL")
    assert "from $100.00 to $80.00, HODL to $100.00" in said
    assert "20.0 %" in said


def test_each_cell_of_a_heatmap_has_its_figure() -> None:
    """Row by row, unknown ones a dash, and the best and the worst in words."""
    found = Heatmap(
        row_field="selection.max_delta",
        column_field="preset",
        row_values=("0.2", "0.3"),
        column_values=("balanced", ""),
        cells=tuple(HeatmapCell(points=1, median=value) for value in (1.0, None, -2.0, 3.0)),
    )

    def figure(value: float) -> Figure:
        return Figure(f"{value:+.1f} %")

    [series] = lab_charts.heatmap(found, figure)["series"]
    assert [cell["value"][:2] for cell in series["data"]] == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert [cell["label"]["formatter"] for cell in series["data"]] == ["+1.0 %", DASH, "-2.0 %", "+3.0 %"]
    assert lab_charts.heatmap_summary(found, figure) == (
        "The median goes from -2.0 % (max delta 0.3, preset balanced (0.2 Δ)) to +3.0 % (max delta 0.3, preset unset)."
    )


def test_runs_side_by_side_keep_their_columns() -> None:
    """A figure that only one run has is a dash in the other; equal names are told apart; differences are in words."""
    one = _run()
    two = replace(one, backtest_id="run-2", spec=replace(SPEC, strategy=StrategyKind.WHEEL, style=ContractStyle.LINEAR))
    two = replace(two, status=replace(_status(two), metrics=replace(METRICS, settlement_currency="USDC", cycles=2)))
    assert compare_figures.names_of([one, two]) == ["calls (1)", "calls (2)"]
    account, _, activity, *_ = compare_figures.side_by_side([one, two])
    assert [cell.text for cell in dict(account.rows)["Net profit, coin"]] == ["+0.250000 BTC"] * 2
    assert [cell.text for cell in dict(activity.rows)["Cycles"]] == [DASH, "2"]
    found = CompareBacktestsResponse(
        backtests=(one, two), differences=(SpecDifference(field="strategy", values=("COVERED_CALL", "")),)
    )
    [(name, cells)] = compare_figures.differences(found).rows
    assert (name, [cell.text for cell in cells]) == ("Strategy", ["Covered calls", DASH])


def test_markup_is_ours_alone() -> None:
    """Words of others are escaped, in cells and in titles."""
    made = lab_markup.listing("Runs", ["<i>"], [[Figure("<b>", '"quoted"')]])
    assert "<b>" not in made
    assert "<i>" not in made
    assert 'title="&quot;quoted&quot;"' in made


def test_figures_of_a_model_are_written_as_all_are() -> None:
    """Rounded in the text, exact in the title; what is not a number is not known."""
    assert money(0.1 + 0.2, "BTC") == Figure("+0.300000 BTC", "+0.30000000000000004 BTC", 0.1 + 0.2, "gain")
    assert ratio(-1.005, unit="x").text == f"{MINUS}1.00 x"
    assert ratio(float("nan"), "why").title == "why"
    assert [duration(seconds) for seconds in (0.2, 99.0, 150.0, 6000.0, 7500.0)] == [
        *("1 s", "99 s", "2 min", "1 h 40 min", "2 h 05 min"),
    ]


def _status(run: Backtest) -> BacktestStatus:
    assert run.status is not None
    return run.status
