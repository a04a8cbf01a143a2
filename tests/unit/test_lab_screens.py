"""What the lab's commands draw: lines of equity, tables, the screen of a watch, at several sizes."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("rich", reason="the extra rollbook[cli] is not in this environment")

from rich.console import Console

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
    CloseReason,
    ContractStyle,
    Dataset,
    DatasetKind,
    EquityPoint,
    ExitStyle,
    NotFound,
    SelectionSpec,
    StepOutcome,
    StrategyKind,
    Unavailable,
    WatchBacktestsResponse,
)
from rollbook.cli.failures import Stop
from rollbook.cli.lab import numbers, options
from rollbook.cli.lab.chains import chain_columns, leg_columns, step_columns
from rollbook.cli.lab.curve import curve_columns, sparkline
from rollbook.cli.lab.datasets import every
from rollbook.cli.lab.head import about, progress_parts
from rollbook.cli.lab.lookup import cut, pick_dataset, shortened
from rollbook.cli.lab.metrics import FACTS, PERFORMANCE, fact_columns, performance_columns
from rollbook.cli.lab.watch_lines import Lines
from rollbook.cli.lab.watch_screen import Screen
from rollbook.cli.lab.watch_state import Event, Interruption, Said, State
from rollbook.cli.tables import Column

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
START = datetime(2021, 4, 1, tzinfo=UTC)
FIRST, SECOND = "3f2a91c0-0000-4000-8000-000000000001", "81d0b7aa-0000-4000-8000-000000000002"


def points(count: int) -> tuple[EquityPoint, ...]:
    """A market that rises, and an account that rises less."""
    return tuple(
        EquityPoint(
            time=START + timedelta(days=number),
            index_price=50_000.0 + 100 * number,
            equity_coin=1.0 - 0.001 * number,
            equity_usd=(50_000.0 + 100 * number) * (1.0 - 0.001 * number),
            hodl_coin=1.0,
            hodl_usd=50_000.0 + 100 * number,
        )
        for number in range(count)
    )


def chain(number: int, **more: Any) -> BacktestChain:
    """A chain of two legs that was bought back."""
    leg = BacktestLeg(
        leg_number=1,
        symbol="BTC-9APR21-65500-C",
        quantity=1.0,
        open_time=START,
        open_price=0.0065,
        open_delta=0.17,
        open_index_price=60_547.4,
        open_volatility=0.5331,
        close_time=START + timedelta(days=4),
        close_price=0.003,
        close_index_price=60_695.2,
        trigger="take_profit",
    )
    given: dict[str, Any] = {
        "number": number,
        "open_time": START,
        "close_time": START + timedelta(days=8),
        "close_reason": CloseReason.SETTLED,
        "legs": (
            leg,
            replace(leg, leg_number=2, symbol="BTC-16APR21-67000-C", trigger="expiry", delivery_is_proxy=True),
        ),
        "num_rolls": 1,
        "premium": 0.013,
        "fees": 0.0009,
        "net_pnl": -0.0933,
        "net_pnl_usd": -6818.4,
    }
    return BacktestChain(**{**given, **more})


def run(backtest_id: str = FIRST, style: ExitStyle = ExitStyle.TP_AND_ROLL, **status: Any) -> Backtest:
    """A run in the middle of its way."""
    given: dict[str, Any] = {
        "state": BacktestState.RUNNING,
        "phase": "simulating",
        "progress_pct": 42.3,
        "decisions_done": 772,
        "decisions_total": 1826,
        "simulated_time": START + timedelta(days=772),
        "decisions_per_second": 1234.5,
        "eta_seconds": 75.0,
        "equity": points(200),
        "last_chains": tuple(chain(number) for number in range(1, 31)),
        "metrics": BacktestMetrics(
            coin=BacktestPerformance(net_profit=-0.199, return_pct=-19.9, hodl_profit=0.0, pnl_vs_hodl=-0.199),
            usd=BacktestPerformance(net_profit=3_000.4, return_pct=6.0, hodl_profit=19_900.0, sharpe=0.51),
            settlement_currency="BTC",
            closed_chains=30,
            win_rate_pct=71.7,
            rolls=12,
        ),
    }
    return Backtest(
        backtest_id=backtest_id,
        spec=BacktestSpec(
            name="BTC calls",
            underlying="BTC",
            strategy=StrategyKind.COVERED_CALL,
            style=ContractStyle.INVERSE,
            start_time=START,
            end_time=START + timedelta(days=1826),
            exit_style=style,
            selection=SelectionSpec(target_delta=0.2, min_dte_days=7.0, max_dte_days=14.0),
        ),
        status=BacktestStatus(**{**given, **status}),
        create_time=NOW,
    )


def said(*runs: Backtest) -> Event:
    return Said(runs[0].backtest_id, WatchBacktestsResponse(backtests=runs))


def drawn(state: State, width: int, height: int = 60, now: datetime = NOW) -> list[str]:
    """The lines of the screen."""
    console = Console(width=width, file=io.StringIO(), highlight=False)
    with console.capture() as captured:
        console.print(Screen("here:1", state, now, height))
    return captured.get().splitlines()


@pytest.fixture
def state() -> State:
    known = State([FIRST])
    known.apply(said(run()), NOW)
    return known


def cells(columns: list[Column], head: str) -> list[str]:
    """A column."""
    return [str(cell) for column in columns if column.head == head for cell in column.cells]


# Figures


def test_figures_are_rounded_but_never_to_a_zero_that_is_none() -> None:
    """Four places of a coin, cents or whole dollars, and more places where nothing would be left."""
    assert [str(numbers.gain(value, "BTC")) for value in (0.12346, -0.5, 0.0, 0.00001234, None)] == [
        "+0.1235", "-0.5000", "0.0000", "+0.00001", "—",
    ]  # fmt: skip
    assert [numbers.amount(value, "USD") for value in (12.345, 999.994, 1234.5, None)] == [
        "12.34",
        "999.99",
        "1,234",
        "—",
    ]
    assert [numbers.percent(value) for value in (12.34, -0.01, None)] == ["12.3 %", "-0.01 %", "—"]
    assert [numbers.span(value) for value in (0.4, 59.6, 125, 4_000, None)] == [
        "0.4 s", "1 min 00 s", "2 min 05 s", "1 h 06 min", "—",
    ]  # fmt: skip
    assert [every(seconds) for seconds in (60, 3_600, 5_400, 86_400, 61)] == ["1 min", "1 h", "90 min", "1 d", "61 s"]


def test_a_line_of_equity() -> None:
    """From low to high in eight steps; of many values the last of each stretch; what is flat is in the middle."""
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8, 0, 7) == "▁▂▃▄▅▆▇█"
    assert sparkline([*range(100)], 4, 0, 99) == "▂▄▆█"
    assert sparkline([1, 2], 10, 1, 2) == "▁█"
    assert sparkline([5, 5, 5], 3, 5, 5) == "▅▅▅"
    assert sparkline([1, float("nan"), 2], 3, 1, 2) == "▁ █"


def test_equity_stands_against_hodl() -> None:
    """In USD on one scale; what lies between them in coin for calls, in USD for puts."""
    calls = curve_columns(points(200), StrategyKind.COVERED_CALL, "BTC", 20)
    assert [str(cell) for cell in calls[2].cells] == ["55,990 USD", "69,900 USD", "-0.1990 BTC"]
    assert [str(cell) for cell in calls[3].cells] == ["+12.0 %", "+39.8 %", ""]
    assert [len(str(cell)) for cell in calls[1].cells] == [20, 20, 20]
    puts = curve_columns(points(200), StrategyKind.CASH_SECURED_PUT, "BTC", 20)
    assert str(puts[2].cells[2]) == "-13,910 USD"


# Tables


def test_every_metric_of_the_api_is_shown() -> None:
    """No figure of a run's performance is left out, except the drawdown in money, which its percent says."""
    known = BacktestPerformance(**dict.fromkeys(BacktestPerformance.__slots__, 1.5))
    whole = BacktestMetrics(coin=known, usd=known, settlement_currency="BTC", closed_chains=7)
    done = run(metrics=whole)
    columns = performance_columns([done])
    assert len(PERFORMANCE) == len(BacktestPerformance.__slots__) - 1
    assert [column.head for column in columns] == ["", "BTC", "USD"]
    assert "—" not in cells(columns, "BTC") + cells(columns, "USD")
    shown = {*FACTS}
    assert len(shown) == len(BacktestMetrics.__slots__) - len(["coin", "usd", "currency", "triggers", "data"])
    assert [str(cell) for cell in fact_columns([done])[1].cells] == ["7"]  # what nobody knows is left out


def test_runs_of_a_group_stand_beside_each_other() -> None:
    """Each has its columns, by what tells them apart."""
    pair = [run(style=ExitStyle.HOLD_TO_EXPIRY), run(SECOND)]
    heads = [column.head for column in performance_columns(pair)]
    assert heads == ["", "held BTC", "held USD", "rolled BTC", "rolled USD"]
    assert [column.head for column in fact_columns(pair)] == ["", "held", "rolled"]


def test_chains_legs_and_decisions() -> None:
    """A chain is a row, or a row for each leg, with what is of the chain in the first; a guess is marked."""
    columns = leg_columns([chain(1), chain(2)], "BTC")
    assert cells(columns, "#") == ["1", "", "2", ""]
    assert cells(columns, "By") == ["take profit", "expiry*"] * 2
    assert cells(columns, "PnL BTC") == ["-0.0933", ""] * 2
    assert cells(columns, "Vol")[0] == "53.3 %"
    still = chain(3, close_time=None, close_reason=CloseReason.UNSPECIFIED)
    assert cells(chain_columns([chain(1), still], "BTC"), "End") == ["delivered", "open"]
    steps = [
        BacktestStep(decision_time=START, best_symbol="X", best_score=0.1, outcome=StepOutcome.TRADED, chain_number=4),
        BacktestStep(decision_time=START, outcome=StepOutcome.NO_BID),
    ]
    assert cells(step_columns(steps), "Outcome") == ["traded, chain 4", "no bid"]
    assert cells(step_columns(steps), "Best") == ["X", "—"]


def test_ids_are_as_short_as_they_tell_apart() -> None:
    """Eight letters of a UUID, or of the number behind a dataset's kind; more where these are alike."""
    assert shortened([FIRST, SECOND]) == ["3f2a91c0", "81d0b7aa"]
    assert shortened([FIRST, FIRST[:9] + "1" + FIRST[10:]]) == ["3f2a91c0-0", "3f2a91c0-1"]
    assert cut("btc-bars-2772c00391febb63b586") == "btc-bars-2772c003"
    assert cut("") == ""


def test_datasets_are_found_by_id_beginning_and_name() -> None:
    """In this order; what may be several is not guessed."""
    datasets = [
        Dataset(dataset_id="btc-bars-11aa", name="hourly", kind=DatasetKind.BARS),
        Dataset(dataset_id="btc-bars-11bb", name="btc-bars-11aa", kind=DatasetKind.BARS),
        Dataset(dataset_id="eth-bars-22", name="hourly", kind=DatasetKind.BARS),
    ]
    assert pick_dataset(datasets, "btc-bars-11aa") == "btc-bars-11aa"
    assert pick_dataset(datasets, "eth") == "eth-bars-22"
    for several in ("btc", "hourly"):
        with pytest.raises(Stop, match="may be one of 2 datasets"):
            pick_dataset(datasets, several)
    with pytest.raises(NotFound, match="there is no dataset daily"):
        pick_dataset(datasets, "daily")
    with pytest.raises(NotFound):
        pick_dataset(datasets, "")


# The screen


def test_what_a_screen_shows(state: State) -> None:
    """What is simulated, how far it has come, equity against HODL, metrics, the newest chains first."""
    lines = drawn(state, 120)
    text = "\n".join(lines)
    assert lines[0] == "here:1 · 3f2a91c0 · BTC calls · connected · 09:00:00 UTC"
    sentence = "BTC covered call, inverse · 2021-04-01 to 2026-04-01 · take profit and roll · delta 0.20, 7 to 14 days"
    assert sentence == about(run()) == lines[2]
    assert lines[3].startswith("running, simulating")
    assert lines[3].endswith("42.3 %")
    assert lines[4] == "at 2023-05-13 00:00 · 772 of 1,826 decisions · 1,234/s · 1 min 15 s left"
    assert [line.split()[0] for line in lines[5:8]] == ["Equity", "HODL", "Ahead"]
    assert "Net profit     -0.1990   +3,000" in text
    assert "Win rate       71.7 %" in text
    chains = [line.split()[0] for line in lines[lines.index("Last chains") + 3 :]]
    assert chains == [str(number) for number in range(30, 0, -1)]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("height", [7, 24, 60])
def test_screens_of_all_sizes(width: int, height: int, state: State) -> None:
    """Never wider or higher than the terminal; progress and the state of the connection stay in any case."""
    lines = drawn(state, width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) <= height
    text = "\n".join(lines)
    assert "connected" in text
    assert "42.3 %" in text
    assert ("Equity" in text) == (height > 7)
    assert "…" not in text


def test_two_runs_on_one_screen() -> None:
    """Each has its progress, and its columns in one table of metrics."""
    known = State([FIRST, SECOND])
    known.apply(said(run(style=ExitStyle.HOLD_TO_EXPIRY)), NOW)
    assert not known.is_over
    known.apply(said(run(SECOND, state=BacktestState.PENDING, phase="waiting", progress_pct=0.0, metrics=None)), NOW)
    text = "\n".join(drawn(known, 100, 100))
    for told in ("3f2a91c0 · held · BTC calls", "81d0b7aa · rolled · BTC calls", "held BTC", "rolled USD", "pending"):
        assert told in text
    assert "Last chains, held" in text


def test_what_is_left_runs_down_between_messages(state: State) -> None:
    """The end comes nearer while the server is silent, until it should be there."""
    assert "1 min 12 s left" in "\n".join(drawn(state, 120, now=NOW + timedelta(seconds=3)))
    assert " left" not in "\n".join(drawn(state, 120, now=NOW + timedelta(seconds=80)))
    assert progress_parts(run(state=BacktestState.PAUSED))[-1] == "1,234/s"


def test_a_lost_connection_is_told(state: State) -> None:
    """The screen keeps the figures of then, says since when, and counts nothing down."""
    state.apply(Interruption(FIRST, Unavailable("gone")), NOW)
    state.apply(Interruption(FIRST, Unavailable("gone")), NOW + timedelta(seconds=4))
    text = " ".join(drawn(state, 120, now=NOW + timedelta(seconds=9)))
    assert "connection lost at 09:00:00, showing figures of then, trying again" in text
    assert "1 min 15 s left" in text
    state.apply(said(run(progress_pct=43.0)), NOW + timedelta(seconds=10))
    assert "connected" in drawn(state, 120)[0]


def test_a_watch_is_over_with_its_runs(state: State) -> None:
    """When all have ended, or are gone."""
    assert not state.is_over
    state.apply(said(run(state=BacktestState.FAILED, error="no bars")), NOW)
    assert state.is_over
    assert "no bars" in "\n".join(drawn(state, 80))
    state.apply(said(replace(run(), delete_time=NOW)), NOW)
    assert state.is_over


def test_lines_where_nothing_can_be_drawn() -> None:
    """A line for each change of what a run does, and for every five percent of the way; its end is always told."""
    lines = Lines()

    def told(**status: Any) -> list[str]:
        return list(lines.of(said(run(**status)), NOW))

    [first] = told(progress_pct=10.0)
    assert first == (
        "2026-03-02 09:00:00  3f2a91c0 · rolled · BTC calls  running, simulating  10.0 %  at 2023-05-13 00:00  "
        "772 of 1,826 decisions  1,234/s  1 min 15 s left  30 chains  -0.1990 BTC  +3,000 USD"
    )
    assert told(progress_pct=14.9) == []
    assert len(told(progress_pct=15.0)) == 1
    assert len(told(progress_pct=15.1, phase="measuring")) == 1
    [last] = told(state=BacktestState.FAILED, progress_pct=15.2, error="no\nbars")
    assert last.endswith("  no bars")
    assert list(lines.of(Interruption(FIRST, Unavailable("gone")), NOW)) == []


def test_words_are_those_of_the_api() -> None:
    """States, kinds and exit styles are spelled as in the API."""
    unsaid = {"UNSPECIFIED", "UNRECOGNIZED"}
    for words, kind in ((options.STATES, BacktestState), (options.KINDS, DatasetKind), (options.EXITS[:-1], ExitStyle)):
        assert [word.upper().replace("-", "_") for word in words] == [
            each for each in kind.__members__ if each not in unsaid
        ]
