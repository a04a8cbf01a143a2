"""Training data of a run: what was known at each decision, what was done or could have been, and what came of it.

Rows are made in parts, so that memory does not grow with them. What a row is among all others (its overlap, its place
before or after a split) is known when the last part is there: a second look at them adds it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest.counterfactuals import Actions, follow
from rollbook_server.domain.backtest.engine import Prepared
from rollbook_server.domain.backtest.kernel import OUTCOMES, TRIGGERS
from rollbook_server.domain.backtest.market import Floats, Ints, MarketData
from rollbook_server.domain.backtest.market_states import History, history_of, states
from rollbook_server.domain.backtest.outcomes import TrainingRows
from rollbook_server.domain.backtest.rows import BacktestChain, Steps
from rollbook_server.domain.backtest.training_schema import (
    EMBARGO,
    NONE,
    OPEN,
    ROW_COLUMNS,
    SCHEMA_VERSION,
    SKIP,
    TEST,
    TRAIN,
    VALIDATION,
)
from rollbook_server.domain.backtest.world import NOTHING, Records
from rollbook_server.domain.clock import DAY, Micros
from rollbook_server.domain.instruments import ContractStyle, deribit_symbol

Columns = dict[str, NDArray[Any]]
"""Rows as columns of one length, by name."""

VALIDATION_FROM, TEST_FROM = 0.70, 0.85
"""Shares of the decisions before them."""

HORIZON = ("decision_time", "label_end_time", "label_filled")
"""What a Horizon looks at."""

_STILL_OPEN = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did at each of its decisions (n,), and when its chains were open (c,)."""

    expiry: Ints
    """Of the contract that was sold; 0 where none was."""
    strike: Floats
    outcome: NDArray[np.int8]
    opened: Ints
    """In order."""
    closed: Ints
    """In order of their own."""


def done(steps: Steps, chains: list[BacktestChain]) -> Done:
    """What a run did, from its rows."""
    traded = steps.chain_number > 0
    closed = [_STILL_OPEN if each.close_time is None or each.open_at_end else each.close_time for each in chains]
    return Done(
        expiry=np.where(traded, steps.best_expiry, 0),
        strike=np.where(traded, steps.best_strike, 0.0),
        outcome=np.asarray(steps.outcome),
        opened=np.sort(np.array([each.open_time for each in chains], np.int64)),
        closed=np.sort(np.array(closed, np.int64)),
    )


@dataclass(frozen=True, slots=True)
class Source:
    """What the rows of a run are made of."""

    prepared: Prepared
    history: History

    @classmethod
    def of(cls, prepared: Prepared, data: MarketData) -> "Source":
        """Of a run on its data."""
        return cls(prepared, history_of(prepared, data))


@dataclass(frozen=True, slots=True)
class TrainingPart:
    """Some rows."""

    until: int
    """The decision to go on with."""
    columns: Columns
    """ROW_COLUMNS"""
    open_at_end: int
    """Rows that were left out: their chain is still open at the end of the data, so nobody knows what comes of it."""
    without_state: int
    """Decisions that were left out: there was no data to decide on, or not all of the state was known."""


def part(source: Source, run: Done, rows: TrainingRows, first: int) -> TrainingPart:
    """Rows of the decisions from `first` on, as many as make a part. A run that was not carried to its end has fewer
    decisions than its data; what comes of them is looked for in all of the data."""
    actions = follow(source.prepared, first, run.expiry, run.strike, rows is TrainingRows.CANDIDATES)
    time = source.prepared.market.decision_times[actions.first : actions.until]
    made = actions.candidates != NOTHING
    known = states(source.history, time[made])
    whole = np.zeros(len(time), np.bool_)
    whole[made] = np.all([np.isfinite(values) for values in known.values()], axis=0)
    stated = whole[actions.rows["decision"] - first]
    ended = actions.rows["ended"] == 1
    kept = actions.rows[stated & ended]
    place = (np.cumsum(made) - 1)[kept["decision"] - first]
    return TrainingPart(
        until=actions.until,
        columns=_columns(source, run, actions, kept, {name: values[place] for name, values in known.items()}),
        open_at_end=int(np.count_nonzero(stated & ~ended)),
        without_state=int(np.count_nonzero(~whole)),
    )


def _columns(source: Source, run: Done, actions: Actions, rows: Records, known: dict[str, Floats]) -> Columns:
    spec, market = source.prepared.spec, source.prepared.market
    decision = rows["decision"]
    time = market.decision_times[decision]
    sells = rows["expiry"] != 0
    filled = rows["filled"] == 1
    inverse = spec.style is ContractStyle.INVERSE
    coin, usd = ("", "_turned") if inverse else ("_turned", "")
    symbols = _symbols(source.prepared, rows)
    values: Columns = {
        "schema_version": np.full(len(rows), SCHEMA_VERSION),
        "decision": decision,
        "decision_time": time,
        **{f"state_{name}": column for name, column in known.items()},
        "state_open_chains": np.searchsorted(run.opened, time) - np.searchsorted(run.closed, time),
        "state_candidates": actions.candidates[decision - actions.first],
        "state_candidate_dte_days": np.where(sells, (rows["expiry"] - time) / DAY, 0.0),
        "state_candidate_delta": np.abs(rows["delta"]),
        "state_candidate_moneyness": np.log(np.where(sells, rows["strike"], known["spot"]) / known["spot"]),
        "state_candidate_volatility": rows["volatility"],
        "state_candidate_bid": rows["price"],
        "state_candidate_score": rows["score"],
        "action": np.where(sells, OPEN, SKIP),
        "action_symbol": symbols,
        "taken": (rows["expiry"] == run.expiry[decision]) & (rows["strike"] == run.strike[decision]),
        "outcome": np.array(OUTCOMES)[run.outcome[decision]],
        "label_end_time": rows["end_time"],
        "label_filled": filled,
        "label_rolls": rows["rolls"],
        "label_trigger": np.array([*TRIGGERS, NONE])[rows["trigger"]],  # NOTHING is the last
    }
    for currency, turned in (("coin", coin), ("usd", usd)):
        net, bound = rows[f"net{turned}"], rows[f"collateral_days{turned}"]
        values[f"label_net_pnl_{currency}"] = net
        values[f"label_collateral_days_{currency}"] = bound
        values[f"reward_{currency}"] = np.divide(net, bound, out=np.zeros(len(rows)), where=filled)
    return {each.name: values[each.name].astype(each.type) for each in ROW_COLUMNS}


def _symbols(prepared: Prepared, rows: Records) -> NDArray[np.str_]:
    """The names of the contracts."""
    spec = prepared.spec
    assert spec.style is not None
    contracts, place = np.unique(rows[["expiry", "strike"]], return_inverse=True)
    names = [
        deribit_symbol(spec.underlying, spec.style, expiry, strike, prepared.rules.is_call) if expiry else NONE
        for expiry, strike in contracts.tolist()
    ]
    return np.array(names, np.str_)[place]


class Horizon:
    """What a row is among all others. First all parts are added, then each is placed."""

    def __init__(self) -> None:
        self._decisions = self._starts = self._ends = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self.longest: Micros = 0
        """The longest label."""

    def add(self, decision_time: Ints, label_end_time: Ints, filled: NDArray[Any]) -> None:
        """Takes note of rows."""
        start, end = decision_time[filled == 1], label_end_time[filled == 1]
        self._decisions = _counted(self._decisions, decision_time)
        self._starts, self._ends = _counted(self._starts, start), _counted(self._ends, end)
        self.longest = max(self.longest, int((end - start).max(initial=0)))

    @property
    def bounds(self) -> tuple[Micros, Micros] | None:
        """The first decisions of validation and of test; None without a row."""
        times = self._decisions[0]
        if not len(times):
            return None
        return int(times[int(VALIDATION_FROM * len(times))]), int(times[int(TEST_FROM * len(times))])

    def place(self, columns: Columns) -> Columns:
        """Rows with PLACE_COLUMNS."""
        time, end, filled = columns["decision_time"], columns["label_end_time"], columns["label_filled"] == 1
        overlap = _before(self._starts, end, "left") - _before(self._ends, time, "right")
        overlap = np.where(filled, overlap, 1)
        split = np.full(len(time), TRAIN, dtype="<U10")
        for bound, name in zip(self.bounds or (), (VALIDATION, TEST), strict=False):
            split[(time >= bound - self.longest) & (time < bound)] = EMBARGO
            split[time >= bound] = name
        return {**columns, "overlap": overlap, "weight": 1.0 / overlap, "split": split}


Counted = tuple[Ints, Ints]
"""Values in order, and how often each is there."""


def _counted(before: Counted, more: Ints) -> Counted:
    values, place = np.unique(np.concatenate([before[0], more]), return_inverse=True)
    times = np.concatenate([before[1], np.ones(len(more), np.int64)])
    return values, np.bincount(place, times, len(values)).astype(np.int64)


def _before(counted: Counted, at: Ints, side: str) -> Ints:
    """How many are before each instant (`left`), or at it, too (`right`)."""
    total: Ints = np.concatenate([np.zeros(1, np.int64), np.cumsum(counted[1])])
    place = np.searchsorted(counted[0], at, side="left" if side == "left" else "right")
    return total[place]
