"""What a bot needs beside the client `rollbook`: a recorder that loses nothing while the ledger is away, and the
execution of what it decides, simulated or real.

Everything is loaded when it is first asked for, so that the command line starts without the client.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollbook_bot.dead_letters import Cause, DeadLetter
    from rollbook_bot.exchange import Exchange, OrderRefused
    from rollbook_bot.execution import ExecutionSettings, execute_action, execute_actions, found_order
    from rollbook_bot.letters import Command, Letter, Unsendable
    from rollbook_bot.recorder import Receipt, Recorder
    from rollbook_bot.sender import Answer
    from rollbook_bot.spool import Spool, SpoolFull

__all__ = [
    "Answer",
    "Cause",
    "Command",
    "DeadLetter",
    "Exchange",
    "ExecutionSettings",
    "Letter",
    "OrderRefused",
    "Receipt",
    "Recorder",
    "Spool",
    "SpoolFull",
    "Unsendable",
    "execute_action",
    "execute_actions",
    "found_order",
]

_HOMES = {
    "Answer": "sender",
    "Cause": "dead_letters",
    "Command": "letters",
    "DeadLetter": "dead_letters",
    "Exchange": "exchange",
    "ExecutionSettings": "execution",
    "Letter": "letters",
    "OrderRefused": "exchange",
    "Receipt": "recorder",
    "Recorder": "recorder",
    "Spool": "spool",
    "SpoolFull": "spool",
    "Unsendable": "letters",
    "execute_action": "execution",
    "execute_actions": "execution",
    "found_order": "execution",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(importlib.import_module(f"rollbook_bot.{_HOMES[name]}"), name)
        globals()[name] = value  # asked for once
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
