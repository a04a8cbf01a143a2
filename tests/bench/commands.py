"""How long a command takes, from the start of its process to its end, beside what no Python client can do without."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.bench.figures import Figure, Scale, spread
from tests.bench.processes import served

COMMANDS = (("positions",), ("backtest", "list"))


def commands(folder: Path, scale: Scale, tell: Callable[[str], None]) -> Iterator[Figure]:
    """What people type most, on an empty ledger. Rounds alternate with a process that only loads the client."""
    with served(folder / "commands" / "ledger.db") as server:
        env = {**os.environ, "ROLLBOOK_SERVER": server.target}
        for words in COMMANDS:
            name = f"rollbook {' '.join(words)}"
            tell(name)
            _seconds(("-m", "rollbook.cli", *words), env)  # compiles what is not compiled yet
            rounds = [
                (_seconds(("-c", "from rollbook import Client"), env), _seconds(("-m", "rollbook.cli", *words), env))
                for _ in range(scale.starts)
            ]
            yield Figure(f"{name}, s", spread([taken for _, taken in rounds], "{:.2f}"), "0.5")
            ratios = [taken / loading for loading, taken in rounds]
            yield Figure("    times as long as loading the client", spread(ratios, "{:.2f}"))
        server.stop()


def _seconds(words: Sequence[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
