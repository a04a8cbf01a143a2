"""A sweep: one spec with other values of some fields, many times. What is asked for, the points that it comes to, and
what they are ranked by. Fields are named as in the API.

The period is cut in two. A point is a run up to the split, which only chooses, and one from the split on, with capital
of its own, by which it is shown and ranked. Both know what was known before they began (volatility looks back over all
bars), and neither knows what came after its end: the engine looks at nothing that is not known yet. With several folds
the second part is cut into windows (module walk_forward), each with a run, and with a choice by all that is before it.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rollbook_server.domain.backtest.fields import changed, is_field, value_of
from rollbook_server.domain.backtest.metrics import BacktestMetrics
from rollbook_server.domain.backtest.outcomes import BacktestState
from rollbook_server.domain.backtest.runs import EquityPoint
from rollbook_server.domain.backtest.spec import BacktestSpec, DatasetFacts, ExitSpec, ExitStyle, resolve
from rollbook_server.domain.backtest.walk_forward import Window, windows
from rollbook_server.domain.clock import DAY, Micros
from rollbook_server.domain.errors import InvalidArgument, Reason, Refusal
from rollbook_server.domain.executions import StrategyKind

MOST_POINTS = 10_000
MOST_AXES = 8
MOST_VALUES = 1_000
IN_SAMPLE = 2 / 3
"""Of the period, where the split is not given."""

_FIXED = ("schema_version", "name", "start_time", "end_time", "seed")
"""Fields that tell nothing of two points, or whose points could not be compared; with them, all of `data`."""
_EXIT_STYLE, _EXITS = "exit_style", "exits."

RANKED = (
    *(
        f"{currency}.{name}"
        for currency in ("coin", "usd")
        for name in (
            "net_profit",
            "pnl_vs_hodl",
            "return_pct",
            "sharpe",
            "sharpe_vs_hodl",
            "sortino",
            "calmar",
            "profit_factor",
            "chains_pnl",
        )
    ),
    "win_rate_pct",
    "premium_kept_pct",
    "return_on_collateral_pct",
)
"""Metrics in which more is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepAxis:
    """A field that takes several values, as texts."""

    field: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """What is asked for."""

    spec: BacktestSpec
    axes: tuple[SweepAxis, ...]
    random_points: int = 0
    seed: int = 0
    split_time: Micros | None = None
    rank_by: str = ""
    folds: int = 1


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """A point before it is run: its value of each axis, and its resolved spec out of sample, or why it has none."""

    values: tuple[str, ...]
    spec: BacktestSpec | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """What a plan comes to: `plan` with all that was unset filled in, but for its spec, and its points in order."""

    plan: SweepPlan
    from_time: Micros
    """Where the in-sample part begins."""
    points: Sequence[PlannedPoint]
    windows: Sequence[Window]
    """Of several folds; empty for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecChange:
    """A field of a point, and its value."""

    field: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """A point, or as much of it as there is."""

    number: int
    changes: tuple[SpecChange, ...]
    spec: BacktestSpec | None
    done: bool
    error: str
    metrics: BacktestMetrics | None
    equity: Sequence[EquityPoint]
    value: float | None
    rank: int
    in_sample_rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFold:
    """One of several folds: its window, and what the point made in it that was best in all that is before it."""

    number: int
    start_time: Micros
    end_time: Micros
    chosen: int = 0
    changes: tuple[SpecChange, ...] = ()
    metrics: BacktestMetrics | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """What the points that were chosen in several folds made together."""

    folds: tuple[SweepFold, ...]
    metrics: BacktestMetrics | None = None
    equity: Sequence[EquityPoint] = ()
    value: float | None = None
    rank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep, from its creation on."""

    sweep_id: str
    plan: SweepPlan
    state: BacktestState
    points_done: int
    points_total: int
    points_failed: int
    seconds: float
    """Of work."""
    error: str
    create_time: Micros
    start_time: Micros | None
    end_time: Micros | None
    engine_version: str

    @property
    def eta_seconds(self) -> float | None:
        """Of work that is left, by the pace until now."""
        if self.state is not BacktestState.RUNNING or not self.points_done:
            return None
        return self.seconds / self.points_done * (self.points_total - self.points_done)


def design(plan: SweepPlan, datasets: Mapping[str, DatasetFacts]) -> Design:
    """The points of a plan, judged. Raises InvalidArgument naming the field that makes no sense: of the spec, an axis,
    or a value that makes none in any point of a grid. Values that only make no sense together make a point that fails.
    """
    _demand_axes(plan.axes)
    rank_by = plan.rank_by or _usual_rank(plan.spec)
    if rank_by not in RANKED:
        raise InvalidArgument(Reason.UNKNOWN_VALUE, f"points are ranked by one of {', '.join(RANKED)}", "rank_by")
    drawn = _drawn(plan)
    values = [
        {text: value_of(axis.field, text, f"axes[{number}].values[{place}]") for place, text in enumerate(axis.values)}
        for number, axis in enumerate(plan.axes)
    ]
    for number, known in enumerate(values):
        if len(set(map(repr, known.values()))) < len(plan.axes[number].values):
            raise InvalidArgument(Reason.CONTRADICTION, "a value is said twice", f"axes[{number}].values")
    specs = [_resolved(plan, values, texts, datasets) for texts in drawn]
    _demand_sense(plan, drawn, specs)
    whole = next(spec for spec in specs if isinstance(spec, BacktestSpec))
    assert whole.start_time is not None
    split_time, end = _split(plan, whole, datasets[whole.data.spot_dataset_id])
    cut = windows(split_time, end, plan.folds)
    points = [
        PlannedPoint(texts, replace(spec, start_time=split_time))
        if isinstance(spec, BacktestSpec)
        else PlannedPoint(texts, None, spec.message)
        for texts, spec in zip(drawn, specs, strict=True)
    ]
    return Design(
        replace(plan, split_time=split_time, rank_by=rank_by), whole.start_time, points, cut if plan.folds > 1 else ()
    )


def figure(metrics: BacktestMetrics, rank_by: str) -> float | None:
    """The metric that points are ranked by."""
    value: object = metrics
    for name in rank_by.split("."):
        value = getattr(value, name)
    return float(value) if isinstance(value, int | float) else None


def _demand_axes(axes: Sequence[SweepAxis]) -> None:
    if not axes:
        raise InvalidArgument(Reason.MISSING_FIELD, "a sweep has one axis at least", "axes")
    if len(axes) > MOST_AXES:
        raise InvalidArgument(Reason.TOO_LARGE, f"{len(axes)} axes, at most {MOST_AXES} are allowed", "axes")
    for number, axis in enumerate(axes):
        where = f"axes[{number}]"
        if not is_field(axis.field):
            sentence = f"a spec has no field {axis.field[:80]!r} that takes a value"
            raise InvalidArgument(Reason.OUT_OF_BOUNDS, sentence, f"{where}.field")
        if axis.field in _FIXED or axis.field.startswith("data."):
            raise InvalidArgument(Reason.OUT_OF_BOUNDS, f"{axis.field} is the same in all points", f"{where}.field")
        if axis.field in [other.field for other in axes[:number]]:
            raise InvalidArgument(Reason.CONTRADICTION, f"{axis.field} is an axis already", f"{where}.field")
        if not axis.values:
            raise InvalidArgument(Reason.MISSING_FIELD, f"{axis.field} takes no value", f"{where}.values")
        if len(axis.values) > MOST_VALUES:
            sentence = f"{len(axis.values)} values, at most {MOST_VALUES} are allowed"
            raise InvalidArgument(Reason.TOO_LARGE, sentence, f"{where}.values")


def _usual_rank(spec: BacktestSpec) -> str:
    return "coin.return_pct" if spec.strategy is StrategyKind.COVERED_CALL else "usd.return_pct"


def _drawn(plan: SweepPlan) -> list[tuple[str, ...]]:
    """The values of all points in order, or of those that were drawn. Raises InvalidArgument."""
    size, places = _size(plan.axes), math.prod(len(axis.values) for axis in plan.axes)
    if size < 2:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "a sweep has two points at least", "axes")
    points: dict[tuple[str, ...], None] = {}
    if not plan.random_points:
        if size > MOST_POINTS:
            sentence = f"a grid of {size:,} points, at most {MOST_POINTS:,} are allowed; draw some by random_points"
            raise InvalidArgument(Reason.TOO_LARGE, sentence, "axes")
        points = dict.fromkeys(_values(plan.axes, place) for place in range(places))
    elif not 2 <= plan.random_points <= min(MOST_POINTS, size):
        sentence = f"{plan.random_points} is not within 2 and {min(MOST_POINTS, size):,}"
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, sentence, "random_points")
    chance = random.Random(plan.seed)
    while len(points) < plan.random_points:
        points[_values(plan.axes, chance.randrange(places))] = None
    return list(points)


def _size(axes: Sequence[SweepAxis]) -> int:
    """How many points a grid has; what is held to expiry has no exits, and is one point whatever is said of them.
    Raises InvalidArgument."""
    exits = math.prod(len(axis.values) for axis in axes if axis.field.startswith(_EXITS))
    others = math.prod(len(axis.values) for axis in axes if not axis.field.startswith(_EXITS))
    for axis in axes:
        if axis.field == _EXIT_STYLE:
            held = sum(map(_holds, axis.values))
            if held == len(axis.values) and exits > 1:
                number = next(place for place, each in enumerate(axes) if each.field.startswith(_EXITS))
                raise InvalidArgument(
                    Reason.CONTRADICTION, "HOLD_TO_EXPIRY has no rules of exit", f"axes[{number}].field"
                )
            return others // len(axis.values) * ((len(axis.values) - held) * exits + held)
    return others * exits


def _holds(exit_style: str) -> bool:
    return exit_style.upper() == ExitStyle.HOLD_TO_EXPIRY


def _values(axes: Sequence[SweepAxis], place: int) -> tuple[str, ...]:
    """The values of a place of the grid; the last axis changes fastest. What is held to expiry has no exits."""
    texts = []
    for axis in reversed(axes):
        place, value = divmod(place, len(axis.values))
        texts.append(axis.values[value])
    texts.reverse()
    held = any(axis.field == _EXIT_STYLE and _holds(text) for axis, text in zip(axes, texts, strict=True))
    return tuple("" if held and axis.field.startswith(_EXITS) else text for axis, text in zip(axes, texts, strict=True))


def _resolved(
    plan: SweepPlan,
    values: Sequence[Mapping[str, object]],
    texts: Sequence[str],
    datasets: Mapping[str, DatasetFacts],
) -> BacktestSpec | Refusal:
    """The spec of a point over the whole period, or why it has none."""
    spec = plan.spec
    for axis, known, text in zip(plan.axes, values, texts, strict=True):
        if axis.field == _EXIT_STYLE and _holds(text):
            spec = replace(spec, exits=ExitSpec())
        if text in known:
            spec = changed(spec, axis.field, known[text])
    try:
        return resolve(spec, datasets)
    except InvalidArgument as refusal:
        return refusal


def _demand_sense(plan: SweepPlan, drawn: Sequence[Sequence[str]], specs: Sequence[BacktestSpec | Refusal]) -> None:
    """Raises the refusal of all points, or of a value that makes sense in none of a grid."""
    refusals = [spec for spec in specs if isinstance(spec, Refusal)]
    hopeless = len(refusals) == len(specs)
    if hopeless:
        swept = {f"spec.{axis.field}" for axis in plan.axes}
        for refusal in refusals:
            if refusal.field not in swept:
                raise refusal
    for number, axis in enumerate(plan.axes if refusals and not plan.random_points else ()):
        sensible = {texts[number] for texts, spec in zip(drawn, specs, strict=True) if isinstance(spec, BacktestSpec)}
        for place, text in enumerate(axis.values):
            if text not in sensible:
                first = next(
                    spec
                    for texts, spec in zip(drawn, specs, strict=True)
                    if texts[number] == text and isinstance(spec, Refusal)
                )
                raise InvalidArgument(Reason.OUT_OF_BOUNDS, first.message, f"axes[{number}].values[{place}]")
    if hopeless:
        raise refusals[0]


def _split(plan: SweepPlan, spec: BacktestSpec, spot: DatasetFacts) -> Window:
    """The part out of sample, as far as there is data. Raises InvalidArgument."""
    assert spec.start_time is not None
    assert spec.end_time is not None
    begin, end = max(spec.start_time, spot.first_time), min(spec.end_time, spot.last_time + spot.interval)
    split = plan.split_time
    if split is None:
        split = int(begin + (end - begin) * IN_SAMPLE) // DAY * DAY
    if not begin + DAY <= split <= end - DAY:
        raise InvalidArgument(
            Reason.OUT_OF_BOUNDS, "both parts of the period must be a day long at least", "split_time"
        )
    return split, end
