"""The command `rollbook-bot`: what a bot's spool holds. It needs the extra `rollbook-bot[cli]`."""

from __future__ import annotations

import io
import sys

REFUSED, USAGE, FAILED, INTERRUPTED = 1, 2, 3, 130


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot write a dash still gets the rest
    try:
        import rich  # noqa: F401 -- Typer does without, our lists do not

        from rollbook_bot.commands import app
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print('rollbook-bot: this command needs typer and rich — pip install "rollbook-bot[cli]"', file=sys.stderr)
        sys.exit(USAGE)
    app(prog_name="rollbook-bot")


if __name__ == "__main__":
    main()
