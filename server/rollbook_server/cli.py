"""The command `rollbook-server`: serve, check, rebuild."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress

from rollbook_server import __version__

app = typer.Typer(
    help=(
        "Rollbook's server: a durable position ledger for options-selling bots. Bots report to `serve`, `check` proves "
        "that nothing was lost or changed, and the command `rollbook` shows what is held."
    ),
    epilog="Exit codes: 0 well; 1 a check found problems; 2 it could not be done, and why is on stderr.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EXIT_FAILED, EXIT_UNUSABLE = 1, 2

_DB = Annotated[Path, typer.Option(metavar="FILE", help="The ledger's file.", envvar="ROLLBOOK_DB")]
_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _fail(message: str) -> NoReturn:
    typer.echo(f"rollbook-server: {message}", err=True)
    raise typer.Exit(EXIT_UNUSABLE)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def _complete_clock(incomplete: str) -> list[str]:
    return [clock for clock in ("wall", "events") if clock.startswith(incomplete)]


def _complete_executor(incomplete: str) -> list[str]:
    return [kind for kind in ("local", "dask") if kind.startswith(incomplete)]


@app.command()
def serve(
    db: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The ledger's file; made if it is not there.", show_default="data/ledger.db"),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where to answer; loopback only.", show_default="127.0.0.1:50051"),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(
            metavar="wall|events",
            help="Which time it is: that of the machine, or for replays that of the newest event.",
            show_default="wall",
            autocompletion=_complete_clock,
        ),
    ] = None,
    delivery_prices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV of venue, index_name, expiry_time and delivery_price: what expires settles by it.",
            show_default="None",
        ),
    ] = None,
    logs: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the log files go.", show_default="logs")
    ] = None,
    grace: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Time for calls under way at a stop.", show_default="5")
    ] = None,
    queue: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Commands that may wait to be written.", show_default="4096")
    ] = None,
    lab_db: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The lab's file (backtests and their data); made when the lab is first used.",
            show_default="lab.db beside the ledger",
        ),
    ] = None,
    lab_workers: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Backtests that run at once.", show_default="1")
    ] = None,
    lab_memory: Annotated[
        int | None,
        typer.Option(metavar="MIB", help="Memory of a backtest's worker; above it the run fails.", show_default="2048"),
    ] = None,
    lab_part: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="How often a backtest is saved and can be paused.", show_default="0.25"),
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            metavar="local|dask",
            help="Who carries backtests on: processes of this machine, or a Dask cluster.",
            show_default="local",
            autocompletion=_complete_executor,
        ),
    ] = None,
    dask_address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The scheduler of that cluster, as tcp://HOST:PORT.", show_default="None"),
    ] = None,
    save_training_data: Annotated[
        bool | None,
        typer.Option(
            "--save-training-data",
            help="Have each backtest that succeeds write its training data.",
            show_default="False",
        ),
    ] = None,
    training_data_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where that training data goes.", show_default="data")
    ] = None,
    deribit_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where public history is fetched.", show_default="https://www.deribit.com/api/v2"
        ),
    ] = None,
    deribit_rate: Annotated[
        float | None, typer.Option(metavar="NUMBER", help="Requests a second to it.", show_default="5")
    ] = None,
    deribit_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long an answer of it may take.", show_default="30")
    ] = None,
    history_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where what was fetched is kept.", show_default="lab.db.history beside the lab's"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML file with any of these settings.", envvar="ROLLBOOK_CONFIG"),
    ] = None,
) -> None:
    """Serve a ledger until Ctrl-C.

    Each setting is a flag, else a variable (ROLLBOOK_DB, ROLLBOOK_LISTEN, …), else a line of the --config file.

    Example: `rollbook-server serve --db data/ledger.db --listen 127.0.0.1:50051`
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what its core would print, our messages say better
    from pydantic import ValidationError

    from rollbook_server.app import serve as run
    from rollbook_server.config import load_settings
    from rollbook_server.rpc.server import PortTaken
    from rollbook_server.storage.database import DatabaseUnusable

    given: dict[str, Any] = {
        "db": db,
        "listen": listen,
        "clock": clock,
        "delivery_prices": delivery_prices,
        "logs": logs,
        "grace": grace,
        "queue": queue,
        "lab_db": lab_db,
        "lab_workers": lab_workers,
        "lab_memory": lab_memory,
        "lab_part": lab_part,
        "executor": executor,
        "dask_address": dask_address,
        "save_training_data": save_training_data,
        "training_data_dir": training_data_dir,
        "deribit_url": deribit_url,
        "deribit_rate": deribit_rate,
        "deribit_timeout": deribit_timeout,
        "history_dir": history_dir,
    }
    try:
        settings = load_settings(config, {name: value for name, value in given.items() if value is not None})
        asyncio.run(run(settings))
    except ValidationError as error:
        _fail(
            "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}"
                for each in error.errors()
            )
        )
    except (DatabaseUnusable, PortTaken, ValueError, OSError) as error:
        _fail(str(error))


def _progress(quiet: bool) -> tuple[Progress, Any]:
    progress = Progress(console=Console(stderr=True), transient=True, disable=quiet or not sys.stderr.isatty())
    task = progress.add_task("folding the journal", total=None)

    def tell(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)

    return progress, tell


@app.command()
def check(
    db: _DB = Path("data/ledger.db"),
    expect: Annotated[
        str,
        typer.Option(
            metavar="REVISION:HASH",
            help="The head that an earlier check printed: it must still hold.",
            show_default=False,
        ),
    ] = "",
    json: _JSON = False,
) -> None:
    """Prove a ledger: SQLite's integrity, the journal's hashes, and every projection made again.

    It only reads, and may run beside the server.

    Example: `rollbook-server check --db data/ledger.db`
    """
    from rollbook_server.storage.check import check_ledger
    from rollbook_server.storage.database import DatabaseUnusable

    if not db.is_file():
        _fail(f"there is no ledger {db}")
    progress, tell = _progress(json)
    try:
        with progress:
            report = check_ledger(db, expect, tell)
    except DatabaseUnusable as error:
        _fail(str(error))
    _show(report, json, "proven")


@app.command()
def rebuild(db: _DB = Path("data/ledger.db"), json: _JSON = False) -> None:
    """Make all projections again from the journal, when `check` found them wrong.

    The ledger must not be in use: stop the server before.

    Example: `rollbook-server rebuild --db data/ledger.db`
    """
    from rollbook_server.storage.check import rebuild_ledger
    from rollbook_server.storage.database import DatabaseUnusable

    if not db.is_file():
        _fail(f"there is no ledger {db}")
    progress, tell = _progress(json)
    try:
        with progress:
            report = rebuild_ledger(db, tell)
    except DatabaseUnusable as error:
        _fail(str(error))
    _show(report, json, "rebuilt")


def _show(report: Any, json: bool, done: str) -> None:
    if json:
        typer.echo(report.to_json())
    else:
        verdict = done if report.ok else "NOT IN ORDER"
        typer.echo(
            f"{report.path}: {verdict}\n"
            f"  ledger    {report.ledger_id}\n"
            f"  head      {report.revision}:{report.head_hash}\n"
            f"  entries   {report.entries}\n"
            f"  chains    {report.chains}\n"
            f"  SQLite    {report.sqlite_version}\n"
            f"  took      {report.seconds} s"
        )
        for problem in report.problems:
            typer.echo(f"  problem   {problem}")
    if not report.ok:
        raise typer.Exit(EXIT_FAILED)


def main() -> None:
    """The console script."""
    app(prog_name="rollbook-server")
