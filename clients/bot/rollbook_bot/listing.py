"""A spool as people and programs read it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.text import Text

from rollbook_bot.dead_letters import DeadLetter
from rollbook_bot.letters import Letter, Unsendable
from rollbook_bot.spool import Spool


def print_json(spool: Spool) -> None:
    """One JSON document: what waits and what is dead, the oldest first."""
    said = {
        "spool": str(spool.directory),
        "used_bytes": spool.used_bytes(),
        "waiting": [{"name": name, **_letter(letter)} for name, letter in _waiting(spool)],
        "dead": [_dead(each) for each in spool.dead_letters()],
    }
    print(json.dumps(said, indent=2))


def print_text(spool: Spool) -> None:
    """A line for what waits, a block for each dead letter."""
    # Markup and emoji codes off: what a bot gave as a name is text, whatever it looks like.
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    waiting = _waiting(spool)
    if not waiting:
        _line(console, "Nothing waits to be sent.")
    else:
        oldest = next((letter.spooled_time for _, letter in waiting if letter), None)
        since = f", the oldest since {oldest:%Y-%m-%d %H:%M:%S} UTC" if oldest else ""
        _line(console, f"{len(waiting)} to be sent{since}.")
    dead = spool.dead_letters()
    if not dead:
        _line(console, "No dead letters.")
    for each in dead:
        console.print()
        _block(console, each)


def _block(console: Console, dead: DeadLetter) -> None:
    _line(console, dead.name.removesuffix(".json"), "bold")
    cause, letter = dead.cause, dead.letter
    if letter is not None:
        recorded = f"{letter.kind} recorded {letter.spooled_time:%Y-%m-%d %H:%M:%S} UTC"
        _line(console, f"  {' · '.join(filter(None, (letter.account, recorded)))}")
    _line(console, f"  {cause}")
    if cause.attempts > 1:
        _line(console, f"  refused {cause.attempts} times")
    if letter is not None and letter.command is None:
        _line(console, f"  {letter.text}", "dim")


def _line(console: Console, text: str, style: str = "") -> None:
    """Nothing that a terminal would obey."""
    console.print(Text("".join(sign if sign.isprintable() else "\ufffd" for sign in text), style=style))


def _waiting(spool: Spool) -> list[tuple[str, Letter | None]]:
    """What waits; the running bot may send it while we look."""
    found: list[tuple[str, Letter | None]] = []
    for name in spool.names():
        try:
            found.append((name, Letter.decode(spool.read(name))))
        except FileNotFoundError:
            continue
        except Unsendable:
            found.append((name, None))
    return found


def _letter(letter: Letter | None) -> dict[str, Any]:
    if letter is None:
        return {"kind": "unknown", "command": None}
    command = letter.command and MessageToDict(letter.command.to_proto(), preserving_proto_field_name=True)
    said: dict[str, Any] = {
        "kind": letter.kind,
        "account": letter.account,
        "request_id": letter.request_id,
        "spooled_time": letter.spooled_time.isoformat(),
        "command": command,
    }
    return said if letter.command else said | {"problem": letter.problem, "text": letter.text}


def _dead(dead: DeadLetter) -> dict[str, Any]:
    cause = dataclasses.asdict(dead.cause)
    cause["dead_time"] = dead.cause.dead_time.isoformat() if dead.cause.dead_time else None
    return {"name": dead.name, **cause, **_letter(dead.letter)}
