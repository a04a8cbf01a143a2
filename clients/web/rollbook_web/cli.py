"""The command `rollbook-web`."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

EXIT_UNUSABLE = 2

app = typer.Typer(
    help="Rollbook's page in the browser, and its ledger and lab as JSON: a process of its own beside the server.",
    epilog="Exit codes: 0 well; 2 it could not be done, and why is on stderr.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("rollbook-web"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT", envvar="ROLLBOOK_WEB_LISTEN", help="Where the page answers; port 0 takes a free one."
        ),
    ] = "127.0.0.1:8080",
    target: Annotated[
        str, typer.Option(metavar="HOST:PORT", envvar="ROLLBOOK_WEB_TARGET", help="Where rollbook-server answers.")
    ] = "127.0.0.1:50051",
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="ROLLBOOK_WEB_TOKEN_FILE",
            help="A file with the word that opens the page; required beyond this machine.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            envvar="ROLLBOOK_WEB_NAME",
            help="A host name by which the page may be asked for, besides its address.",
        ),
    ] = None,
) -> None:
    """Serve the page until Ctrl-C.

    Example: `rollbook-web serve --listen 127.0.0.1:8080 --target 127.0.0.1:50051`
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what its core would print, our messages say better
    from rollbook_web.settings import Settings

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = Settings.of(listen, target, token_file, tuple(name or ()))
        from rollbook_web.serving import serve as run  # takes a second, which a mistake need not wait for

        run(settings)
    except (ValueError, OSError) as error:
        print(f"rollbook-web: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_UNUSABLE) from None


def main() -> None:
    """The console script."""
    app(prog_name="rollbook-web")


if __name__ == "__main__":
    main()
