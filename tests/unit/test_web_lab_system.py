"""What the views of sweeps and of the system say: verdicts, lag, checks, refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rollbook import (
    BacktestSpec,
    BacktestState,
    Cursor,
    GetSweepResponse,
    Mode,
    RefusedExecution,
    SpecChange,
    StrategyKind,
    Sweep,
    SweepAxis,
    SweepFold,
    SweepPoint,
    WalkForward,
)
from rollbook.models import BacktestMetrics, GetServerStatusResponse, RecordFillsRequest, Refusal
from rollbook_web.numbers import DASH
from rollbook_web.pages import lab_markup, sweep_figures, system_figures
from rollbook_web.pages.tables import Fact

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SWEEP = Sweep(
    sweep_id="sweep-1",
    spec=BacktestSpec(underlying="BTC", strategy=StrategyKind.COVERED_CALL),
    axes=(SweepAxis(field="selection.max_delta", values=("0.2", "")),),
    rank_by="coin.return_pct",
    state=BacktestState.RUNNING,
    points_done=8,
    points_total=9,
    eta_seconds=3.0,
)
CHANGE = SpecChange(field="selection.max_delta", value="0.2")


def test_a_sweep_says_what_choosing_was_worth() -> None:
    """The point that was chosen in sample with what it made out of sample; in the middle of the field it is nothing."""
    best = SweepPoint(number=3, changes=(CHANGE,), value=1.5, rank=1)
    first = sweep_figures.verdict(GetSweepResponse(sweep=SWEEP, chosen=best))
    assert (
        first == "In sample, point 3 was the best (max delta 0.2). Out of sample it made +1.50 %, rank 1 of 8 points."
    )
    middle = sweep_figures.verdict(GetSweepResponse(sweep=SWEEP, chosen=replace(best, rank=4)))
    assert middle.endswith("found nothing.")
    assert sweep_figures.verdict(GetSweepResponse(sweep=SWEEP)).startswith("No point is chosen yet")


def test_a_walk_forward_says_what_its_windows_made_together() -> None:
    """With several windows there is no one chosen point: what counts is what the chosen ones made."""
    walk = WalkForward(folds=(SweepFold(number=1), SweepFold(number=2)), metrics=BacktestMetrics(), value=-0.5, rank=2)
    said = sweep_figures.verdict(GetSweepResponse(sweep=replace(SWEEP, folds=2), walk_forward=walk))
    assert "2 windows" in said
    assert "rank 2 of 8 points" in said
    assert sweep_figures.fold_cells(SWEEP, SweepFold(number=1))[3].title == "no point is done yet"


def test_a_point_is_a_row_with_its_values_and_reasons() -> None:
    """Rank, values, metric with its unit, and a reason where it failed."""
    done = SweepPoint(number=1, changes=(CHANGE,), done=True, value=2.0, rank=1, in_sample_rank=2)
    assert [cell.text for cell in sweep_figures.cells(SWEEP, done)] == ["1", "0.2", "+2.00 %", DASH, DASH, "2"]
    failed = sweep_figures.cells(SWEEP, SweepPoint(number=2, changes=(SpecChange(field="preset"),), error="no data"))
    assert (failed[0].title, failed[1].text) == ("no data", "unset")
    assert sweep_figures.progress(SWEEP) == "8 of 9 points, about 3 s left"
    assert sweep_figures.goes_on(SWEEP)
    assert not sweep_figures.goes_on(replace(SWEEP, state=BacktestState.PAUSED))


def test_the_page_says_how_far_it_is_behind_the_ledger() -> None:
    """Its cursor against the server's revision; another ledger, and no picture at all, are said."""
    status = GetServerStatusResponse(ledger_id="ledger-1", revision=12, head_hash="ab" * 32)

    def behind(cursor: Cursor | None) -> str:
        return _fact(system_figures.ledger(status, cursor, NOW), "This page has").figure.text

    assert behind(Cursor(ledger_id="ledger-1", revision=12)) == "revision 12, all of it"
    assert behind(Cursor(ledger_id="ledger-1", revision=10)) == "revision 10, 2 behind"
    assert behind(Cursor(ledger_id="ledger-0", revision=99)) == "another ledger"
    assert behind(None) == DASH


def test_the_last_check_says_what_to_do() -> None:
    """Never checked: how to; checked: when, and how many revisions it has not proved."""
    status = GetServerStatusResponse(ledger_id="ledger-1", revision=12)
    never = _fact(system_figures.ledger(status, None, NOW), "Last check")
    assert never.figure.text == "never"
    assert "rollbook-server check" in never.advice
    checked = replace(status, last_check_time=NOW - timedelta(hours=3), last_check_revision=10)
    fact = _fact(system_figures.ledger(checked, None, NOW), "Last check")
    assert fact.figure.text == "passed 3 h ago"
    assert fact.advice.startswith("2 revisions since")
    proved = replace(checked, last_check_revision=12)
    assert _fact(system_figures.ledger(proved, None, NOW), "Last check").advice == ""


def test_refusals_are_counted_by_reason_and_open_ones_called_out() -> None:
    """Open before resolved; mode and state by colour and by word; a late fill says that it is one."""
    reason = Refusal(reason="ALREADY_CLOSED", message="it is over", field="fills[0]")
    refused = RefusedExecution(
        account="main", request_id="id-1", mode=Mode.LIVE, refusal=reason, attempts=2, fills=RecordFillsRequest()
    )
    resolved = replace(refused, resolved_revision=7, refusal=Refusal(reason="MISSING_FIELD"), mode=Mode.UNSPECIFIED)
    rows = dict(system_figures.counted([resolved, refused, refused]).rows)
    assert list(rows) == ["ALREADY_CLOSED", "MISSING_FIELD"]
    assert [cell.text for cell in rows["ALREADY_CLOSED"]] == ["2", "0"]
    assert [cell.text for cell in system_figures.refusal_cells(refused)][1:] == [
        *("main", "0 late fills", "ALREADY_CLOSED (fills[0])", "it is over", "2"),
    ]
    assert "LIVE" in lab_markup.refusal_chips(refused)
    assert ">open<" in lab_markup.refusal_chips(refused)
    assert "unreadable" in lab_markup.refusal_chips(resolved)
    assert "by revision 7" in lab_markup.refusal_chips(resolved)


def _fact(facts: list[Fact], name: str) -> Fact:
    return next(fact for fact in facts if fact.name == name)
