"""What may be asked: the parameters of each listing, read strictly: unknown ones and repetitions are refused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from rollbook import BacktestState, Mode, StrategyKind, TrainingFormat, TrainingRows

Word = TypeVar("Word", bound=StrEnum)


def _known(word: Word) -> Word:
    if word in ("UNSPECIFIED", "UNRECOGNIZED"):
        raise ValueError("is no value to ask for")
    return word


def _words(kind: type[StrEnum]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": [w.value for w in kind if not w.startswith("UN")]})


def _time(said: Any) -> datetime:
    """In UTC unless it says another zone; a day alone is its midnight. A bare number could be seconds or
    milliseconds."""
    time = datetime.fromisoformat(str(said))
    return time if time.tzinfo else time.replace(tzinfo=UTC)


ModeWord = Annotated[Mode, AfterValidator(_known), _words(Mode)]
StrategyWord = Annotated[StrategyKind, AfterValidator(_known), _words(StrategyKind)]
StateWord = Annotated[BacktestState, AfterValidator(_known), _words(BacktestState)]
RowsWord = Annotated[TrainingRows, AfterValidator(_known), _words(TrainingRows)]
FormatWord = Annotated[TrainingFormat, AfterValidator(_known), _words(TrainingFormat)]
Time = Annotated[
    datetime, BeforeValidator(_time), WithJsonSchema({"type": "string", "examples": ["2025-06-01T08:00:00Z"]})
]


class Parameters(BaseModel):
    """Of one endpoint; no others are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def given(self) -> dict[str, Any]:
        """Those that were said, for the client's call."""
        return self.model_dump(exclude_none=True)


class Paged(Parameters):
    """Which page: at most so many rows, 1 to 500, and the `next_page_token` of the page before."""

    page_size: int | None = Field(None, ge=1, le=500)
    page_token: str | None = None


class Chains(Paged):
    """Which chains; what is not said is any. Without a page_size and a page_token: all of them."""

    account: str | None = None
    mode: ModeWord | None = None
    underlying: str | None = None
    strategy: StrategyWord | None = None
    strategy_name: str | None = None
    opened_from_time: Time | None = None
    opened_before_time: Time | None = None


class ClosedChains(Chains):
    """And when they closed."""

    closed_from_time: Time | None = None
    closed_before_time: Time | None = None


class OneChain(Parameters):
    """Whose chain: names are unique within an account."""

    account: str


class Entries(Paged):
    """Which entries of the journal. A position needs its account."""

    account: str | None = None
    position_id: str | None = None
    after_revision: int | None = Field(None, ge=0, lt=2**63)
    newest_first: bool | None = None


class Refusals(Paged):
    """Which refused commands."""

    account: str | None = None
    mode: ModeWord | None = None
    include_resolved: bool | None = None


class Runs(Paged):
    """Which backtests."""

    state: StateWord | None = None
    group_id: str | None = None
    underlying: str | None = None


class Points(Parameters):
    """Which points of equity: thinned to at most so many, or all of them in pages."""

    max_points: int | None = Field(None, ge=0, lt=2**31)
    page_size: int | None = Field(None, ge=1, le=10_000)
    page_token: str | None = None


class OneRun(Parameters):
    """Which backtest; the newest if none is named."""

    id: str = ""


class Training(Parameters):
    """What the run did at each decision, or all that it could have done, as which kind of file."""

    rows: RowsWord = TrainingRows.EXAMPLES
    format: FormatWord = TrainingFormat.CSV


def _refused(names: list[str], why: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("query", name), "msg": why, "type": "query"} for name in names])


def _once(request: Request) -> None:
    twice = [
        name for name, times in Counter(name for name, _ in request.query_params.multi_items()).items() if times > 1
    ]
    if twice:
        raise _refused(twice, "is said more than once")


def _none(request: Request) -> None:
    if request.query_params:
        raise _refused(list(request.query_params), "there is no such parameter here")


ONCE = Depends(_once)
"""A dependency: no parameter is said twice, where it could not be told which one is meant."""
NO_PARAMETERS = Depends(_none)
"""A dependency of endpoints that have none."""
