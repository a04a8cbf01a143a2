"""The lab's messages and facts are the same, field by field, there and back."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from rollbook.v1 import backtest_pb2, dataset_pb2
from rollbook_server.domain.backtest import metrics, registered, rows, runs, spec
from rollbook_server.domain.backtest.outcomes import BacktestState
from rollbook_server.domain.errors import InvalidArgument
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle
from rollbook_server.rpc import lab_nouns
from rollbook_server.rpc.encode import Encoder
from rollbook_server.rpc.read_facts import Decoder
from rollbook_server.storage.facts import from_json, to_json

ALIKE = [
    (backtest_pb2.BacktestSpec, spec.BacktestSpec),
    (backtest_pb2.SelectionSpec, spec.SelectionSpec),
    (backtest_pb2.ExitSpec, spec.ExitSpec),
    (backtest_pb2.VolatilitySpec, spec.VolatilitySpec),
    (backtest_pb2.FillSpec, spec.FillSpec),
    (backtest_pb2.DataSpec, spec.DataSpec),
    (backtest_pb2.BacktestStep, runs.BacktestStep),
    (backtest_pb2.EquityPoint, runs.EquityPoint),
    (backtest_pb2.BacktestLeg, rows.BacktestLeg),
    (backtest_pb2.BacktestChain, rows.BacktestChain),
    (backtest_pb2.BacktestPerformance, metrics.BacktestPerformance),
    (backtest_pb2.BacktestMetrics, metrics.BacktestMetrics),
    (backtest_pb2.TriggerCount, metrics.TriggerCount),
    (backtest_pb2.DataShares, metrics.DataShares),
    (backtest_pb2.Backtest, runs.Backtest),
]


def _fields(fact: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(fact)}


@pytest.mark.parametrize(("message", "fact"), ALIKE, ids=lambda kind: getattr(kind, "__name__", ""))
def test_fields_are_alike(message: Any, fact: Any) -> None:
    """Each message of a run has the fields of its fact, none more and none less."""
    assert {field.name for field in message.DESCRIPTOR.fields} == _fields(fact)


def test_what_is_computed_is_all_that_differs() -> None:
    """A status adds what follows from its progress, a dataset its interval in seconds, a cycle how many chains it has;
    nothing else."""
    said = {field.name for field in backtest_pb2.BacktestStatus.DESCRIPTOR.fields}
    computed = {name for name, value in vars(runs.BacktestStatus).items() if isinstance(value, property)}
    assert said == (_fields(runs.BacktestStatus) - {"progress"}) | computed
    said = {field.name for field in backtest_pb2.BacktestCycle.DESCRIPTOR.fields}
    assert said == _fields(rows.BacktestCycle) | {"chains"}
    said = {field.name for field in dataset_pb2.Dataset.DESCRIPTOR.fields}
    assert said == (_fields(registered.Dataset) - {"interval"}) | {"interval_seconds"}


def test_a_spec_there_and_back() -> None:
    """A spec with every kind of field is the same after message, fact and JSON; what is unset stays unset."""
    given = spec.BacktestSpec(
        name="weekly",
        underlying="ETH",
        start_time=1_700_000_000_000_000,
        strategy=StrategyKind.CASH_SECURED_PUT,
        style=ContractStyle.LINEAR,
        selection=spec.SelectionSpec(max_delta=0.3, scoring=spec.Scoring.NEAREST_DELTA),
        exits=spec.ExitSpec(take_profit=0.0, max_rolls=0),
        quantity=0.1,
        volatility=spec.VolatilitySpec(source=spec.VolatilitySource.CONSTANT, level=0.5, allow_short_dated=True),
        fills=spec.FillSpec(without_ticks=True),
        data=spec.DataSpec(spot_dataset_id="x"),
        seed=2**64 - 1,
    )
    assert lab_nouns.read_spec(lab_nouns.backtest_spec(given), "spec.") == given
    assert from_json(spec.BacktestSpec, to_json(given)) == given


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_refused_with_its_path(value: float) -> None:
    """NaN and infinity in a spec are refused, with the path of the field."""
    message = backtest_pb2.BacktestSpec(selection=backtest_pb2.SelectionSpec(max_delta=value))
    with pytest.raises(InvalidArgument) as refused:
        lab_nouns.read_spec(message, "spec.")
    assert refused.value.field == "spec.selection.max_delta"


def test_no_number_is_unset() -> None:
    """A figure that is NaN is unset in the message."""
    message = lab_nouns.backtest_metrics(metrics.BacktestMetrics(exposure=math.nan, turnover=0.0))
    assert not message.HasField("exposure")
    assert message.HasField("turnover")


def test_a_difference_is_an_error_at_start() -> None:
    """A fact that lacks a field of its message, or has another, stops the lab at its start."""
    with pytest.raises(TypeError, match="max_debit"):
        Decoder(backtest_pb2.ExitSpec, spec.DataSpec)
    with pytest.raises(TypeError, match="take_profit"):
        Encoder(backtest_pb2.ExitSpec, spec.DataSpec)


@pytest.mark.parametrize(
    ("state", "phase", "eta"),
    [
        (BacktestState.PENDING, "waiting", None),
        (BacktestState.RUNNING, "simulating", 5.0),
        (BacktestState.PAUSED, "waiting", None),
        (BacktestState.SUCCEEDED, "done", None),
    ],
)
def test_what_follows_from_progress(state: BacktestState, phase: str, eta: float | None) -> None:
    """Percent, speed and the time that is left follow from bars, decisions and seconds of work."""
    progress = runs.Progress(
        phase=runs.SIMULATING, bars_done=25, bars_total=100, decisions_done=20, decisions_total=70, seconds=2.0
    )
    status = runs.BacktestStatus(state=state, progress=progress)
    assert (status.progress_pct, status.decisions_per_second) == (25.0, 10.0)
    assert (status.phase, status.eta_seconds) == (phase, eta)
