"""`rollbook backtest show ID`: one run in full."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.lab.chains import chain_columns, currency_of, step_columns
from rollbook.cli.lab.curve import curve_columns
from rollbook.cli.lab.cycles import NOTE, cycle_columns
from rollbook.cli.lab.head import about, progress_parts, state_text, status_of, times
from rollbook.cli.lab.lookup import find_run
from rollbook.cli.lab.metrics import (
    data_note,
    fact_columns,
    metrics_of,
    performance_columns,
    spec_of,
    trigger_note,
)
from rollbook.cli.tables import Page
from rollbook.models import Backtest, GetBacktestResponse, StrategyKind

LAST = 10
"""Chains, decisions and cycles that are shown."""
CURVE = 40
"""Columns of the line of equity."""


def show_run(session: Session, said: str) -> None:
    """Asks and prints."""
    with session.lab() as lab:
        run = lab.get_backtest(find_run(lab, said))
        wheel = spec_of(run).strategy is StrategyKind.WHEEL
        cycles = list(lab.iterate_backtest_cycles(run.backtest_id)) if wheel and not session.json else []
    if session.json:
        print_json(GetBacktestResponse(backtest=run))
        return
    page = Page()
    head(page, run)
    results(page, [run])
    _last(page, run)
    if cycles:
        page.table(cycle_columns(cycles[-LAST:]), title="Last cycles")
        page.notes([NOTE])


def head(page: Page, run: Backtest) -> None:
    """What it is, and where it stands."""
    name = spec_of(run).name
    page.line(f"{run.backtest_id}" + (f" · {name}" if name else ""))
    page.notes([about(run), times(run, datetime.now(UTC))])
    status = status_of(run)
    state = state_text(run)
    page.lines(state.append(" · ".join(["", f"{status.progress_pct:.1f} %", *progress_parts(run)])))
    if status.error:
        page.lines(f"It failed: {status.error}")


def results(page: Page, runs: Sequence[Backtest]) -> None:
    """How runs did, beside each other."""
    for run in runs:
        points = status_of(run).equity
        if points:
            page.table(curve_columns(points, spec_of(run).strategy, spec_of(run).underlying, CURVE))
    if not any(status_of(run).metrics for run in runs):
        return
    page.tables(performance_columns(runs), fact_columns(runs))
    for run in runs:
        page.notes(filter(None, [trigger_note(metrics_of(run)), data_note(metrics_of(run))]))


def _last(page: Page, run: Backtest) -> None:
    status = status_of(run)
    if status.last_steps:
        page.table(step_columns(status.last_steps[-LAST:]), title="Last decisions")
    if status.last_chains:
        page.table(chain_columns(status.last_chains[-LAST:], currency_of(spec_of(run))), title="Last chains")
