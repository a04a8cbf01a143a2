"""A backtest's status under the keys that front ends of the tracker before Rollbook read, and further ones."""

from __future__ import annotations

from typing import Any

from rollbook import Backtest, BacktestState, BacktestStatus
from rollbook_web.shapes import shape

GOING = (BacktestState.PENDING, BacktestState.RUNNING, BacktestState.PAUSED)


def status_payload(run: Backtest | None) -> dict[str, Any]:
    """How far a run has come; None is a lab without any.

    `running` is true until a run has ended, also while it waits or is paused; `state` says which.
    """
    said = run or Backtest()
    status = said.status or BacktestStatus()
    return {
        "running": status.state in GOING,
        "progress_pct": status.progress_pct,
        "decisions_processed": status.decisions_done,
        "total_decisions": status.decisions_total,
        "current_time": shape(status.simulated_time),
        "recent_steps": shape(status.last_steps),
        "recent_chains": shape(status.last_chains),
        "metrics": shape(status.metrics),
        "equity_curve": shape(status.equity),
        "error": status.error or None,
        "id": said.backtest_id or None,
        "group_id": said.group_id or None,
        "name": (said.spec.name if said.spec else "") or None,
        "state": shape(status.state),
        "paused": status.state is BacktestState.PAUSED,
        "phase": status.phase or None,
        "decisions_per_second": status.decisions_per_second,
        "eta_seconds": status.eta_seconds,
        "spec": shape(said.spec),
        "run_digest": said.run_digest or None,
        "result_digest": said.result_digest or None,
        "create_time": shape(said.create_time),
        "start_time": shape(said.start_time),
        "end_time": shape(said.end_time),
        "revision": said.revision,
    }
