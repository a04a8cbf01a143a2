"""Training rows of small runs, whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rollbook_server.domain.backtest import engine, training
from rollbook_server.domain.backtest.market import MarketData
from rollbook_server.domain.backtest.outcomes import TrainingRows
from rollbook_server.domain.backtest.rows import Rows
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.backtest.training_statistics import Tally, TrainingStatistics
from tests.support.lab_runs import run


@dataclass(frozen=True)
class Trained:
    """All rows of a run as columns, what is told of them, and the run itself."""

    columns: training.Columns
    told: TrainingStatistics
    run: Rows
    parts: int

    def rows(self) -> list[dict[str, object]]:
        """Row by row."""
        lists = {name: values.tolist() for name, values in self.columns.items()}
        return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def trained(spec: BacktestSpec, data: MarketData, rows: TrainingRows) -> Trained:
    """The training data of a run of this spec."""
    made = run(spec, data)
    source = training.Source.of(engine.prepare(spec, data), data)
    done = training.done(made.steps, list(made.chains))
    parts, first = [], 0
    while first < len(done.expiry):
        parts.append(training.part(source, done, rows, first))
        first = parts[-1].until
    horizon = training.Horizon()
    for part in parts:
        horizon.add(*(part.columns[name] for name in training.HORIZON))
    assert spec.style is not None
    tally, placed = Tally(spec.style), []
    for part in parts:
        placed.append(horizon.place(part.columns))
        tally.add(placed[-1])
    told = tally.result(
        rows,
        horizon.bounds,
        horizon.longest,
        sum(part.open_at_end for part in parts),
        sum(part.without_state for part in parts),
    )
    columns = {name: np.concatenate([each[name] for each in placed]) for name in placed[0]}
    return Trained(columns, told, made, len(parts))
