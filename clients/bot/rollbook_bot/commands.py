"""The commands of `rollbook-bot` and their options."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rollbook_bot.cli import FAILED, INTERRUPTED, REFUSED, USAGE

if TYPE_CHECKING:
    from rollbook_bot.spool import Spool

_CONTEXT = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    help="What belongs to a bot that reports to a Rollbook ledger.",
    no_args_is_help=True,
    context_settings=_CONTEXT,
    pretty_exceptions_enable=False,
)
spool_app = typer.Typer(
    help="What a bot has recorded and the ledger does not have yet. All of it works beside a running bot.",
    epilog=(
        "Exit codes: 0 done; 1 a dead letter cannot be sent as it is; 2 wrong usage, nothing was done; 3 the disk "
        "failed: look with `list` how far it came; 130 Ctrl-C."
    ),
    no_args_is_help=True,
    context_settings=_CONTEXT,
)
app.add_typer(spool_app, name="spool")


class Stop(Exception):
    """Ends the command with a sentence and a code."""

    def __init__(self, sentence: str, code: int = USAGE) -> None:
        super().__init__(sentence)
        self.code = code


Directory = Annotated[
    Path, typer.Option("--spool", envvar="ROLLBOOK_SPOOL", metavar="DIR", help="The bot's spool directory.")
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Dead letters, by the names or request_ids that `list` shows."),
]
DIRECTORY = Path("spool")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("rollbook-bot"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@spool_app.command("list")
def list_spool(
    directory: Directory = DIRECTORY,
    json: Annotated[bool, typer.Option("--json", help="Everything, with the commands as JSON.")] = False,
) -> None:
    """Show what waits for the ledger, and the dead letters with their reasons."""
    from rollbook_bot.listing import print_json, print_text

    with _told():
        (print_json if json else print_text)(_spool(directory))


@spool_app.command()
def retry(
    names: Names = None,
    directory: Directory = DIRECTORY,
    every: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
) -> None:
    """Send dead letters again: they go to the end of the queue, in their old order and as they are.

    That helps when the ledger was corrected meanwhile. A command that is wrong itself is corrected by `rollbook record`
    under the same request_id, and its dead letter dropped.
    """
    with _told():
        spool = _spool(directory)
        wanted = _wanted(spool, names or [], every)
        moved = _done(spool.retry, wanted)
        left = [name for name in wanted if name not in moved]
        print(f"{len(moved)} to be sent again, by the bot or when it starts.")
        if left:
            raise Stop(f"{', '.join(left)} cannot be sent as it is: `list` says why", REFUSED)


@spool_app.command()
def drop(
    names: Names = None,
    directory: Directory = DIRECTORY,
    every: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
) -> None:
    """Forget dead letters for good: they will never be in the ledger, unless somebody records them otherwise."""
    with _told():
        spool = _spool(directory)
        print(f"{len(_done(spool.drop, _wanted(spool, names or [], every)))} dropped.")


def _done(act: Callable[[list[str]], list[str]], wanted: list[str]) -> list[str]:
    try:
        return act(wanted)
    except LookupError as error:  # settled since we looked
        raise Stop(str(error.args[0])) from None


def _wanted(spool: Spool, names: list[str], every: bool) -> list[str]:
    """The dead letters that are meant."""
    if every == bool(names):
        raise Stop("name dead letters, or say --all" if not every else "name dead letters or say --all, not both")
    there = spool.dead_names()
    if every:
        return there
    wanted: list[str] = []
    for name in names:
        # Bare, too: a name without its ending, and the request_id that the name ends with.
        found = [each for each in there if name in (each, each.removesuffix(".json"), _request_id(each))]
        if not found:
            waits = any(name in (each, _request_id(each)) for each in spool.names())
            why = "still waits and is no dead letter" if waits else "is no dead letter: `list` shows what there is"
            raise Stop(f"{name} {why}")
        wanted += found
    return wanted


def _request_id(name: str) -> str:
    return name.partition("-")[2].removesuffix(".json")


def _spool(directory: Path) -> Spool:
    """The spool, which a bot has made; a wrong name must not make another one."""
    from rollbook_bot.spool import Spool

    if not (directory / "dead").is_dir():
        raise Stop(f"there is no spool at {directory} — name it with --spool, or set ROLLBOOK_SPOOL")
    return Spool(directory)


@contextmanager
def _told() -> Iterator[None]:
    """Turns what may be raised inside into a sentence and an exit code."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here, where a reader that has gone is no surprise
    except Stop as stop:
        _end(str(stop), stop.code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _end(f"{error.filename or 'the spool'}: {error.strerror or error} — `list` shows how far it came", FAILED)


def _end(sentence: str, code: int) -> None:
    print("rollbook-bot:", "".join(sign if sign.isprintable() else " " for sign in sentence), file=sys.stderr)
    sys.exit(code)
