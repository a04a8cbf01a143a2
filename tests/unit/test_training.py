"""Training rows: rewards are those of the run, counterfactuals those that it would have had, states are of the past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rollbook_server.domain.backtest import counterfactuals
from rollbook_server.domain.backtest.market import Bars, MarketData
from rollbook_server.domain.backtest.money import COIN, USD, of_chains
from rollbook_server.domain.backtest.outcomes import StepOutcome, TrainingRows
from rollbook_server.domain.backtest.spec import BacktestSpec, ExitStyle, Scoring
from rollbook_server.domain.backtest.training import Horizon
from rollbook_server.domain.backtest.training_schema import COLUMNS, OPEN, SKIP
from rollbook_server.domain.clock import DAY
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from tests.support.lab_runs import HOUR, at, bars, chains, random_bars, resolved
from tests.support.training_rows import Trained, trained

KINDS = [
    (strategy, style, exits)
    for strategy in (StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT)
    for style in ContractStyle
    for exits in ExitStyle
]
START = at(1, month=1, year=2024)


def _market(days: int = 200, seed: int = 5) -> MarketData:
    return MarketData(random_bars(24 * days, seed=seed, spot=50_000.0, volatility=0.6, start=START))


def _chosen(data: Trained, spec: BacktestSpec) -> int:
    """Demands that each chain of the run that has ended has one row that was taken, with its figures; how many."""
    ended = [chain for chain in data.run.chains if not chain.open_at_end]
    assert spec.style is not None
    net = of_chains(ended, spec.style).net
    numbers = dict(zip(data.run.steps.time.tolist(), data.run.steps.chain_number.tolist(), strict=True))
    taken = {numbers[row["decision_time"]]: row for row in data.rows() if row["taken"] and row["action"] == OPEN}
    opened = [chain for chain in ended if chain.number in taken]
    for chain, money in zip(ended, net, strict=True):
        row = taken.get(chain.number)
        if row is None:
            continue
        assert (row["label_end_time"], row["label_rolls"]) == (chain.close_time, chain.num_rolls)
        assert (row["action_symbol"], row["label_trigger"]) == (chain.legs[0].symbol, chain.legs[-1].trigger)
        assert row["label_net_pnl_coin"] == pytest.approx(money[COIN], rel=1e-9, abs=1e-15)
        assert row["label_net_pnl_usd"] == pytest.approx(money[USD], rel=1e-9, abs=1e-9)
        settled = "coin" if spec.style is ContractStyle.INVERSE else "usd"
        assert row[f"label_collateral_days_{settled}"] == pytest.approx(chain.collateral_days, rel=1e-9)
        assert row[f"reward_{settled}"] == pytest.approx(chain.net_pnl / chain.collateral_days, rel=1e-9, abs=1e-15)
    return len(opened)


@pytest.mark.parametrize(("strategy", "style", "exits"), KINDS)
def test_rewards_are_those_of_the_run(strategy: StrategyKind, style: ContractStyle, exits: ExitStyle) -> None:
    """Where the run opened a chain the row that was taken has the chain's own end, PnL and collateral, for calls and
    puts, in coin and in USD, among the examples as among the candidates; all else that was taken is SKIP, with 0."""
    data = _market()
    spec = resolved(data, strategy, style, exits, max_open_chains=3)
    for kind in TrainingRows:
        found = trained(spec, data, kind)
        ended = sum(not chain.open_at_end for chain in found.run.chains)
        assert _chosen(found, spec) == ended > 20
        decisions = [row["decision"] for row in found.rows() if row["taken"]]
        assert len(decisions) == len(set(decisions))
        skipped = found.columns["action"] == SKIP
        for name in ("reward_coin", "reward_usd", "label_rolls", "state_candidate_bid"):
            assert not found.columns[name][skipped].any()
        if kind is TrainingRows.EXAMPLES:
            assert found.columns["taken"].all()


@pytest.mark.parametrize(("strategy", "style", "exits"), KINDS)
def test_counterfactuals_are_chains_that_a_run_has(
    strategy: StrategyKind, style: ContractStyle, exits: ExitStyle
) -> None:
    """What a run with one chain at a time could not open has the rewards of the chains of a run with room for all."""
    data = _market(days=100)
    roomy = resolved(data, strategy, style, exits, max_open_chains=64)
    chains_of = {chain.open_time: chain for chain in trained(roomy, data, TrainingRows.EXAMPLES).run.chains}
    rows = trained(replace(roomy, max_open_chains=1), data, TrainingRows.CANDIDATES).rows()
    settled = "coin" if style is ContractStyle.INVERSE else "usd"
    compared = 0
    for row in rows:
        chain = chains_of.get(row["decision_time"])  # type: ignore[call-overload]
        if chain is not None and row["action_symbol"] == chain.legs[0].symbol:
            assert row["label_end_time"] == chain.close_time
            assert row[f"label_net_pnl_{settled}"] == pytest.approx(chain.net_pnl, rel=1e-9, abs=1e-15)
            compared += not row["taken"]
    assert compared > 30


def test_contracts_that_score_lower_have_their_own_rewards() -> None:
    """A run that ranks otherwise opens contracts that this one only could have: the rewards are those of its chains."""
    data = _market()
    spec = resolved(data, max_open_chains=64)
    nearest = resolved(data, max_open_chains=64, selection={"scoring": Scoring.NEAREST_DELTA, "target_delta": 0.28})
    rows = {
        (row["decision_time"], row["action_symbol"]): row for row in trained(spec, data, TrainingRows.CANDIDATES).rows()
    }
    others = [chain for chain in trained(nearest, data, TrainingRows.EXAMPLES).run.chains if not chain.open_at_end]
    found = [(chain, rows[chain.open_time, chain.legs[0].symbol]) for chain in others]
    assert sum(not row["taken"] for _, row in found) > 50
    for chain, row in found:
        assert row["label_net_pnl_coin"] == pytest.approx(chain.net_pnl, rel=1e-9, abs=1e-15)
        assert row["state_candidate_bid"] == chain.legs[0].open_price  # these bars open where the last one closed


@pytest.mark.parametrize("exits", list(ExitStyle))
def test_states_are_of_the_past(exits: ExitStyle) -> None:
    """Rows of data that ends at an instant have, up to it, the states and actions of all the data to the last bit, and
    those whose label had ended by then are there with the same reward."""
    data = _market(days=120)
    whole = data.bars
    spec = resolved(data, exit_style=exits, max_open_chains=2)
    everything = {
        (row["decision"], row["action_symbol"]): row for row in trained(spec, data, TrainingRows.CANDIDATES).rows()
    }
    past = [each.name for each in COLUMNS if each.name.startswith(("state_", "action"))]
    for day in (31, 60, 77):
        until = START + day * DAY + 13 * HOUR
        there = whole.time + whole.interval <= until
        opened, high, low, close = (column[there] for column in (whole.open, whole.high, whole.low, whole.close))
        prefix = MarketData(Bars(whole.time[there], opened, high, low, close, whole.interval))
        rows = trained(replace(spec, end_time=until), prefix, TrainingRows.CANDIDATES).rows()
        for row in rows:
            same = everything[row["decision"], row["action_symbol"]]
            assert [row[name] for name in past] == [same[name] for name in past]
            assert (row["label_end_time"], row["reward_coin"]) == (same["label_end_time"], same["reward_coin"])
        known = {key for key, row in everything.items() if row["label_end_time"] <= until}  # type: ignore[operator]
        assert {(row["decision"], row["action_symbol"]) for row in rows} == known


def test_windows_are_cut_to_the_data() -> None:
    """Returns and volatilities reach back as far as they say, or to the first close, and say how far that is."""
    closes = 50_000.0 * np.exp(0.01 * np.arange(24 * 40))  # one percent an hour, so that each window is known by hand
    data = MarketData(bars(closes, START))
    rows = trained(resolved(data, level=0.5), data, TrainingRows.EXAMPLES)
    state = {name.removeprefix("state_"): values for name, values in rows.columns.items() if name.startswith("state_")}
    assert state["spot"][0] == pytest.approx(closes[8])
    assert state["history_days"][:2] == pytest.approx([8 / 24, 32 / 24])
    assert state["return_1d"][:2] == pytest.approx([0.08, 0.24])
    assert state["return_7d"][[0, 1, 20]] == pytest.approx([0.08, 0.32, 1.68])
    assert state["return_30d"][[20, -1]] == pytest.approx([0.01 * (20 * 24 + 8), 7.2])
    for days in (1, 7, 30):
        assert state[f"realized_vol_{days}d"] == pytest.approx(0.01 * np.sqrt(365 * 24))
    assert set(state["vol_level"]) == {0.5}
    assert not state["vol_change_1d"].any()


def test_what_has_no_end_has_no_row() -> None:
    """A chain that is open at the end of the data is left out and counted, and so is a decision without data."""
    data = _market(days=30)
    found = trained(resolved(data, max_open_chains=64), data, TrainingRows.EXAMPLES)
    still_open = sum(chain.open_at_end for chain in found.run.chains)
    assert found.told.open_at_end == still_open > 0
    no_data = int((found.run.steps.outcome == list(StepOutcome).index(StepOutcome.NO_DATA)).sum())
    assert found.told.without_state == no_data > 0
    assert found.told.examples + still_open + no_data == len(found.run.steps.time)


def test_recorded_quotes() -> None:
    """Of a recorded chain the candidates are those that somebody bids for, with the recorded bid and the payoff."""
    near, far, unbid = (at(12, 8), 101_000.0), (at(12, 8), 110_000.0), (at(12, 8), 112_000.0)
    offers = {near: (0.03, 0.031), far: (0.01, 0.011), unbid: (float("nan"), 0.01)}
    data = MarketData(
        bars(np.full(24 * 13, 100_000.0), at(1)),
        chains=chains({at(3, hour): offers for hour in range(24)}),
    )
    spec = resolved(data, level=0.5, selection={"min_delta": 0.01, "max_delta": 0.9, "min_dte_days": 5.0})
    found = trained(spec, data, TrainingRows.CANDIDATES)
    sold = [row for row in found.rows() if row["action"] == OPEN]
    assert [(row["action_symbol"], row["state_candidate_bid"]) for row in sold] == [
        ("BTC-12DEC25-101000-C", 0.03),
        ("BTC-12DEC25-110000-C", 0.01),
    ]
    assert {row["state_candidates"] for row in sold} == {3.0}
    days = (at(12, 8) - at(3, 9)) / DAY
    assert [row["reward_coin"] for row in sold] == pytest.approx([(0.03 - 0.0003) / days, (0.01 - 0.0003) / days])
    assert [row["outcome"] for row in found.rows() if row["taken"]] == ["TRADED"]
    assert len(sold) + 1 == found.told.examples


def test_overlap_weights_and_embargo_by_hand() -> None:
    """Labels that share time count each other, those that only touch do not, and a row without a chain counts itself;
    no row before a split has a label that reaches over it."""
    time = np.arange(20, dtype=np.int64) * 10
    filled = np.array([True] * 19 + [False])
    end = np.where(filled, time + 20, time)
    end[0] = 10  # touches the second
    horizon = Horizon()
    for cut in (slice(0, 7), slice(7, 20)):
        horizon.add(time[cut], end[cut], filled[cut])
    assert horizon.longest == 20
    assert horizon.bounds == (140, 170)
    placed = horizon.place({"decision_time": time, "label_end_time": end, "label_filled": filled})
    assert placed["overlap"].tolist() == [1, 2, *[3] * 16, 2, 1]
    assert placed["weight"].tolist() == [1 / each for each in placed["overlap"].tolist()]
    assert placed["split"].tolist() == [
        *["TRAIN"] * 12, *["EMBARGO"] * 2, "VALIDATION", *["EMBARGO"] * 2, *["TEST"] * 3
    ]  # fmt: skip


def test_parts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows, and with them their hash, are the same however they are cut into parts."""
    data = _market(days=60)
    spec = resolved(data, exit_style=ExitStyle.TP_AND_ROLL)
    whole = trained(spec, data, TrainingRows.CANDIDATES)
    monkeypatch.setattr(counterfactuals, "ROOM", 2)  # less than one decision needs
    cut = trained(spec, data, TrainingRows.CANDIDATES)
    assert cut.parts > 20 > whole.parts
    assert cut.told.data_hash == whole.told.data_hash
    assert cut.rows() == whole.rows()


def test_a_model_reads_the_rows_as_they_are() -> None:
    """Least squares on all states of the rows to train on, weighted, gives finite figures for the rows to test: nothing
    is missing, and no column needs a case of its own."""
    data = _market(days=400)
    columns = trained(resolved(data), data, TrainingRows.CANDIDATES).columns
    x = np.column_stack([values for name, values in columns.items() if name.startswith("state_")])
    x = np.column_stack([np.ones(len(x)), (x - x.mean(0)) / (x.std(0) + 1e-12)])
    y, weight, train = columns["reward_coin"], np.sqrt(columns["weight"]), columns["split"] == "TRAIN"
    beta = np.linalg.lstsq(x[train] * weight[train, None], y[train] * weight[train], rcond=None)[0]
    test = columns["split"] == "TEST"
    assert train.sum() > 500 < test.sum() * 10
    error, dull = np.mean((x[test] @ beta - y[test]) ** 2), np.mean((y[train].mean() - y[test]) ** 2)
    assert np.isfinite(error)
    assert error < 2 * dull
