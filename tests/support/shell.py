"""The command `rollbook` as a process, and what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.trading import CALL

EXAMPLE: dict[str, Any] = {
    "mode": "MODE_LIVE",
    "strategy": "STRATEGY_KIND_COVERED_CALL",
    "action": "ACTION_OPEN",
    "status": "EXECUTION_STATUS_EXECUTED",
    "executed_time": "2025-06-02T09:00:00Z",
    "fills": [
        {
            "source": "FILL_SOURCE_VENUE_TRADE",
            "trade_id": "9001",
            "symbol": CALL,
            "side": "SIDE_SELL",
            "quantity": "0.5",
            "price": "0.0125",
            "executed_time": "2025-06-02T09:00:00Z",
        }
    ],
}


class Shell:
    """Runs `rollbook` as a process and keeps what it said."""

    def __init__(self, target: str, cache: Path) -> None:
        self.target = target
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLBOOK_", "PYTHOND"))}
        # Compiled once, as in an installation: an editable one whose caches may not be written compiles each time.
        self.env |= {"PYTHONPYCACHEPREFIX": str(cache), "ROLLBOOK_SERVER": target}
        self.env.pop("COLUMNS", None)

    def __call__(
        self, *words: str, stdin: str | None = None, code: int = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "rollbook.cli", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**self.env, **env},
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def rows(self, *words: str) -> list[list[str]]:
        """The cells of what it prints: two spaces and more stand between them."""
        return [
            [cell for cell in line.strip().split("  ") if cell.strip()] for line in self(*words).stdout.splitlines()
        ]

    def json(self, *words: str, **more: Any) -> Any:
        """What it says as one JSON document."""
        return json.loads(self(*words, "--json", **more).stdout)

    def complaint(self, *words: str, code: int, **more: Any) -> str:
        """The one sentence on stderr, while stdout stays empty."""
        done = self(*words, code=code, **more)
        (line,) = done.stderr.splitlines()
        assert done.stdout == ""
        assert line.startswith("rollbook: ")
        return line.removeprefix("rollbook: ")


def cells(rows: list[list[str]], first: str) -> list[str]:
    """The row that begins so."""
    return next([cell.strip() for cell in row] for row in rows if row and row[0].strip() == first)
