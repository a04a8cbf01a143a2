"""What a bot needs beside the client `rollbook`: a recorder that loses nothing while the ledger is away.

Everything is loaded when it is first asked for, so that the command line starts without the client.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollbook_bot.dead_letters import Cause, DeadLetter
    from rollbook_bot.letters import Command, Letter, Unsendable
    from rollbook_bot.recorder import Receipt, Recorder
    from rollbook_bot.sender import Answer
    from rollbook_bot.spool import Spool, SpoolFull

__all__ = [
    "Answer",
    "Cause",
    "Command",
    "DeadLetter",
    "Letter",
    "Receipt",
    "Recorder",
    "Spool",
    "SpoolFull",
    "Unsendable",
]

_HOMES = {
    "Answer": "sender",
    "Cause": "dead_letters",
    "Command": "letters",
    "DeadLetter": "dead_letters",
    "Letter": "letters",
    "Receipt": "recorder",
    "Recorder": "recorder",
    "Spool": "spool",
    "SpoolFull": "spool",
    "Unsendable": "letters",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(importlib.import_module(f"rollbook_bot.{_HOMES[name]}"), name)
        globals()[name] = value  # asked for once
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
