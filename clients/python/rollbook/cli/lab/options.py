"""Options and arguments of the lab's commands, and how their texts are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.options import FILTERS, SERVER

if TYPE_CHECKING:
    from rollbook.models import BacktestState, DatasetKind

# `rollbook.BacktestState`, `rollbook.DatasetKind` and `rollbook.ExitStyle` as they are typed; a test compares them.
STATES: Final = ("pending", "running", "paused", "succeeded", "failed", "cancelled")
KINDS: Final = ("bars", "volatility", "option-chains")
FETCHED: Final = ("bars", "dvol", "delivery-prices", "instruments")
BOTH: Final = "both"
EXITS: Final = ("hold-to-expiry", "tp-and-roll", BOTH)

PATIENCE = "1"
"""Seconds; the user waits for the Tab key."""


def _asking(context: typer.Context) -> Session:
    said: dict[str, Any] = context.params
    return Session(
        server=said.get("server") or SERVER,
        account="",
        token=said.get("token") or "",
        tls_ca=said.get("tls_ca") or "",
        deadline=PATIENCE,
        json=False,
    )


def complete_run(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The newest runs that begin so. Nothing where the lab cannot be asked."""
    try:
        with _asking(context).lab() as lab:
            page = lab.list_backtests(page_size=100)
    except Exception:  # a traceback in the middle of a command line helps nobody
        return []
    named = [
        (run.backtest_id, f"{run.spec.name if run.spec else ''}, {run.status.state.lower() if run.status else ''}")
        for run in page.backtests
    ]
    return [each for each in named if each[0].startswith(incomplete)]


def complete_sweep(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The newest sweeps that begin so. Nothing where the lab cannot be asked."""
    try:
        with _asking(context).lab() as lab:
            page = lab.list_sweeps(page_size=100)
    except Exception:
        return []
    named = [(each.sweep_id, f"{each.points_total} points, {each.state.lower()}") for each in page.sweeps]
    return [each for each in named if each[0].startswith(incomplete)]


def complete_dataset(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The newest datasets that begin so. Nothing where the lab cannot be asked."""
    try:
        with _asking(context).lab() as lab:
            page = lab.list_datasets(page_size=100)
    except Exception:
        return []
    named = [(each.dataset_id, f"{each.name}, {each.kind.lower()}") for each in page.datasets]
    return [each for each in named if each[0].startswith(incomplete)]


def _complete(known: tuple[str, ...]) -> Any:
    def complete(incomplete: str) -> list[str]:
        return [word for word in known if word.startswith(incomplete.lower())]

    return complete


RunId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The run; its beginning is enough where no other begins so.", autocompletion=complete_run
    ),
]
SweepId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The sweep; its beginning is enough where no other begins so.", autocompletion=complete_sweep
    ),
]
DatasetId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The dataset: the beginning of its id, or its name, is enough where no other has it.",
        autocompletion=complete_dataset,
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="In place of what the spec says, for example selection.target_delta=0.25; may be said often.",
        show_default=False,
    ),
]
StateFilter = Annotated[
    str,
    typer.Option(
        metavar="|".join(STATES),
        help="Only these.",
        rich_help_panel=FILTERS,
        show_default=False,
        autocompletion=_complete(STATES),
    ),
]
KindFilter = Annotated[
    str,
    typer.Option(
        metavar="|".join(KINDS),
        help="Only these.",
        rich_help_panel=FILTERS,
        show_default=False,
        autocompletion=_complete(KINDS),
    ),
]
KindToWrite = Annotated[
    str, typer.Option(metavar="|".join(KINDS), help="What it holds.", autocompletion=_complete(KINDS))
]
CoinToWrite = Annotated[str, typer.Option("--underlying", metavar="COIN", help="The coin: BTC or ETH.")]
DatasetName = Annotated[
    str,
    typer.Option("--name", metavar="TEXT", help="For people; not said: the file's name.", show_default=False),
]
Exit = Annotated[
    str,
    typer.Option(
        "--exit",
        metavar="|".join(EXITS),
        help="In place of the spec's exit_style; both makes two runs of one group.",
        show_default=False,
        autocompletion=_complete(EXITS),
    ),
]
SweptExit = Annotated[
    str,
    typer.Option(
        "--exit",
        metavar="|".join(EXITS),
        help="In place of the spec's exit_style; both makes it one more field of the grid.",
        show_default=False,
        autocompletion=_complete(EXITS),
    ),
]


def read_state(text: str) -> BacktestState:
    """A state; nothing said is any."""
    from rollbook.models import BacktestState

    return BacktestState(one_of(text, STATES, "--state").upper()) if text else BacktestState.UNSPECIFIED


def read_kind(text: str) -> DatasetKind:
    """A kind of data; nothing said is any."""
    from rollbook.models import DatasetKind

    return DatasetKind(one_of(text, KINDS, "--kind").upper().replace("-", "_")) if text else DatasetKind.UNSPECIFIED


def one_of(text: str, known: tuple[str, ...], option: str) -> str:
    """A word as it is known, however it is written."""
    word = text.lower().replace("_", "-")
    if word not in known:
        raise Stop(f"{option} knows no {text!r} — say {', '.join(known[:-1])} or {known[-1]}")
    return word


def read_float(text: str, option: str) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise Stop(f"{option} is a number, and {text!r} is not") from None
