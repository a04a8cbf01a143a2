"""`rollbook backtest …`: its commands and their options. Each loads what it works with when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rollbook.cli.connection import Session
from rollbook.cli.lab import sweep_commands
from rollbook.cli.lab.options import Changes, Exit, RunId, StateFilter, complete_run, read_state
from rollbook.cli.options import FILTERS, Limit, Underlying, read_count
from rollbook.cli.quick import QuickGroup
from rollbook.cli.registration import command

app = typer.Typer(
    help=(
        "Backtests: durable jobs of the server's lab. A run goes on whoever watches, and also after a restart of the "
        "server. `rollbook data` brings the market that it needs."
    ),
    cls=QuickGroup,
    no_args_is_help=True,
)
_read = command(app, "Look", accounts=False)
_write = command(app, "Do", accounts=False)


def _example(wanted: bool) -> None:
    if wanted:
        from rollbook.cli.lab.example import SPEC

        typer.echo(SPEC.strip())
        raise typer.Exit


@_write
def run(
    session: Session,
    spec: Annotated[str, typer.Argument(metavar="SPEC.yaml", help="The spec, in YAML or JSON; - is stdin.")],
    changes: Changes = None,
    exit_style: Exit = "",
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and show it until its end.")] = False,
    example: Annotated[  # noqa: ARG001 -- it ends before
        bool, typer.Option("--example", callback=_example, is_eager=True, help="Print such a spec and exit.")
    ] = False,
) -> None:
    """Queue a backtest.

    The fields are those of BacktestSpec in docs/api.md; what is left out the server fills in, and `rollbook backtest
    show` tells. Datasets are named by the beginning of their id, or by their name, where no other has it.

    With --watch it ends with exit code 1 if the run fails or is cancelled; Ctrl-C leaves the run at work.

    Example: `rollbook backtest run covered-call.yaml --exit both --watch`
    """
    from rollbook.cli.lab.run import run_spec

    run_spec(session, Path(spec), changes or [], exit_style, watch=watch)


@_read
def show(session: Session, run_id: RunId) -> None:
    """One run: how far it has come, how it did in coin and in USD, its last decisions, chains
    and cycles of a wheel.

    What cannot be known, or would mislead, is a dash: nothing is annualised under 90 days or 20 chains.

    Example: `rollbook backtest show 3f2a`
    """
    from rollbook.cli.lab.show import show_run

    show_run(session, run_id)


@_read
def chains(session: Session, run_id: RunId, limit: Limit = "0") -> None:
    """The chains of a run with their legs, oldest first. Prices are per coin, in the settlement currency.

    Example: `rollbook backtest chains 3f2a --limit 20`
    """
    from rollbook.cli.lab.chains import show_chains

    show_chains(session, run_id, read_count(limit))


@_read
def cycles(session: Session, run_id: RunId, limit: Limit = "0") -> None:
    """The cycles of a wheel, oldest first: puts, what the coins cost, calls, and what each made in USD.

    Example: `rollbook backtest cycles 3f2a`
    """
    from rollbook.cli.lab.cycles import show_cycles

    show_cycles(session, run_id, read_count(limit))


@_read
def watch(session: Session, run_id: RunId) -> None:
    """A run, live, until its end: progress, metrics and equity so far, its last chains.

    Ctrl-C ends the watch, not the run. When the server goes away, it goes on as soon as that is back. In a pipe it
    prints a line for each change; with --json each message of the API is one line. It ends with exit code 1 if the run
    fails or is cancelled.

    Example: `rollbook backtest watch 3f2a`
    """
    from rollbook.cli.lab.watch import watch_one

    watch_one(session, run_id)


@_read
def compare(
    session: Session,
    run_ids: Annotated[
        list[str],
        typer.Argument(
            metavar="ID ID …", help="Two runs or more; the beginning of an id is enough.", autocompletion=complete_run
        ),
    ],
) -> None:
    """Runs side by side: what differs in their specs, as they were filled in, and how each did.

    Example: `rollbook backtest compare 3f2a 81d0`
    """
    from rollbook.cli.lab.compare import compare_runs

    compare_runs(session, run_ids)


@command(app, "Look")
def parity(
    session: Session,
    position_id: Annotated[str, typer.Argument(metavar="CHAIN", help="A closed chain of the ledger.")],
    spec: Annotated[
        str,
        typer.Option(
            "--spec", metavar="SPEC.yaml", help="The lab's rules, in YAML or JSON; - is stdin.", show_default=False
        ),
    ] = "",
    run_id: Annotated[
        str,
        typer.Option(
            "--backtest",
            metavar="ID",
            help="In place of a spec: that of a run; the beginning of its id is enough.",
            show_default=False,
            autocompletion=complete_run,
        ),
    ] = "",
    changes: Changes = None,
) -> None:
    """A chain of the ledger beside the lab's: would it have done the same, and where does the difference come from?

    The lab sells the chain's first contract and goes on by the spec's rules; its period and quantity do not count. What
    it makes is told from what the chain made by prices, fees, times and rules, trade by trade.

    Example: `rollbook backtest parity roll-7 --account main --spec covered-call.yaml`
    """
    from rollbook.cli.lab.parity import show_parity

    show_parity(session, position_id, spec, run_id, changes or [])


@_read
def report(
    session: Session,
    run_id: RunId,
    out: Annotated[str, typer.Option("--out", metavar="FILE.html", help="Where to write it; - is stdout.")],
) -> None:
    """One self-contained HTML page about a run that has ended.

    Example: `rollbook backtest report 3f2a --out run.html`
    """
    from rollbook.cli.lab.report import write_report

    write_report(session, run_id, out)


@_read
def export(
    session: Session,
    run_id: RunId,
    out: Annotated[
        str,
        typer.Option("--out", metavar="FILE", help="Where to write it; its end says how: .csv, .jsonl or .parquet."),
    ],
    candidates: Annotated[
        bool, typer.Option("--candidates", help="All contracts that each decision could have sold, not only its own.")
    ] = False,
) -> None:
    """Training data of a run that has ended: states, actions and rewards. docs/lab.md says what the columns are.

    The file is there when all of it is.

    Example: `rollbook backtest export 3f2a --out rows.parquet --candidates`
    """
    from rollbook.cli.lab.export import export_rows

    export_rows(session, run_id, Path(out), candidates=candidates)


def _change(name: str, text: str) -> None:
    """A command that only names a run."""

    def act(session: Session, run_id: RunId) -> None:
        from rollbook.cli.lab.runs import change_run

        change_run(session, run_id, name)

    act.__doc__ = f"{text}\n\nExample: `rollbook backtest {name} 3f2a`"
    command(app, "Do", accounts=False, name=name)(act)


_change("pause", "Stop a run after the part it works on; nothing of it is lost.")
_change("resume", "Let a paused run go on.")
_change("cancel", "End a run for good; what it had is kept.")
_change("delete", "Remove a run and all its results; one that is at work is cancelled first.")


@command(app, "Look", accounts=False, name="list")
def list_(
    session: Session,
    state: StateFilter = "",
    group: Annotated[
        str, typer.Option(metavar="ID", help="Only of this group.", rich_help_panel=FILTERS, show_default=False)
    ] = "",
    underlying: Underlying = "",
    limit: Limit = "50",
) -> None:
    """Runs, newest first, with how far they have come and what they made of their capital.

    Example: `rollbook backtest list --state running`
    """
    from rollbook.cli.lab.runs import list_runs

    filters = {"state": read_state(state), "group_id": group, "underlying": underlying.upper()}
    list_runs(session, filters, read_count(limit))


sweep_commands.register(app)
