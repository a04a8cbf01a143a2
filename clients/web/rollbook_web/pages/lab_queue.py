"""The queue of the lab as rows of a table: what runs, how far it has come, and what came of it."""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rollbook import Backtest, BacktestState, BacktestStatus
from rollbook_web.numbers import moment, percent
from rollbook_web.pages.lab_numbers import duration, money
from rollbook_web.pages.told import Told, kind_of

STATES = {
    BacktestState.PENDING: "waiting",
    BacktestState.RUNNING: "running",
    BacktestState.PAUSED: "paused",
    BacktestState.SUCCEEDED: "done",
    BacktestState.FAILED: "failed",
    BacktestState.CANCELLED: "cancelled",
}
STEERED = {
    "Pause": (BacktestState.PENDING, BacktestState.RUNNING),
    "Resume": (BacktestState.PAUSED,),
    "Cancel": (BacktestState.PENDING, BacktestState.RUNNING, BacktestState.PAUSED),
    "Delete": tuple(STATES),
}
"""What can be done with a run, and in which states."""


def row(backtest: Backtest) -> dict[str, Any]:
    """A run as a row; `id` tells it from the others. Texts are text, what ends in _html is markup."""
    told = Told(backtest)
    (side, unit), (other, other_unit) = told.ours
    none = "there is no bar yet"
    result = money(side.pnl_vs_hodl, unit, none)
    also = money(other.pnl_vs_hodl, other_unit, none)
    created = backtest.create_time
    return {
        "id": backtest.backtest_id,
        "name": name_of(backtest),
        "name_html": _name(backtest),
        "state": state_of(backtest),
        "state_html": chip(state_of(backtest), told.status.error),
        "progress": round(told.status.progress_pct, 1),
        "progress_html": bar(told.status.progress_pct, state_of(backtest)),
        "eta": eta(told.status),
        "result": side.pnl_vs_hodl,
        "result_html": f'<span class="{result.tone}" title="{html.escape(result.title)}; {html.escape(also.text)}">'
        f"{html.escape(result.text)}</span>",
        "created": moment(created).text,
        "order": 0.0 if created is None else created.timestamp(),
    }


def rows(backtests: Iterable[Backtest]) -> list[dict[str, Any]]:
    """All of them, newest first."""
    return sorted((row(each) for each in backtests), key=lambda each: each["order"], reverse=True)


def name_of(backtest: Backtest) -> str:
    """What a run is called: its name, else what it sells."""
    spec = backtest.spec
    return (spec.name if spec is not None else "") or kind_of(spec) or backtest.backtest_id


def state_of(backtest: Backtest) -> str:
    """Its state as a word."""
    status = backtest.status or BacktestStatus()
    return STATES.get(status.state, str(status.state).lower())


def eta(status: BacktestStatus) -> str:
    """When it ends, by the pace until now; the pace is a guess, so it says about."""
    if status.state is not BacktestState.RUNNING or status.eta_seconds is None:
        return ""
    return f"about {duration(status.eta_seconds)}"


def doing(status: BacktestStatus) -> str:
    """How far it is, in a line: simulating, 1,200 of 2,400 decisions, until 2021-06-01."""
    at: datetime | None = status.simulated_time
    parts = [
        status.phase if status.state is BacktestState.RUNNING else "",
        f"{status.decisions_done:,} of {status.decisions_total:,} decisions" if status.decisions_total else "",
        f"until {at:%Y-%m-%d}" if at is not None else "",
        eta(status) and f"{eta(status)} left",
    ]
    return ", ".join(part for part in parts if part)


def bar(share: float, state: str, *, long: bool = False) -> str:
    """A bar of progress as markup, its figure beside it."""
    whole = min(max(share, 0.0), 100.0)
    figure = percent(whole, places=0).text
    return (
        f'<span class="progress{" long" if long else ""}" data-state="{html.escape(state)}" aria-hidden="true">'
        f'<i style="width:{whole:.1f}%"></i></span><span class="num progress-figure">{figure}</span>'
    )


def _name(backtest: Backtest) -> str:
    name = html.escape(name_of(backtest))
    kind = html.escape(kind_of(backtest.spec))
    return f'<a href="/lab/{html.escape(backtest.backtest_id)}" title="{kind}">{name}</a>'


def chip(state: str, why: str = "") -> str:
    """A state as markup."""
    word = html.escape(state)
    title = f' title="{html.escape(why)}"' if why else ""
    return f'<span class="chip run" data-state="{word}"{title}>{word}</span>'
