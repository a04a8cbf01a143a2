"""`rollbook backtest sweep …`: a sweep is queued, looked on, listed, steered, and a point of it is run again."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.live import Live

from rollbook import Lab
from rollbook.cli import figures
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.connection import Session
from rollbook.cli.failures import INTERRUPTED, REFUSED, Stop
from rollbook.cli.lab.head import ENDED
from rollbook.cli.lab.lookup import cut, find_sweep, shortened
from rollbook.cli.lab.options import BOTH, EXITS, one_of
from rollbook.cli.lab.run import read_spec, say_queued, whole_ids, with_exits
from rollbook.cli.lab.sweep_folds import fold_columns, walk_columns, walk_sentence, window_of
from rollbook.cli.lab.sweep_heatmap import heatmap_columns, heatmap_notes, heatmap_title
from rollbook.cli.lab.sweep_tables import (
    best_columns,
    chosen_sentence,
    point_columns,
    progress,
    ranking_sentence,
    result_tables,
)
from rollbook.cli.lab.watch import watch_runs
from rollbook.cli.tables import Column, Page, plain_console
from rollbook.cli.watch import can_draw
from rollbook.errors import DeadlineExceeded, InvalidArgument, NotFound, Unavailable
from rollbook.models import (
    BacktestState,
    CancelSweepResponse,
    CreateSweepResponse,
    GetSweepResponse,
    ListBacktestsResponse,
    PauseSweepResponse,
    ResumeSweepResponse,
    Sweep,
    SweepOrder,
    SweepPoint,
)

SCREEN, LINES = 0.5, 1.0
"""Seconds between two looks at a sweep."""
CURVE = 50
"""Signs that the equity of the chosen points is drawn with."""


def read_time(text: str) -> datetime:
    """A time or a day, of UTC unless it says another zone."""
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise Stop(f"--split is a time like 2023-01-01 or 2023-01-01T09:00:00Z, and {text!r} is not") from None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def queue_sweep(
    session: Session,
    file: Path,
    changes: Sequence[str],
    axes: Sequence[tuple[str, list[str]]],
    exit_style: str,
    *,
    watch: bool,
    **more: Any,
) -> None:
    """Reads, queues and prints, or watches."""
    exits = one_of(exit_style, EXITS, "--exit") if exit_style else ""
    if exits == BOTH:
        axes = [("exit_style", [_member(each) for each in EXITS if each != BOTH]), *axes]
    if len({field for field, _ in axes}) < len(axes):
        raise Stop("--grid names a field twice — say all its values at once; nothing was sent")
    spec = read_spec(file, changes)
    if exits and exits != BOTH:
        spec = with_exits(spec, exits)
    with session.lab() as lab:
        sweep = lab.create_sweep(replace(spec, data=whole_ids(lab, spec)), dict(axes), **more)
        if session.json and not watch:
            print_json(CreateSweepResponse(sweep=sweep))
        elif not session.json:
            page = Page()
            page.line(f"Queued {sweep.sweep_id}")
            page.notes([f"{figures.count(sweep.points_total, 'point')}. {ranking_sentence(sweep)}"])
            if not watch:
                page.line(f"It goes on by itself: `rollbook backtest sweep-show {cut(sweep.sweep_id)}` shows it.")
        if watch:
            _watch(session, lab, sweep.sweep_id, 10, ())


def _member(exits: str) -> str:
    """An exit style as the API writes it."""
    return exits.upper().replace("-", "_")


def show_sweep(session: Session, said: str, best: int, fields: Sequence[str], *, watch: bool) -> None:
    """Asks and prints, or watches."""
    with session.lab() as lab:
        sweep_id = find_sweep(lab, said)
        if watch:
            _watch(session, lab, sweep_id, best, fields)
            return
        answer = lab.get_sweep(sweep_id, best=best, heatmap_fields=fields)
    if session.json:
        print_json(answer)
    else:
        _print(answer)


def _watch(session: Session, lab: Lab, sweep_id: str, best: int, fields: Sequence[str]) -> None:
    """Draws, or prints lines where there is no terminal to draw on, until the sweep has ended; then what came of it.

    Raises Stop at Ctrl-C, and where it did not succeed.
    """
    draws = can_draw() and not session.json
    try:
        if draws:
            console = plain_console()
            with Live(console=console, auto_refresh=False, transient=True) as live:
                while not _ended(answer := _asked(session, lab, sweep_id, best, fields)):
                    live.update(Group(*result_tables(answer, console)), refresh=True)
                    time.sleep(SCREEN)
        else:
            while not _ended(answer := _asked(session, lab, sweep_id, best, fields)):
                if session.json:
                    print_json(answer, indent=None)
                else:
                    print(progress(_sweep_of(answer)))
                sys.stdout.flush()
                time.sleep(LINES)
    except KeyboardInterrupt:
        first = cut(sweep_id)
        raise Stop(
            f"it goes on without you — `rollbook backtest sweep-show {first} --watch` comes back, `rollbook backtest "
            f"sweep-cancel {first}` ends it",
            INTERRUPTED,
        ) from None
    if session.json:
        print_json(answer, indent=None)
    else:
        _print(answer)
    sweep = _sweep_of(answer)
    if sweep.state is BacktestState.FAILED:
        raise Stop(f"sweep {cut(sweep_id)} failed: {sweep.error}", REFUSED)
    if sweep.state is BacktestState.CANCELLED:
        raise Stop(f"sweep {cut(sweep_id)} was cancelled — the points that were done are kept", REFUSED)


def _asked(session: Session, lab: Lab, sweep_id: str, best: int, fields: Sequence[str]) -> GetSweepResponse:
    """The sweep now; while its server is away it is asked again, and that is said once."""
    told = False
    while True:
        try:
            return lab.get_sweep(sweep_id, best=best, heatmap_fields=fields)
        except (Unavailable, DeadlineExceeded):
            if not told:
                print(f"rollbook: {session.server}: connection lost, trying again", file=sys.stderr)
            told = True


def _sweep_of(answer: GetSweepResponse) -> Sweep:
    return answer.sweep or Sweep()


def _ended(answer: GetSweepResponse) -> bool:
    return _sweep_of(answer).state in ENDED


def _print(answer: GetSweepResponse) -> None:
    page, sweep = Page(), _sweep_of(answer)
    page.line(f"{sweep.sweep_id}" + (f" · {sweep.spec.name}" if sweep.spec and sweep.spec.name else ""))
    page.notes([progress(sweep), ranking_sentence(sweep)])
    if sweep.error:
        page.lines(f"It failed: {sweep.error}")
    if answer.best:
        page.table(best_columns(sweep, answer.best), title="Best out of sample")
        page.notes(["The best of many is lucky, too; what choosing was worth is what the chosen point made."])
    if answer.chosen:
        page.line(chosen_sentence(sweep, answer.chosen))
    if answer.walk_forward and answer.best:
        walk = answer.walk_forward
        page.table(fold_columns(sweep, walk), title="Chosen in sample, out of sample", sums=True)
        page.line(walk_sentence(sweep, walk))
        if curve := walk_columns(sweep, walk, CURVE):
            page.table(curve)
    if answer.heatmap and answer.best:
        page.table(heatmap_columns(sweep, answer.heatmap, page.width), title=heatmap_title(sweep))
        page.notes(heatmap_notes(sweep, answer.heatmap, page.width, coloured=page.coloured))


def list_sweeps(session: Session, limit: int) -> None:
    """Asks and prints."""
    with session.lab() as lab:
        answer = gathered(lab.list_sweeps, "sweeps", limit)
    if session.json:
        print_json(answer)
        return
    page, sweeps = Page(), answer.sweeps
    if not sweeps:
        page.line("There are no sweeps: `rollbook backtest sweep` queues one.")
        return
    page.table(
        [
            Column("Sweep", shortened(sweep.sweep_id for sweep in sweeps)),
            Column("Name", [sweep.spec.name if sweep.spec else "" for sweep in sweeps], folds=True, least=12),
            Column("State", [figures.words(sweep.state) for sweep in sweeps]),
            Column("Done", [f"{sweep.points_done:,} of {sweep.points_total:,}" for sweep in sweeps], figure=True),
            Column("Fields", [", ".join(axis.field for axis in sweep.axes) for sweep in sweeps], folds=True, spare=2),
            Column("Created", [figures.minute(sweep.create_time) for sweep in sweeps], spare=1),
        ]
    )
    if answer.next_page_token:
        page.line("There are more: raise --limit, or say 0 for all.")


def list_points(session: Session, said: str, order: str, limit: int) -> None:
    """Asks and prints."""
    with session.lab() as lab:
        sweep_id = find_sweep(lab, said)
        sweep = _sweep_of(lab.get_sweep(sweep_id))

        def call(**pages: Any) -> Any:
            return lab.list_sweep_points(sweep_id, order=SweepOrder(order.upper()), **pages)

        answer = gathered(call, "points", limit)
    if session.json:
        print_json(answer)
        return
    page = Page()
    page.notes([progress(sweep), ranking_sentence(sweep)])
    if answer.points:
        page.table(point_columns(sweep, answer.points))
    if answer.next_page_token:
        page.line("There are more: raise --limit, or say 0 for all.")


def rerun_point(session: Session, said: str, number: int, fold: int, *, watch: bool) -> None:
    """Queues a run of what a point runs out of sample; of several folds, in the window of one."""
    with session.lab() as lab:
        sweep_id = find_sweep(lab, said)
        spec, answer = _point(lab, sweep_id, number).spec, lab.get_sweep(sweep_id)
        if spec is None:
            raise InvalidArgument(f"point {number} has no spec: its values make no sense together")
        walk = answer.walk_forward
        if walk is not None:
            window = window_of(walk.folds, fold)
            if window is None:
                raise Stop(
                    f"a point of this sweep is a run in each of {len(walk.folds)} windows — say which, by --fold"
                )
            spec = replace(spec, start_time=window[0], end_time=window[1])
        elif fold > 1:
            raise Stop("this sweep has one fold; leave --fold out")
        run = lab.create_backtest(spec, group_id=sweep_id, engine_version=_sweep_of(answer).engine_version)
        if not session.json:
            say_queued([run], watch=watch)
        elif not watch:
            print_json(ListBacktestsResponse(backtests=(run,)))
        if watch:
            watch_runs(session, lab, [run.backtest_id])


def _point(lab: Lab, sweep_id: str, number: int) -> SweepPoint:
    for point in lab.iterate_sweep_points(sweep_id, page_size=500):
        if point.number == number:
            return point
    raise NotFound(f"this sweep has no point {number}", reason="SWEEP_NOT_FOUND")


def change_sweep(session: Session, said: str, verb: str) -> None:
    """Pauses, resumes, cancels or deletes, and says so."""
    with session.lab() as lab:
        found = find_sweep(lab, said)
        match verb:
            case "pause":
                answer: Any = PauseSweepResponse(sweep=lab.pause_sweep(found))
            case "resume":
                answer = ResumeSweepResponse(sweep=lab.resume_sweep(found))
            case "cancel":
                answer = CancelSweepResponse(sweep=lab.cancel_sweep(found))
            case _:
                answer = lab.delete_sweep(found)
    if session.json:
        print_json(answer)
        return
    Page().line(f"{found} is deleted." if verb == "delete" else f"{found}: {progress(answer.sweep)}")
