"""What a backtest simulates: the spec, its defaults and what makes no sense in it.

Fields are named as in the API's BacktestSpec. In a spec as it was given None is "unset"; `resolve` fills it in and
refuses what makes no sense, naming the field. In the resolved spec None is "off" (a rule that is not used).
"""

import enum
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rollbook_server.domain.clock import DAY, SECOND, Micros
from rollbook_server.domain.errors import InvalidArgument, Reason
from rollbook_server.domain.executions import StrategyKind
from rollbook_server.domain.instruments import ContractStyle

SCHEMA_VERSION = 1
SHORT_DATED_DAYS = 5.0
"""Below it modelled volatility is poor (lab rules 3) and half spreads are wider (5)."""
SETTLEMENT_HOUR = 8


class ExitStyle(enum.StrEnum):
    """When a position ends."""

    HOLD_TO_EXPIRY = "HOLD_TO_EXPIRY"
    TP_AND_ROLL = "TP_AND_ROLL"


class Scoring(enum.StrEnum):
    """How candidates are ranked."""

    ANNUALISED_YIELD = "ANNUALISED_YIELD"
    NEAREST_DELTA = "NEAREST_DELTA"


class VolatilitySource(enum.StrEnum):
    """Where the volatility at the money comes from."""

    INDEX = "INDEX"
    REALIZED = "REALIZED"
    CONSTANT = "CONSTANT"


class QuoteSource(enum.StrEnum):
    """Where quotes come from."""

    MODEL = "MODEL"
    RECORDED = "RECORDED"


class FillPrice(enum.StrEnum):
    """At which price of a quote a simulated order fills."""

    BID_ASK = "BID_ASK"
    MID = "MID"


class MissingOffer(enum.StrEnum):
    """What happens where a leg must be bought back and nobody offers it."""

    HOLD = "HOLD"
    MARK_PLUS_PENALTY = "MARK_PLUS_PENALTY"


class FeeSchedule(enum.StrEnum):
    """Which fees are charged."""

    DERIBIT = "DERIBIT"
    NONE = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionSpec:
    """Which contracts are candidates. Deltas are absolute."""

    min_dte_days: float | None = None
    max_dte_days: float | None = None
    target_dte_days: float | None = None
    min_delta: float | None = None
    target_delta: float | None = None
    max_delta: float | None = None
    scoring: Scoring | None = None
    min_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitSpec:
    """When an open leg is closed or rolled; fractions of one, see the API."""

    take_profit: float | None = None
    defend: float | None = None
    stop: float | None = None
    min_dte_days: float | None = None
    max_rolls: int | None = None
    max_debit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilitySpec:
    """How volatility is modelled."""

    source: VolatilitySource | None = None
    multiplier: float | None = None
    level: float | None = None
    half_life_days: float | None = None
    smile_slope: float | None = None
    smile_curvature: float | None = None
    allow_short_dated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSpec:
    """How orders fill."""

    quotes: QuoteSource | None = None
    price: FillPrice | None = None
    half_spread_vol_points: float | None = None
    short_dated_half_spread_vol_points: float | None = None
    without_ticks: bool = False
    missing_offer: MissingOffer | None = None
    penalty: float | None = None
    fees: FeeSchedule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """Ids of datasets."""

    spot_dataset_id: str = ""
    volatility_dataset_id: str = ""
    quotes_dataset_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSpec:
    """What is simulated."""

    schema_version: int = SCHEMA_VERSION
    name: str = ""
    preset: str = ""
    underlying: str = ""
    start_time: Micros | None = None
    end_time: Micros | None = None
    strategy: StrategyKind | None = None
    style: ContractStyle | None = None
    exit_style: ExitStyle | None = None
    decision_interval_hours: int | None = None
    decision_hour: int | None = None
    bar_minutes: int | None = None
    selection: SelectionSpec = field(default_factory=SelectionSpec)
    exits: ExitSpec = field(default_factory=ExitSpec)
    quantity: float | None = None
    max_open_chains: int | None = None
    volatility: VolatilitySpec = field(default_factory=VolatilitySpec)
    forward_basis: float | None = None
    fills: FillSpec = field(default_factory=FillSpec)
    data: DataSpec = field(default_factory=DataSpec)
    seed: int = 0


PRESETS: Mapping[str, SelectionSpec] = {
    "ultra-safe": SelectionSpec(
        min_dte_days=7.0, max_dte_days=14.0, target_dte_days=10.0, min_delta=0.05, target_delta=0.10, max_delta=0.15
    ),
    "balanced": SelectionSpec(
        min_dte_days=7.0, max_dte_days=14.0, target_dte_days=10.0, min_delta=0.12, target_delta=0.20, max_delta=0.30
    ),
    "aggressive": SelectionSpec(
        min_dte_days=7.0, max_dte_days=14.0, target_dte_days=10.0, min_delta=0.20, target_delta=0.30, max_delta=0.45
    ),
}
DEFAULT_PRESET = "balanced"

STRATEGIES = (StrategyKind.COVERED_CALL, StrategyKind.CASH_SECURED_PUT, StrategyKind.WHEEL)
"""What the lab runs."""

STEPS: Mapping[tuple[str, ContractStyle], float] = {
    ("BTC", ContractStyle.INVERSE): 0.1,
    ("ETH", ContractStyle.INVERSE): 1.0,
    ("BTC", ContractStyle.LINEAR): 0.01,
    ("ETH", ContractStyle.LINEAR): 0.1,
}
"""The venue's smallest quantity and step, in coins (lab rules 7): what is listed here can be simulated."""

_SMILE = {"BTC": (-0.075, 0.053), "ETH": (-0.059, 0.053)}
"""Slope and curvature for 5 to 22 days (lab rules 3)."""
_MULTIPLIER = {
    VolatilitySource.INDEX: {"BTC": 0.95, "ETH": 0.95},
    VolatilitySource.REALIZED: {"BTC": 1.10, "ETH": 1.00},
    VolatilitySource.CONSTANT: {"BTC": 1.0, "ETH": 1.0},
}
"""Lab rules 2."""
_SHORT_DATED_HALF_SPREAD = {"BTC": 1.5, "ETH": 2.0}
"""Volatility points (lab rules 5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """What a spec is judged against: of a dataset that it names."""

    kind: str
    underlying: str
    quote_currency: str
    first_time: Micros
    last_time: Micros
    interval: Micros


def resolve(spec: BacktestSpec, datasets: Mapping[str, DatasetFacts]) -> BacktestSpec:
    """The spec with everything filled in. `datasets` are those that it names, by id; what is not there does not exist.

    Raises InvalidArgument naming the field that makes no sense. A dataset that is missing is the caller's to refuse.
    """
    _head(spec)
    assert spec.style is not None
    spot = _dataset(spec.data.spot_dataset_id, datasets, "spot_dataset_id", "BARS", spec)
    volatility = _dataset(spec.data.volatility_dataset_id, datasets, "volatility_dataset_id", "VOLATILITY", spec)
    quotes = _dataset(spec.data.quotes_dataset_id, datasets, "quotes_dataset_id", "OPTION_CHAINS", spec)
    if spot is None:
        raise InvalidArgument(Reason.MISSING_FIELD, "a run needs bars of the underlying", "spec.data.spot_dataset_id")
    resolved = replace(
        spec,
        preset=spec.preset or DEFAULT_PRESET,
        start_time=spec.start_time if spec.start_time is not None else spot.first_time,
        end_time=spec.end_time if spec.end_time is not None else spot.last_time + spot.interval,
        exit_style=spec.exit_style or ExitStyle.TP_AND_ROLL,
        decision_interval_hours=_or(spec.decision_interval_hours, 24),
        decision_hour=_or(spec.decision_hour, 9),
        bar_minutes=_or(spec.bar_minutes, int(spot.interval // (60 * SECOND))),
        selection=_selection(spec),
        quantity=_or(spec.quantity, 1.0),
        max_open_chains=_or(spec.max_open_chains, 1),
        volatility=_volatility(spec, volatility is not None),
        forward_basis=_or(spec.forward_basis, 0.0),
        fills=_fills(spec, quotes is not None),
    )
    resolved = replace(resolved, exits=_exits(resolved))
    _judge(resolved, spot)
    return resolved


def digest(resolved: BacktestSpec, content_hashes: Mapping[str, str], engine_version: str) -> str:
    """`run_digest`: SHA-256 of what determines the result. The name is for people and the ids stand for contents."""
    tree = asdict(replace(resolved, name="", data=DataSpec()))
    tree["data"] = {name: content_hashes.get(value, "") for name, value in asdict(resolved.data).items()}
    tree["engine"] = engine_version
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _refuse(name: str, sentence: str) -> InvalidArgument:
    return InvalidArgument(Reason.OUT_OF_BOUNDS, sentence, f"spec.{name}")


def _head(spec: BacktestSpec) -> None:
    if spec.schema_version != SCHEMA_VERSION:
        raise _refuse("schema_version", f"version {spec.schema_version} is not known here; {SCHEMA_VERSION} is")
    if spec.preset and spec.preset not in PRESETS:
        raise _refuse("preset", f"{spec.preset!r} is none of {', '.join(PRESETS)}")
    for name in ("underlying", "strategy", "style"):
        if not getattr(spec, name):
            raise InvalidArgument(Reason.MISSING_FIELD, f"{name} is required", f"spec.{name}")
    if spec.strategy not in STRATEGIES:
        raise _refuse("strategy", f"the lab runs {', '.join(STRATEGIES)}")
    if spec.strategy is StrategyKind.WHEEL and spec.style is not ContractStyle.LINEAR:
        raise InvalidArgument(
            Reason.CONTRADICTION,
            "a wheel needs LINEAR options: with inverse ones capital and losses are coins, so that none is ever bought",
            "spec.style",
        )
    assert spec.style is not None
    if (spec.underlying, spec.style) not in STEPS:
        raise _refuse("underlying", f"{spec.underlying!r} is none of BTC and ETH")


def _dataset(
    dataset_id: str, datasets: Mapping[str, DatasetFacts], name: str, kind: str, spec: BacktestSpec
) -> DatasetFacts | None:
    if not dataset_id:
        return None
    facts = datasets[dataset_id]
    where = f"data.{name}"
    if facts.kind != kind:
        raise _refuse(where, f"this dataset holds {facts.kind}, and {kind} is needed")
    if facts.underlying != spec.underlying:
        raise _refuse(where, f"this dataset is of {facts.underlying}, and the run of {spec.underlying}")
    if kind == "OPTION_CHAINS":
        linear = spec.style is ContractStyle.LINEAR
        if (facts.quote_currency == "USDC") != linear:
            raise _refuse(where, f"these chains are quoted in {facts.quote_currency}, which {spec.style} ones are not")
    return facts


def _selection(spec: BacktestSpec) -> SelectionSpec:
    preset, given = PRESETS[spec.preset or DEFAULT_PRESET], spec.selection
    values: dict[str, Any] = {
        name: _or(getattr(given, name), getattr(preset, name))
        for name in ("min_dte_days", "max_dte_days", "target_dte_days", "min_delta", "target_delta", "max_delta")
    }
    # One bound that was given moves what the preset says of the others, where they would contradict it.
    for low, target, high in (
        ("min_dte_days", "target_dte_days", "max_dte_days"),
        ("min_delta", "target_delta", "max_delta"),
    ):
        if getattr(given, low) is None:
            values[low] = min(values[low], _or(getattr(given, target), values[high]), values[high])
        if getattr(given, high) is None:
            values[high] = max(values[high], _or(getattr(given, target), values[low]), values[low])
        if getattr(given, target) is None:
            values[target] = min(max(values[target], values[low]), values[high])
    return SelectionSpec(
        **values,
        scoring=given.scoring or Scoring.ANNUALISED_YIELD,
        min_score=_or(given.min_score, 0.0),
    )


def _exits(spec: BacktestSpec) -> ExitSpec:
    given = spec.exits
    if spec.exit_style is ExitStyle.HOLD_TO_EXPIRY:
        for name in asdict(given):
            if getattr(given, name) is not None:
                raise InvalidArgument(Reason.CONTRADICTION, "HOLD_TO_EXPIRY has no rules of exit", f"spec.exits.{name}")
        return given
    return ExitSpec(
        take_profit=_or(given.take_profit, 0.5),
        defend=_or(given.defend, 0.98),
        stop=given.stop,
        min_dte_days=given.min_dte_days,
        max_rolls=_or(given.max_rolls, 3),
        max_debit=_or(given.max_debit, 0.0),
    )


def _volatility(spec: BacktestSpec, has_index: bool) -> VolatilitySpec:
    given = spec.volatility
    source = given.source or (VolatilitySource.INDEX if has_index else VolatilitySource.REALIZED)
    if source is VolatilitySource.INDEX and not has_index:
        raise InvalidArgument(
            Reason.MISSING_FIELD, "INDEX needs a dataset of a volatility index", "spec.data.volatility_dataset_id"
        )
    if (source is VolatilitySource.CONSTANT) != (given.level is not None):
        raise InvalidArgument(Reason.CONTRADICTION, "CONSTANT has a level, nothing else has", "spec.volatility.level")
    slope, curvature = _SMILE[spec.underlying]
    return replace(
        given,
        source=source,
        multiplier=_or(given.multiplier, _MULTIPLIER[source][spec.underlying]),
        half_life_days=_or(given.half_life_days, 10.0),
        smile_slope=_or(given.smile_slope, slope),
        smile_curvature=_or(given.smile_curvature, curvature),
    )


def _fills(spec: BacktestSpec, has_quotes: bool) -> FillSpec:
    given = spec.fills
    quotes = given.quotes or (QuoteSource.RECORDED if has_quotes else QuoteSource.MODEL)
    if quotes is QuoteSource.RECORDED and not has_quotes:
        raise InvalidArgument(
            Reason.MISSING_FIELD, "RECORDED needs a dataset of option chains", "spec.data.quotes_dataset_id"
        )
    return replace(
        given,
        quotes=quotes,
        price=given.price or FillPrice.BID_ASK,
        half_spread_vol_points=_or(given.half_spread_vol_points, 0.75),
        short_dated_half_spread_vol_points=_or(
            given.short_dated_half_spread_vol_points, _SHORT_DATED_HALF_SPREAD[spec.underlying]
        ),
        missing_offer=given.missing_offer or MissingOffer.HOLD,
        penalty=_or(given.penalty, 0.10),
        fees=given.fees or FeeSchedule.DERIBIT,
    )


_BOUNDS: Mapping[str, tuple[float, float]] = {
    "decision_interval_hours": (1, 168),
    "decision_hour": (0, 23),
    "bar_minutes": (1, 1440),
    "quantity": (0, 1e6),
    "max_open_chains": (1, 64),
    "forward_basis": (-1, 1),
    "selection.min_dte_days": (0, 400),
    "selection.max_dte_days": (0, 400),
    "selection.target_dte_days": (0, 400),
    "selection.min_delta": (0, 1),
    "selection.target_delta": (0, 1),
    "selection.max_delta": (0, 1),
    "selection.min_score": (-1e6, 1e6),
    "exits.take_profit": (0, 1),
    "exits.defend": (0.5, 2),
    "exits.stop": (1, 1000),
    "exits.min_dte_days": (0, 400),
    "exits.max_rolls": (0, 1000),
    "exits.max_debit": (-1, 1),
    "volatility.multiplier": (0.1, 10),
    "volatility.level": (0.01, 5),
    "volatility.half_life_days": (0.1, 365),
    "volatility.smile_slope": (-1, 1),
    "volatility.smile_curvature": (-1, 1),
    "fills.half_spread_vol_points": (0, 100),
    "fills.short_dated_half_spread_vol_points": (0, 100),
    "fills.penalty": (0, 10),
}
"""Of the resolved spec, both ends included."""


def _judge(spec: BacktestSpec, spot: DatasetFacts) -> None:
    """What is left to be refused in a resolved spec."""
    for path, (low, high) in _BOUNDS.items():
        value: Any = spec
        for name in path.split("."):
            value = getattr(value, name)
        if value is not None and not (math.isfinite(value) and low <= value <= high):
            raise _refuse(path, f"{value} is not within {low:g} and {high:g}")
    assert spec.start_time is not None
    assert spec.end_time is not None
    assert spec.style is not None
    if spec.quantity == 0:
        raise _refuse("quantity", "must be above 0")
    steps = (spec.quantity or 0) / STEPS[spec.underlying, spec.style]
    if round(steps) < 1 or abs(steps - round(steps)) > 1e-9:
        raise _refuse("quantity", f"must be a multiple of {STEPS[spec.underlying, spec.style]:g}, the venue's step")
    if spec.strategy is StrategyKind.WHEEL and spec.max_open_chains != 1:
        raise _refuse(
            "max_open_chains", "must be 1: a wheel turns one lot of coins, with one cost; quantity is its size"
        )
    if spec.decision_hour == SETTLEMENT_HOUR:
        raise _refuse("decision_hour", "not at 08:00, when expiries settle; 9 is usual")
    minutes = int(spot.interval // (60 * SECOND))
    if spec.bar_minutes is None or spec.bar_minutes % minutes:
        raise _refuse("bar_minutes", f"must be a multiple of the dataset's {minutes} minutes")
    if (spec.decision_interval_hours or 0) * 60 % spec.bar_minutes:
        raise _refuse("bar_minutes", "decisions must fall on bars")
    phase = spot.first_time % spot.interval // (60 * SECOND)
    if phase and spec.bar_minutes != minutes:
        raise _refuse("bar_minutes", f"must be the dataset's {minutes}: no longer ones begin where its own do")
    if ((spec.decision_hour or 0) * 60 - phase) % spec.bar_minutes:
        raise _refuse("decision_hour", f"no bar of {spec.bar_minutes} minutes begins at that hour")
    if spec.end_time <= spec.start_time:
        raise _refuse("end_time", "must be after start_time")
    if spec.start_time >= spot.last_time or spec.end_time <= spot.first_time:
        raise _refuse("start_time", "the period lies outside of the bars")
    if spec.end_time - spec.start_time < DAY:
        raise _refuse("end_time", "a run is a day long at least")
    for lowest, target, highest in (
        ("min_dte_days", "target_dte_days", "max_dte_days"),
        ("min_delta", "target_delta", "max_delta"),
    ):
        values = [getattr(spec.selection, name) for name in (lowest, target, highest)]
        if not values[0] <= values[1] <= values[2]:
            raise _refuse(f"selection.{target}", f"{lowest} <= {target} <= {highest} does not hold")
    if spec.selection.scoring is Scoring.NEAREST_DELTA and not spec.selection.target_delta:
        raise _refuse("selection.target_delta", "NEAREST_DELTA needs a target above 0")
    if not spec.selection.max_delta:
        raise _refuse("selection.max_delta", "must be above 0")
    short = (spec.selection.min_dte_days or 0) < SHORT_DATED_DAYS
    if short and spec.fills.quotes is QuoteSource.MODEL and not spec.volatility.allow_short_dated:
        raise _refuse(
            "selection.min_dte_days",
            "modelled options of less than five days are refused unless volatility.allow_short_dated says so",
        )
