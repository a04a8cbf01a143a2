"""The messages that the lab answers with, and the spec that it is asked with. Loaded with the lab: it needs numpy."""

import operator

from rollbook.v1 import backtest_pb2, backtest_service_pb2, dataset_pb2, dataset_service_pb2, parity_pb2, sweep_pb2
from rollbook_server import fetching
from rollbook_server.domain.backtest import (
    fields,
    metrics,
    parity,
    registered,
    rows,
    runs,
    spec,
    sweeps,
    training_statistics,
)
from rollbook_server.domain.backtest import heatmap as heatmaps
from rollbook_server.rpc.encode import Encoder, timestamp
from rollbook_server.rpc.read_facts import Decoder
from rollbook_server.storage.lab_datasets import Gap

_SPEC_PARTS = {
    "selection": (backtest_pb2.SelectionSpec, spec.SelectionSpec),
    "exits": (backtest_pb2.ExitSpec, spec.ExitSpec),
    "volatility": (backtest_pb2.VolatilitySpec, spec.VolatilitySpec),
    "fills": (backtest_pb2.FillSpec, spec.FillSpec),
    "data": (backtest_pb2.DataSpec, spec.DataSpec),
}
read_spec = Decoder(
    backtest_pb2.BacktestSpec,
    spec.BacktestSpec,
    parts={name: Decoder(message, fact) for name, (message, fact) in _SPEC_PARTS.items()},
)
backtest_spec = Encoder(
    backtest_pb2.BacktestSpec,
    spec.BacktestSpec,
    parts={name: Encoder(message, fact) for name, (message, fact) in _SPEC_PARTS.items()},
)

step = Encoder(backtest_pb2.BacktestStep, runs.BacktestStep)
point = Encoder(backtest_pb2.EquityPoint, runs.EquityPoint)
leg = Encoder(backtest_pb2.BacktestLeg, rows.BacktestLeg)
chain = Encoder(backtest_pb2.BacktestChain, rows.BacktestChain, parts={"legs": leg})
cycle = Encoder(backtest_pb2.BacktestCycle, rows.BacktestCycle)
_performance = Encoder(backtest_pb2.BacktestPerformance, metrics.BacktestPerformance)
backtest_metrics = Encoder(
    backtest_pb2.BacktestMetrics,
    metrics.BacktestMetrics,
    parts={
        "coin": _performance,
        "usd": _performance,
        "triggers": Encoder(backtest_pb2.TriggerCount, metrics.TriggerCount),
        "data": Encoder(backtest_pb2.DataShares, metrics.DataShares),
    },
)
status = Encoder(
    backtest_pb2.BacktestStatus,
    runs.BacktestStatus,
    parts={"last_steps": step, "last_chains": chain, "metrics": backtest_metrics, "equity": point},
)
backtest = Encoder(
    backtest_pb2.Backtest,
    runs.Backtest,
    parts={"spec": backtest_spec, "status": status},
)
difference = Encoder(backtest_service_pb2.SpecDifference, fields.SpecDifference)
_parts = Encoder(parity_pb2.ParityParts, parity.ParityParts)
_trade = Encoder(parity_pb2.ParityTrade, parity.ParityTrade)
_row = Encoder(
    parity_pb2.ParityRow,
    parity.ParityRow,
    parts=dict.fromkeys(("chain", "repriced", "moved", "lab"), _trade) | {"parts": _parts, "parts_usd": _parts},
)
chain_parity = Encoder(
    parity_pb2.ChainParity,
    parity.ChainParity,
    parts={"spec": backtest_spec, "lab": chain, "parts": _parts, "parts_usd": _parts, "rows": _row},
)
_PLANNED = ("spec", "axes", "random_points", "seed", "split_time", "rank_by", "folds")
sweep = Encoder(
    sweep_pb2.Sweep,
    sweeps.Sweep,
    sources={name: operator.attrgetter(f"plan.{name}") for name in _PLANNED},
    parts={"spec": backtest_spec, "axes": Encoder(sweep_pb2.SweepAxis, sweeps.SweepAxis)},
)
_change = Encoder(sweep_pb2.SpecChange, sweeps.SpecChange)
sweep_point = Encoder(
    sweep_pb2.SweepPoint,
    sweeps.SweepPoint,
    parts={
        "changes": _change,
        "spec": backtest_spec,
        "metrics": backtest_metrics,
        "equity": point,
    },
)
walk_forward = Encoder(
    sweep_pb2.WalkForward,
    sweeps.WalkForward,
    parts={
        "folds": Encoder(
            sweep_pb2.SweepFold, sweeps.SweepFold, parts={"changes": _change, "metrics": backtest_metrics}
        ),
        "metrics": backtest_metrics,
        "equity": point,
    },
)
heatmap = Encoder(
    sweep_pb2.Heatmap,
    heatmaps.Heatmap,
    parts={"cells": Encoder(sweep_pb2.HeatmapCell, heatmaps.HeatmapCell)},
)
dataset = Encoder(
    dataset_pb2.Dataset,
    registered.Dataset,
    parts={"dropped": Encoder(dataset_pb2.DroppedRows, registered.DroppedRows)},
)
fetch_progress = Encoder(dataset_service_pb2.FetchProgress, fetching.Fetching)
fetched = Encoder(
    dataset_service_pb2.FetchedHistory,
    fetching.Fetched,
    sources={"path": lambda fact: str(fact.path)},
    parts={"dataset": dataset},
)
_reward = Encoder(backtest_pb2.RewardStatistics, training_statistics.RewardStatistics)
statistics = Encoder(
    backtest_pb2.TrainingStatistics,
    training_statistics.TrainingStatistics,
    parts={"reward_coin": _reward, "reward_usd": _reward},
)


def gap(fact: Gap) -> dataset_pb2.DatasetGap:
    """A stretch without data."""
    start, end, missing = fact
    return dataset_pb2.DatasetGap(start_time=timestamp(start), end_time=timestamp(end), missing_rows=missing)
