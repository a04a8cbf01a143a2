"""A bot that tells a tracker dicts, as a process that is told what to tell, limited and killed."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from rollbook_bot.position_tracker import PositionTracker
from tests.durability.recording import PATIENCE, Bot
from tests.support.told.history import Result


def main(spool: str, target: str, account: str) -> None:
    """The bot: given a dict as a line of JSON, it tells it and says so; told "flush", it says when nothing waits."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with PositionTracker(target=target, account=account, spool=spool) as tracker:
        for line in sys.stdin:
            if line == "flush\n":
                said: tuple[object, ...] = ("flushed", tracker.flush(PATIENCE))
            else:
                tracker.process_execution_result(json.loads(line))
                said = ("told",)
            sys.stdout.write(" ".join(map(str, said)) + "\n")
            sys.stdout.flush()


class TellingBot(Bot):
    """The process, seen from outside."""

    def __init__(self, spool: Path, target: str, account: str) -> None:
        super().__init__(spool, target, account, program=__name__)

    def give(self, result: Result) -> None:
        """Gives it a dict to tell."""
        self.tell(json.dumps(result))

    @property
    def told(self) -> int:
        """How many dicts it has told."""
        return sum(line == ["told"] for line in self.lines)

    def until_told(self, count: int) -> None:
        """Waits until it has told so many."""
        self.heard(lambda _: [["told"]] if self.told >= count else [])


if __name__ == "__main__":
    main(*sys.argv[1:])
