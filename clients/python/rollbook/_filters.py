"""The keywords of the listing calls, named once for the page and for the walk over all pages.

They are the fields of the request models, as a test proves. A keyword that is left out is any, except for the account:
left out it is the client's own, and `account=""` is all accounts.
"""

from __future__ import annotations

import datetime
from typing import TypedDict

from rollbook.models import BacktestState, ChainOrder, ChainState, DatasetKind, Mode, StrategyKind, SweepOrder


class ChainFilter(TypedDict, total=False):
    """Which chains: see `ListChainsRequest`."""

    account: str
    mode: Mode
    states: tuple[ChainState, ...]
    underlying: str
    strategy: StrategyKind
    strategy_name: str | None
    opened_from_time: datetime.datetime | None
    opened_before_time: datetime.datetime | None
    closed_from_time: datetime.datetime | None
    closed_before_time: datetime.datetime | None
    order: ChainOrder
    page_size: int
    page_token: str


class EntryFilter(TypedDict, total=False):
    """Which journal entries: see `ListEntriesRequest`."""

    account: str
    position_id: str
    after_revision: int
    page_size: int
    page_token: str
    newest_first: bool


class RefusalFilter(TypedDict, total=False):
    """Which refused commands: see `ListRefusedExecutionsRequest`."""

    account: str
    mode: Mode
    include_resolved: bool
    page_size: int
    page_token: str


class ValueFilter(TypedDict, total=False):
    """Whose history of value: see `ListValuationsRequest`."""

    account: str
    position_id: str
    mode: Mode
    settlement_currency: str
    from_time: datetime.datetime | None
    before_time: datetime.datetime | None
    newest_first: bool
    page_size: int
    page_token: str


class ChainWatch(TypedDict, total=False):
    """Which chains to watch: see `WatchChainsRequest`."""

    account: str
    mode: Mode
    underlying: str
    strategy: StrategyKind
    strategy_name: str | None
    position_id: str
    include_closed: bool
    bookmark_interval_ms: int
    valuation_interval_ms: int


class EntryWatch(TypedDict, total=False):
    """Which entries to watch: see `WatchEntriesRequest`."""

    account: str
    mode: Mode
    underlying: str
    strategy: StrategyKind
    strategy_name: str | None
    position_id: str
    bookmark_interval_ms: int


class Pages(TypedDict, total=False):
    """Which page of what belongs to one run or dataset."""

    page_size: int
    page_token: str


class BacktestFilter(Pages, total=False):
    """Which runs: see `ListBacktestsRequest`."""

    state: BacktestState
    group_id: str
    underlying: str


class SweepPointFilter(Pages, total=False):
    """Which points: see `ListSweepPointsRequest`."""

    order: SweepOrder


class DatasetFilter(Pages, total=False):
    """Which datasets: see `ListDatasetsRequest`."""

    kind: DatasetKind
    underlying: str


class BacktestWatch(TypedDict, total=False):
    """How often a watch of runs speaks: see `WatchBacktestsRequest`."""

    interval_ms: int
    bookmark_interval_ms: int
