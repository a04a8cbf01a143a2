"""How a command ends when it does not end well: one sentence with its remedy on stderr, and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollbook.errors import LedgerError

REFUSED, USAGE, NO_ANSWER, INTERRUPTED = 1, 2, 3, 130

EXIT_CODES = (
    "Exit codes: 0 done; 1 the server refused it; 2 wrong usage, nothing was sent; 3 no answer: a command may be "
    "recorded or not, run it again; 130 Ctrl-C."
)


REMEDIES = {
    "POSITION_NOT_FOUND": "`rollbook positions` and `rollbook closed` list what there is",
    "SETTLED_AT_OTHER_PRICE": "`rollbook entries` shows the price that was recorded",
    "REQUEST_ID_REUSED": "what was recorded stays as it is: give this one a request_id of its own",
    "TRADE_CONFLICT": "what was recorded stays as it is: `rollbook entries` shows it",
    "TOO_LARGE": "make it smaller and run the command again",
    "BACKTEST_NOT_FOUND": "`rollbook backtest list` shows what there is",
    "SWEEP_NOT_FOUND": "`rollbook backtest sweep-list` shows what there is",
    "DATASET_NOT_FOUND": "`rollbook data list` shows what there is",
    "FILE_NOT_FOUND": "the server reads it: name a file on its disk",
    "LAB_UNAVAILABLE": "put that right where the server runs; its ledger serves all the same",
    "BACKTEST_ENDED": "`rollbook backtest show` tells how",
    "SWEEP_ENDED": "`rollbook backtest sweep-show` tells how",
    "ENGINE_CHANGED": "run the spec again: `rollbook backtest run`, or a sweep of its own",
    "CHAIN_NOT_COMPARABLE": "`rollbook chain` shows all that it did",
    "MARKET_UNKNOWN": "`rollbook data list` shows what the lab has; name other data, or another spec",
    "BACKTEST_NOT_ENDED": "`rollbook backtest watch` shows it until its end",
}


class Stop(Exception):
    """Ends the command with a sentence and a code."""

    def __init__(self, sentence: str, code: int = USAGE) -> None:
        super().__init__(sentence)
        self.code = code


@contextmanager
def told(server: str) -> Iterator[None]:
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
        _close_stdout()
        sys.exit(0)
    except OSError as error:
        _close_stdout()
        _end(f"the answer cannot be written: {error.strerror or error} — make room, and ask again", NO_ANSWER)
    except Exception as error:
        from rollbook.errors import LedgerError, Refused

        if not isinstance(error, LedgerError):
            raise
        _end(sentence(error, server), REFUSED if isinstance(error, Refused) else NO_ANSWER)


def _close_stdout() -> None:
    """Or Python tries once more at its end, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(sentence: str, code: int) -> None:
    print("rollbook:", "".join(sign if sign.isprintable() else " " for sign in sentence), file=sys.stderr)
    sys.exit(code)


def sentence(error: LedgerError, server: str) -> str:
    """What happened, and what to do about it."""
    from rollbook import errors
    from rollbook.models import CreateBacktestRequest

    match error:
        case errors.Unauthenticated():
            return f"{server} wants a token that it knows ({error.message}) — set ROLLBOOK_TOKEN"
        case errors.PermissionDenied():
            return f"the token is not for this ({error.message}) — use another one"
        case errors.Unimplemented():
            return f"{server} does not know this call — is it a rollbook-server, and as new as this client?"
        case errors.Refused():
            return f"{refusal_text(error)} — {_remedy(error)}"
    if error.command is None:
        return f"{server}: {error.message} — try again, or give it more time with --deadline SECONDS"
    # The client goes on about the request_id: here it is the same in any case, or does not matter.
    what = error.message.partition("; whether it is recorded")[0]
    if isinstance(error.command, CreateBacktestRequest):
        return f"{server}: {what} — it may be queued or not: `rollbook backtest list` tells"
    return f"{server}: {what} — it may be recorded or not: run the same command again, it counts once"


def refusal_text(error: LedgerError) -> str:
    """A refusal without its remedy."""
    where = ", ".join(filter(None, (error.reason, error.field)))
    return f"refused: {error.message}" + (f" ({where})" if where else "")


def _remedy(error: LedgerError) -> str:
    from rollbook.models import ExecutionResult

    if error.reason in REMEDIES:
        return REMEDIES[error.reason]
    if isinstance(error.command, ExecutionResult):
        return f'`rollbook refused` keeps it: correct it and send it again with "request_id": "{error.request_id}"'
    return "correct it and run the command again"
