"""What the form of a backtest asks for: the fields of BacktestSpec in words, and what the server makes of blanks."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import types
import typing
from collections.abc import Mapping
from typing import Any

from rollbook import BacktestSpec, Dataset

BOTH = "BOTH"
"""Exit style `both` is the client's: two runs, of one group."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One field: its path in the spec, its name for people, its unit, and what it does where the name does not say."""

    path: str
    label: str
    unit: str = ""
    hint: str = ""

    @property
    def kind(self) -> Any:
        """The type of its value: bool, float, int, str, datetime, or an enum."""
        return _kind(self.path)

    @property
    def choices(self) -> Mapping[str, str]:
        """The values to choose from, with their words; empty where it is free."""
        if self.path == "preset":
            return {name: f"{name} ({figures[1]} Δ)" for name, figures in DELTAS.items()}
        if self.path == "underlying":
            return {"BTC": "BTC", "ETH": "ETH"}
        if self.path == "strategy":
            return STRATEGIES
        if self.path == "exit_style":
            return {**_words(self.kind), BOTH: "Both, as two runs"}
        return _words(self.kind) if issubclass(self.kind, enum.StrEnum) else {}

    @property
    def needed(self) -> bool:
        """A run cannot do without it."""
        return self.path in NEEDED


@dataclasses.dataclass(frozen=True)
class Group:
    """Fields that stand together. The first groups are always open."""

    name: str
    fields: tuple[Field, ...]
    open: bool = False


NEEDED = ("underlying", "strategy", "style", "data.spot_dataset_id")
STRATEGIES = {"COVERED_CALL": "Covered calls", "CASH_SECURED_PUT": "Cash-secured puts", "WHEEL": "Wheel"}

DELTAS = {
    "ultra-safe": ("0.05", "0.1", "0.15"),
    "balanced": ("0.12", "0.2", "0.3"),
    "aggressive": ("0.2", "0.3", "0.45"),
}
"""Of each preset: least, target and greatest delta. The server has them; a test holds these to it."""
DAYS = ("7", "10", "14")
"""Of all presets: least, target and greatest days to expiry."""
PRESET = "balanced"

GROUPS = (
    Group(
        "What is sold",
        (
            Field("name", "Name", hint="For you; the result does not depend on it."),
            Field("preset", "Preset"),
            Field("underlying", "Coin"),
            Field("strategy", "Strategy"),
            Field("style", "Contracts", hint="Inverse: premium and profit in coin. Linear: in USDC."),
            Field("exit_style", "Exit"),
        ),
        open=True,
    ),
    Group(
        "Data",
        (
            Field("data.spot_dataset_id", "Bars"),
            Field("data.volatility_dataset_id", "Volatility index", hint="None: realized volatility of the bars."),
            Field("data.quotes_dataset_id", "Recorded quotes", hint="None: Black-76 with smile, spread and ticks."),
            Field("start_time", "From (UTC)"),
            Field("end_time", "To (UTC)"),
        ),
        open=True,
    ),
    Group(
        "Size and pace",
        (
            Field("quantity", "Coins per chain"),
            Field("max_open_chains", "Chains open at once"),
            Field("decision_interval_hours", "Hours between decisions", "h"),
            Field("decision_hour", "Hour of the decision", "UTC", "Not 8, when expiries settle."),
            Field("bar_minutes", "Bars of", "min", "A multiple of the dataset's."),
        ),
    ),
    Group(
        "Selection",
        (
            Field("selection.min_delta", "Least delta"),
            Field("selection.target_delta", "Target delta"),
            Field("selection.max_delta", "Greatest delta"),
            Field("selection.min_dte_days", "Least time to expiry", "days"),
            Field("selection.target_dte_days", "Target time to expiry", "days"),
            Field("selection.max_dte_days", "Greatest time to expiry", "days"),
            Field("selection.scoring", "Ranked by"),
            Field("selection.min_score", "Least score"),
        ),
    ),
    Group(
        "Exits",
        (
            Field("exits.take_profit", "Take profit", hint="When that part of the premium could be kept, by the ask."),
            Field("exits.defend", "Defend", hint="Roll when S / K (a put: K / S) is at least this."),
            Field("exits.stop", "Stop", hint="Close when ask / entry price is at least this."),
            Field("exits.min_dte_days", "Roll below", "days", "Days left to expiry."),
            Field("exits.max_rolls", "Rolls of one chain"),
            Field("exits.max_debit", "Debit of a roll", hint="At most, as a fraction of the coin's price."),
        ),
    ),
    Group(
        "Volatility",
        (
            Field("volatility.source", "Source"),
            Field("volatility.multiplier", "Multiplier", hint="The result hangs on it more than on anything else."),
            Field("volatility.level", "Level", hint="Of a constant one: annual, as a fraction."),
            Field("volatility.half_life_days", "Half-life", "days", "Of realized volatility."),
            Field("volatility.smile_slope", "Smile: slope"),
            Field("volatility.smile_curvature", "Smile: curvature"),
            Field("volatility.allow_short_dated", "Allow modelled options of less than five days"),
            Field("forward_basis", "Forward basis", "a year"),
        ),
    ),
    Group(
        "Fills and fees",
        (
            Field("fills.quotes", "Quotes"),
            Field("fills.price", "Fill at"),
            Field("fills.half_spread_vol_points", "Half spread", "vol points"),
            Field("fills.short_dated_half_spread_vol_points", "Half spread under five days", "vol points"),
            Field("fills.missing_offer", "Without an offer"),
            Field("fills.penalty", "Penalty", hint="Of a leg bought without an offer, as a fraction of the mark."),
            Field("fills.fees", "Fees"),
            Field("fills.without_ticks", "Prices without ticks, for experiments"),
            Field("seed", "Seed", hint="Of the interval's random draws."),
        ),
    ),
)
FIELDS = {field.path: field for group in GROUPS for field in group.fields}


def usual(said: Mapping[str, str], bars: Dataset | None = None) -> dict[str, str]:
    """What the server makes of fields that stay blank, by path; what is not there is off, or the server's to find.

    Of three values that hang together (least, target, greatest) it is only told while all are blank: one that is given
    moves the others.
    """
    coin, indexed = said.get("underlying") or "BTC", bool(said.get("data.volatility_dataset_id"))
    source = said.get("volatility.source") or ("INDEX" if indexed else "REALIZED")
    multiplier = {"INDEX": "0.95", "REALIZED": "1" if coin == "ETH" else "1.1"}.get(source, "1")
    found = {
        "preset": PRESET,
        "exit_style": "TP_AND_ROLL",
        "decision_interval_hours": "24",
        "decision_hour": "9",
        "selection.scoring": "ANNUALISED_YIELD",
        "selection.min_score": "0",
        "quantity": "1",
        "max_open_chains": "1",
        "volatility.source": source,
        "volatility.multiplier": multiplier,
        "volatility.half_life_days": "10",
        "volatility.smile_slope": "-0.059" if coin == "ETH" else "-0.075",
        "volatility.smile_curvature": "0.053",
        "forward_basis": "0",
        "fills.quotes": "RECORDED" if said.get("data.quotes_dataset_id") else "MODEL",
        "fills.price": "BID_ASK",
        "fills.half_spread_vol_points": "0.75",
        "fills.short_dated_half_spread_vol_points": "2" if coin == "ETH" else "1.5",
        "fills.missing_offer": "HOLD",
        "fills.penalty": "0.1",
        "fills.fees": "DERIBIT",
        "seed": "0",
    }
    if said.get("exit_style") != "HOLD_TO_EXPIRY":
        found |= {
            "exits.take_profit": "0.5",
            "exits.defend": "0.98",
            "exits.max_rolls": "3",
            "exits.max_debit": "0",
        }
    for name, figures in (("delta", DELTAS.get(said.get("preset") or PRESET, DELTAS[PRESET])), ("dte_days", DAYS)):
        paths = [f"selection.{which}_{name}" for which in ("min", "target", "max")]
        if not any(said.get(path) for path in paths):
            found |= dict(zip(paths, figures, strict=True))
    if bars is not None and bars.first_time is not None and bars.last_time is not None:
        end = bars.last_time + datetime.timedelta(seconds=bars.interval_seconds)
        found |= {"start_time": _day(bars.first_time), "end_time": _day(end)}
        found["bar_minutes"] = str(bars.interval_seconds // 60)
    return found


def word_of(path: str, value: str) -> str:
    """A value for people: a choice by its words, all else as it is."""
    field = FIELDS.get(path)
    return value if field is None else field.choices.get(value, value)


def paths_of(message: Any = BacktestSpec, prefix: str = "") -> list[str]:
    """All fields of a spec, by path."""
    found = []
    for field in dataclasses.fields(message):
        path = prefix + field.name
        kind = _kind(path)
        found += paths_of(kind, f"{path}.") if dataclasses.is_dataclass(kind) else [path]
    return found


def _kind(path: str) -> Any:
    kind: Any = BacktestSpec
    for name in path.split("."):
        kind = typing.get_type_hints(kind)[name]
        if isinstance(kind, types.UnionType):
            [kind] = [option for option in typing.get_args(kind) if option is not types.NoneType]
    return kind


_WORDS = {
    "HOLD_TO_EXPIRY": "Hold to expiry",
    "TP_AND_ROLL": "Take profit and roll",
    "INVERSE": "Inverse (in coin)",
    "LINEAR": "Linear (in USDC)",
    "ANNUALISED_YIELD": "Annualised yield",
    "NEAREST_DELTA": "Nearest delta",
    "INDEX": "Volatility index",
    "REALIZED": "Realized",
    "CONSTANT": "Constant (experiment)",
    "MODEL": "Model",
    "RECORDED": "Recorded",
    "BID_ASK": "Bid and ask",
    "MID": "Middle (scenario)",
    "HOLD": "Hold the leg",
    "MARK_PLUS_PENALTY": "Mark plus penalty",
    "DERIBIT": "Deribit, as taker",
    "NONE": "None (experiment)",
}


def _words(kind: type[enum.StrEnum]) -> dict[str, str]:
    return {
        member.value: _WORDS.get(member.value, member.value.capitalize().replace("_", " "))
        for member in kind
        if member not in ("UNSPECIFIED", "UNRECOGNIZED")
    }


def _day(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%d" if moment.time() == datetime.time() else "%Y-%m-%dT%H:%MZ")
