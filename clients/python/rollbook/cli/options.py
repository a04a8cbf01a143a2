"""The options that several commands share, and how their texts are read.

Typer is told that each is a text (or a switch): what a text means is read here, so that what is wrong with it is said
in one sentence, and so that Typer has nothing to convert (see `quick`).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rollbook.cli.failures import Stop

if TYPE_CHECKING:
    from rollbook.models import Mode

SERVER = "127.0.0.1:50051"
LEDGER, FILTERS = "Which server", "Which ones"

# `rollbook.Mode` and `rollbook.StrategyKind` as they are typed; a test compares them. To load the models for it would
# cost each --help and each Tab key as much as a call.
MODES: Final = ("live", "dry_run")
STRATEGIES: Final = ("covered_call", "cash_secured_put", "short_strangle", "credit_spread", "other", "wheel")


def complete_mode(incomplete: str) -> list[str]:
    """What the shell offers for --mode."""
    return [mode for mode in MODES if mode.startswith(incomplete.lower())]


def complete_strategy(incomplete: str) -> list[str]:
    """What the shell offers for --strategy."""
    return [strategy for strategy in STRATEGIES if strategy.startswith(incomplete.lower())]


# Shared by all commands

Server = Annotated[
    str,
    typer.Option(
        envvar="ROLLBOOK_SERVER", metavar="HOST:PORT", help="Where the server answers.", rich_help_panel=LEDGER
    ),
]
Account = Annotated[
    str,
    typer.Option(
        envvar="ROLLBOOK_ACCOUNT",
        metavar="NAME",
        help="Whose book; not said: all books, where a command only reads.",
        rich_help_panel=LEDGER,
        show_default=False,
    ),
]
Token = Annotated[
    str,
    typer.Option(
        envvar="ROLLBOOK_TOKEN",
        metavar="TEXT",
        help="Token that the server asks for; better set as a variable, where `ps` does not show it.",
        rich_help_panel=LEDGER,
        show_default=False,
    ),
]
TlsCa = Annotated[
    str,
    typer.Option(
        envvar="ROLLBOOK_TLS_CA",
        metavar="FILE",
        help="Speak TLS, and trust this certificate authority (PEM).",
        rich_help_panel=LEDGER,
        show_default=False,
    ),
]
Deadline = Annotated[str, typer.Option(metavar="SECONDS", help="How long an answer may take.", rich_help_panel=LEDGER)]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the API's answer as one JSON document (protobuf's mapping, every digit) instead of tables.",
    ),
]

# Filters

ModeFilter = Annotated[
    str,
    typer.Option(
        metavar="|".join(MODES),
        help="Only these; not said: both, apart.",
        rich_help_panel=FILTERS,
        show_default=False,
        autocompletion=complete_mode,
    ),
]
Underlying = Annotated[
    str, typer.Option(metavar="COIN", help="Only on this coin: BTC, ETH.", rich_help_panel=FILTERS, show_default=False)
]
Strategy = Annotated[
    str,
    typer.Option(
        metavar="KIND",
        help=f"Only of this kind: {', '.join(STRATEGIES)}.",
        rich_help_panel=FILTERS,
        show_default=False,
        autocompletion=complete_strategy,
    ),
]
StrategyName = Annotated[
    str,
    typer.Option(
        metavar="TEXT", help="Only with this free name beside the kind.", rich_help_panel=FILTERS, show_default=False
    ),
]
Since = Annotated[
    str,
    typer.Option(metavar="TIME", help="Only from this time on (UTC).", rich_help_panel=FILTERS, show_default=False),
]
Before = Annotated[
    str,
    typer.Option(metavar="TIME", help="Only before this time (UTC).", rich_help_panel=FILTERS, show_default=False),
]
Limit = Annotated[str, typer.Option(metavar="NUMBER", help="At most so many; 0 is all.", rich_help_panel=FILTERS)]

# What is written

ModeToWrite = Annotated[
    str, typer.Option(metavar="|".join(MODES), help="Which book it is for.", autocompletion=complete_mode)
]
Venue = Annotated[str, typer.Option(metavar="NAME", help="Where it is traded.")]


def read_time(text: str) -> datetime | None:
    """An instant: 2025-06-27, 2025-06-27T08:00 or 2025-06-27T08:00:00Z; UTC unless it says another zone."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Stop(f"{text!r} is no time — write 2025-06-27 or 2025-06-27T08:00:00Z (UTC)") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def read_expiry(text: str) -> datetime | None:
    """An expiry: the day alone means 08:00 UTC, when Deribit's options expire."""
    instant = read_time(text)
    is_day = instant is not None and instant.time() == time() and "T" not in text and " " not in text
    return instant.replace(hour=8) if instant is not None and is_day else instant


def read_decimal(text: str) -> Decimal:
    """An exact number."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise Stop(f"{text!r} is no number — write it plainly, for example 104250.5")
    return number


def read_count(text: str) -> int:
    """A whole number from 0 on."""
    if not (text.isascii() and text.isdigit()):
        raise Stop(f"{text!r} is no whole number from 0 on")
    return int(text)


def read_seconds(text: str, option: str = "--deadline") -> float:
    """A number of seconds above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise Stop(f"{option} is a number of seconds above 0, and {text!r} is not — for example 5")
    return seconds


def read_interval(text: str) -> int:
    """Milliseconds between valuations, from seconds that the server takes."""
    seconds = read_seconds(text, "--interval")
    if not 0.1 <= seconds <= 60:
        raise Stop(f"--interval is 0.1 to 60 seconds, and {text!r} is not")
    return round(seconds * 1_000)


def read_mode(text: str) -> Mode:
    """A mode; nothing said is any."""
    from rollbook.models import Mode

    return Mode(_one_of(text, MODES, "--mode").upper()) if text else Mode.UNSPECIFIED


def read_chain_filter(mode: str, underlying: str, strategy: str, strategy_name: str) -> dict[str, Any]:
    """The keywords of `list_chains` that these options come to."""
    from rollbook.models import StrategyKind

    kind = _one_of(strategy, STRATEGIES, "--strategy").upper() if strategy else StrategyKind.UNSPECIFIED
    return {
        "mode": read_mode(mode),
        "underlying": underlying.upper(),
        "strategy": StrategyKind(kind),
        "strategy_name": strategy_name or None,
    }


def _one_of(text: str, known: tuple[str, ...], option: str) -> str:
    word = text.lower().replace("-", "_")
    if word not in known:
        raise Stop(f"{option} knows no {text!r} — say {', '.join(known[:-1])} or {known[-1]}")
    return word
