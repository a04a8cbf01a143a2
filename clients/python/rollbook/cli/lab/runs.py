"""`rollbook backtest list`, and the commands that change a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from rollbook.cli import figures
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.connection import Session
from rollbook.cli.lab import numbers
from rollbook.cli.lab.head import STYLE, status_of
from rollbook.cli.lab.lookup import find_run, shortened
from rollbook.cli.lab.metrics import metrics_of, spec_of, style_of
from rollbook.cli.tables import Column, Page
from rollbook.models import (
    Backtest,
    BacktestPerformance,
    CancelBacktestResponse,
    PauseBacktestResponse,
    ResumeBacktestResponse,
)


def list_runs(session: Session, filters: dict[str, Any], limit: int) -> None:
    """Asks and prints."""
    with session.lab() as lab:
        answer = gathered(lab.list_backtests, "backtests", limit, **filters)
    if session.json:
        print_json(answer)
        return
    page = Page()
    if not answer.backtests:
        page.line("There are no runs: `rollbook backtest run` queues one.")
        return
    page.table(_columns(answer.backtests))
    if answer.next_page_token:
        page.line("There are more: raise --limit, or say 0 for all.")


def _columns(runs: Sequence[Backtest]) -> list[Column]:
    in_coin = [metrics_of(run).coin or BacktestPerformance() for run in runs]
    in_usd = [metrics_of(run).usd or BacktestPerformance() for run in runs]
    return [
        Column("Run", shortened(run.backtest_id for run in runs)),
        Column("Name", [spec_of(run).name for run in runs], folds=True, least=12),
        Column("State", [state_of(run) for run in runs]),
        Column("Done", [f"{status_of(run).progress_pct:.0f} %" for run in runs], figure=True),
        Column("Coin", [spec_of(run).underlying for run in runs], spare=3),
        Column("Strategy", [figures.words(spec_of(run).strategy) for run in runs], folds=True, spare=4),
        Column("Exit", [style_of(run) for run in runs], spare=5),
        Column("From", [figures.day(spec_of(run).start_time) for run in runs], spare=6),
        Column("To", [figures.day(spec_of(run).end_time) for run in runs], spare=6),
        Column("Chains", [numbers.whole(metrics_of(run).closed_chains) for run in runs], figure=True, spare=2),
        Column("In coin", [numbers.gain_percent(did.return_pct) for did in in_coin], figure=True),
        Column("In USD", [numbers.gain_percent(did.return_pct) for did in in_usd], figure=True),
        Column("Created", [figures.minute(run.create_time) for run in runs], spare=7),
    ]


def state_of(run: Backtest) -> Text:
    """Its state in a cell."""
    state = status_of(run).state
    return Text(figures.words(state), style=STYLE.get(state, ""))


def change_run(session: Session, said: str, verb: str) -> None:
    """Pauses, resumes, cancels or deletes, and says so."""
    with session.lab() as lab:
        found = find_run(lab, said)
        match verb:
            case "pause":
                answer: Any = PauseBacktestResponse(backtest=lab.pause_backtest(found))
            case "resume":
                answer = ResumeBacktestResponse(backtest=lab.resume_backtest(found))
            case "cancel":
                answer = CancelBacktestResponse(backtest=lab.cancel_backtest(found))
            case _:
                answer = lab.delete_backtest(found)
    if session.json:
        print_json(answer)
        return
    page = Page()
    if verb == "delete":
        page.line(f"{found} is deleted.")
        return
    status = status_of(answer.backtest)
    page.line(f"{found} is {figures.words(status.state)}, {status.progress_pct:.1f} % done.")
    if verb == "pause" and status.state == "RUNNING":
        page.notes(["It stops after the part it works on."])
