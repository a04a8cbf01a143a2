"""The demo's backtest: the commands that a researcher would type, on the server that the bot has just used."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rollbook import Lab

BARS = "btc_spot_1h_202104_202603.parquet"
"""Five years of hourly bars, where there are recorded ones."""
SYNTHETIC = ("--underlying", "BTC", "--start", "2021-04-01", "--days", "1800", "--name", "bars")
SPEC = """\
name: BTC calls, 0.20 delta
underlying: BTC
strategy: COVERED_CALL
style: INVERSE
preset: balanced
data: {spot_dataset_id: bars}
"""


def backtest(target: str, data: Path | None, directory: Path, console: Console) -> bool:
    """Imports bars (or makes some up), runs both exits, and writes the report of one; whether any of it failed."""
    console.print("[bold]The lab[/]: the same kind of strategy over five years, as a durable job of the same server.\n")
    spec, page = directory / "spec.yaml", directory / "report.html"
    spec.write_text(SPEC, encoding="utf-8")
    recorded = data / BARS if data is not None else None
    register: tuple[str, ...] = ("data", "synthetic", *SYNTHETIC)
    if recorded is not None and recorded.is_file():
        register = ("data", "import", str(recorded), "--kind", "bars", "--underlying", "BTC", "--name", "bars")
    for words in (register, ("backtest", "run", str(spec), "--exit", "both", "--watch")):
        if _rollbook(words, target, console):
            return True
    with Lab(target) as lab:
        newest = lab.list_backtests(page_size=1).backtests[0].backtest_id
    return bool(_rollbook(("backtest", "report", newest[:8], "--out", str(page)), target, console))


def _rollbook(words: Sequence[str], target: str, console: Console) -> int:
    """One command, on the reader's terminal if there is one; its exit code."""
    console.print(f"[bold]$ rollbook {' '.join(words)}[/]", soft_wrap=True)
    env = {**os.environ, "ROLLBOOK_SERVER": target, "COLUMNS": str(console.width)}
    command = [sys.executable, "-m", "rollbook.cli", *words]
    if console.is_terminal:
        code = subprocess.run(command, env=env, check=False).returncode
    else:
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=False)
        console.print(done.stdout, end="", markup=False, soft_wrap=True)
        code = done.returncode
    console.print()
    return code
