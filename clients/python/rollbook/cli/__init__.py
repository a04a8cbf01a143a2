"""The command `rollbook`: a ledger read and written from the shell.

It needs the extra `rollbook[cli]`; a bot that only imports `rollbook` does not.
"""

from __future__ import annotations

import io
import sys


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot write a dash still gets the figures
    try:
        import rich  # noqa: F401 -- Typer does without, our tables do not

        from rollbook.cli.commands import app
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print('rollbook: this command needs typer and rich — pip install "rollbook[cli]"', file=sys.stderr)
        sys.exit(2)
    app(prog_name="rollbook")
