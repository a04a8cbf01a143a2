"""How a function becomes a command: with the options that all share, and with failures that end in a sentence."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import typer

from rollbook.cli import options
from rollbook.cli.connection import Session
from rollbook.cli.failures import told
from rollbook.cli.quick import QuickCommand


def _shared(
    json: options.AsJson = False,
    server: options.Server = options.SERVER,
    account: options.Account = "",
    token: options.Token = "",
    tls_ca: options.TlsCa = "",
    deadline: options.Deadline = "5",
) -> None:
    """The options of every command, written down once."""


SHARED = inspect.signature(_shared, eval_str=True).parameters
WITHOUT_ACCOUNT = {name: each for name, each in SHARED.items() if name != "account"}
"""Of the lab's commands: it knows no accounts."""


def command(
    app: typer.Typer, panel: str, *, accounts: bool = True, name: str | None = None
) -> Callable[[Callable[..., None]], None]:
    """Makes a function a command: it gets the shared options as a Session, and its failures end in a sentence."""
    shared = SHARED if accounts else WITHOUT_ACCOUNT

    def register(function: Callable[..., None]) -> None:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *shared.values())]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            with told(given["server"]):
                session = Session(**{"account": "", **{name: given.pop(name) for name in shared}})
                function(session, **given)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        # Typer keeps the line breaks of a docstring; help is as wide as the terminal.
        paragraphs = (inspect.getdoc(function) or "").split("\n\n")
        text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        app.command(name, cls=QuickCommand, rich_help_panel=panel, help=text)(run)

    return register
