"""`rollbook backtest sweep …`: commands about sweeps. Each loads what it works with when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.lab.options import Changes, SweepId, SweptExit, one_of
from rollbook.cli.options import Limit, read_count
from rollbook.cli.registration import command

# `rollbook.SweepOrder` as it is typed.
ORDERS: Final = ("rank", "creation")

HeatmapFields = Annotated[
    str,
    typer.Option(
        "--heatmap",
        metavar="FIELD,FIELD",
        help="The rows and the columns; not said: the first two fields with several values.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Puts the commands behind those of runs."""
    look, do = command(app, "Sweeps", accounts=False, name="sweep-show"), command(app, "Sweeps", accounts=False)
    do(sweep)
    look(show)
    command(app, "Sweeps", accounts=False, name="sweep-list")(list_)
    command(app, "Sweeps", accounts=False, name="sweep-points")(points)
    command(app, "Sweeps", accounts=False, name="sweep-rerun")(rerun)
    for verb, text in (
        ("pause", "Stop a sweep after the points it works on; nothing of it is lost."),
        ("resume", "Let a paused sweep go on."),
        ("cancel", "End a sweep for good; the points that are done are kept."),
        ("delete", "Remove a sweep and all its points; one that is at work is cancelled first."),
    ):
        _change(app, verb, text)


def sweep(
    session: Session,
    spec: Annotated[str, typer.Argument(metavar="SPEC.yaml", help="The spec, in YAML or JSON; - is stdin.")],
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="FIELD=A,B,C",
            help="A field and the values that it takes, for example selection.max_delta=0.2,0.3; may be said often.",
            show_default=False,
        ),
    ] = None,
    changes: Changes = None,
    exit_style: SweptExit = "",
    random: Annotated[
        str, typer.Option(metavar="N", help="Draw so many points from the grid.", show_default=False)
    ] = "0",
    seed: Annotated[str, typer.Option(metavar="N", help="Of the draw.")] = "0",
    split: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Where the out-of-sample part begins; not said: after two thirds of the period.",
            show_default=False,
        ),
    ] = "",
    folds: Annotated[str, typer.Option(metavar="N", help="Cut what is after the split into so many windows.")] = "1",
    rank_by: Annotated[
        str,
        typer.Option(
            metavar="METRIC", help="For example usd.sharpe; not said: the return on the capital.", show_default=False
        ),
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and show it until its end.")] = False,
) -> None:
    """Run a spec with many values of some fields, as one job, ranked out of sample.

    Each point runs twice: up to the split, which only chooses, and from there on, which is shown and ranked. With
    --folds what is after the split is cut into windows, and all that is before each chooses the point of that window.
    With --watch it ends with exit code 1 if the sweep fails or is cancelled; Ctrl-C leaves it at work.

    Example: `rollbook backtest sweep covered-call.yaml --grid selection.max_delta=0.2,0.3 --grid
    exits.take_profit=0.5,0.7 --watch`
    """
    from rollbook.cli.lab.sweep import queue_sweep, read_time

    queue_sweep(
        session,
        Path(spec),
        changes or [],
        [_axis(said) for said in grid or []],
        exit_style,
        random_points=_number(random, "--random"),
        seed=_number(seed, "--seed"),
        split_time=read_time(split) if split else None,
        rank_by=rank_by,
        folds=_number(folds, "--folds"),
        watch=watch,
    )


def show(
    session: Session,
    sweep_id: SweepId,
    heatmap: HeatmapFields = "",
    best: Annotated[str, typer.Option(metavar="N", help="So many of the best points.")] = "10",
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and show it until its end.")] = False,
) -> None:
    """A sweep: how far it has come, its best points, the one that its in-sample part chooses, and a heatmap.

    A cell of the heatmap is the median of its points, out of sample.

    Example: `rollbook backtest sweep-show 3f2a --heatmap selection.max_delta,exits.stop`
    """
    from rollbook.cli.lab.sweep import show_sweep

    fields = tuple(part.strip() for part in heatmap.split(",")) if heatmap else ()
    show_sweep(session, sweep_id, _number(best, "--best"), fields, watch=watch)


def list_(session: Session, limit: Limit = "50") -> None:
    """Sweeps, newest first, with how far they have come.

    Example: `rollbook backtest sweep-list`
    """
    from rollbook.cli.lab.sweep import list_sweeps

    list_sweeps(session, read_count(limit))


def points(
    session: Session,
    sweep_id: SweepId,
    order: Annotated[str, typer.Option("--by", metavar="|".join(ORDERS), help="How they are sorted.")] = "rank",
    limit: Limit = "50",
) -> None:
    """The points of a sweep: by their rank out of sample, best first, or in the order of their creation.

    Example: `rollbook backtest sweep-points 3f2a --limit 0`
    """
    from rollbook.cli.lab.sweep import list_points

    list_points(session, sweep_id, one_of(order, ORDERS, "--by"), read_count(limit))


def rerun(
    session: Session,
    sweep_id: SweepId,
    number: Annotated[str, typer.Argument(metavar="POINT", help="The number of the point.")],
    fold: Annotated[
        str, typer.Option(metavar="N", help="In the window of this fold, where there are several.", show_default=False)
    ] = "0",
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and show it until its end.")] = False,
) -> None:
    """Queue a backtest of what a point runs out of sample: with all its chains, decisions, and a report.

    Example: `rollbook backtest sweep-rerun 3f2a 17 --watch`
    """
    from rollbook.cli.lab.sweep import rerun_point

    rerun_point(session, sweep_id, _number(number, "POINT"), _number(fold, "--fold"), watch=watch)


def _change(app: typer.Typer, verb: str, text: str) -> None:
    """A command that only names a sweep."""

    def act(session: Session, sweep_id: SweepId) -> None:
        from rollbook.cli.lab.sweep import change_sweep

        change_sweep(session, sweep_id, verb)

    act.__doc__ = f"{text}\n\nExample: `rollbook backtest sweep-{verb} 3f2a`"
    command(app, "Sweeps", accounts=False, name=f"sweep-{verb}")(act)


def _axis(said: str) -> tuple[str, list[str]]:
    """A field and its values."""
    field, equals, values = said.partition("=")
    if not equals or not field.strip():
        raise Stop(f"--grid is FIELD=A,B,C, and {said!r} is not — for example selection.max_delta=0.2,0.3")
    return field.strip(), [value.strip() for value in values.split(",")]


def _number(text: str, option: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise Stop(f"{option} is a whole number, and {text!r} is not")
    return int(text)
