"""What a run is and how far it has come, in a few lines."""

from __future__ import annotations

from datetime import datetime

from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rollbook.cli import figures
from rollbook.cli.lab import numbers
from rollbook.cli.lab.lookup import cut
from rollbook.cli.lab.metrics import spec_of, style_of
from rollbook.models import Backtest, BacktestSpec, BacktestState, BacktestStatus, SelectionSpec

ENDED = (BacktestState.SUCCEEDED, BacktestState.FAILED, BacktestState.CANCELLED)
STYLE = {
    BacktestState.SUCCEEDED: "bold green",
    BacktestState.FAILED: "bold red",
    BacktestState.CANCELLED: "bold red",
    BacktestState.PAUSED: "bold yellow",
}
BAR, WORDS = 60, 19
"""Columns of the progress bar at most, and of the state before it."""


def status_of(run: Backtest) -> BacktestStatus:
    """How far a run has come."""
    return run.status or BacktestStatus()


def about(run: Backtest) -> str:
    """What is simulated, in one sentence."""
    spec = spec_of(run)
    parts = [f"{spec.underlying} {figures.words(spec.strategy)}, {figures.words(spec.style)}"]
    if spec.start_time or spec.end_time:
        parts.append(f"{figures.day(spec.start_time)} to {figures.day(spec.end_time)}")
    if spec.exit_style != "UNSPECIFIED":
        parts.append({"held": "held to expiry", "rolled": "take profit and roll"}.get(style_of(run), ""))
    parts.append(_selection(spec))
    return " · ".join(filter(None, parts))


def _selection(spec: BacktestSpec) -> str:
    chosen = spec.selection or SelectionSpec()
    said = []
    if chosen.target_delta is not None:
        said.append(f"delta {numbers.ratio(chosen.target_delta)}")
    if chosen.min_dte_days is not None and chosen.max_dte_days is not None:
        said.append(f"{chosen.min_dte_days:g} to {chosen.max_dte_days:g} days")
    return ", ".join(said)


def title(run: Backtest, *, styled: bool = False) -> str:
    """Its id and name, and on request what tells it from another run of its group."""
    return " · ".join(filter(None, (cut(run.backtest_id), style_of(run) if styled else "", spec_of(run).name)))


def state_text(run: Backtest) -> Text:
    """Its state, and what it does."""
    status = status_of(run)
    text = Text(figures.words(status.state), style=STYLE.get(status.state, "bold"))
    if status.state is BacktestState.RUNNING and status.phase:
        text.append(f", {status.phase}", style="not bold")
    return text


def progress_bar(run: Backtest, width: int) -> Table:
    """State, bar and percent on one line."""
    status = status_of(run)
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(min_width=WORDS)  # so that the bar stays where it is
    bar = ProgressBar(total=100, completed=status.progress_pct, width=min(BAR, max(width - WORDS - 12, 8)))
    line.add_row(state_text(run), bar, f"{status.progress_pct:.1f} %")
    return line


def progress_parts(run: Backtest, waited: float = 0.0) -> list[str]:
    """Simulated time, decisions, their pace and what is left, `waited` seconds after the server said so."""
    status = status_of(run)
    parts = []
    if status.simulated_time:
        parts.append(f"at {figures.minute(status.simulated_time)}")
    if status.decisions_total:
        parts.append(f"{status.decisions_done:,} of {status.decisions_total:,} decisions")
    if status.decisions_per_second:
        parts.append(f"{pace(status.decisions_per_second)}/s")
    left = (status.eta_seconds or 0.0) - waited
    if status.state is BacktestState.RUNNING and left >= 0.5:
        parts.append(f"{numbers.span(left)} left")
    return parts


def pace(decisions_per_second: float) -> str:
    """Two digits that mean something."""
    return f"{decisions_per_second:,.0f}" if decisions_per_second >= 10 else f"{decisions_per_second:.1f}"


def times(run: Backtest, now: datetime) -> str:
    """When it was made, and how long it took."""
    said = [f"created {figures.second(run.create_time)}"]
    if run.start_time and run.end_time:
        said.append(f"took {numbers.span((run.end_time - run.start_time).total_seconds())}")
    elif run.start_time:
        said.append(f"at work for {numbers.span((now - run.start_time).total_seconds())}")
    if run.group_id:
        said.append(f"group {run.group_id}")
    return ", ".join(said)
