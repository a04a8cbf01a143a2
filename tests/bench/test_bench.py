"""The bench itself works."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_quick_bench_prints_every_figure() -> None:
    """A quick run measures every figure, names the machine and ends well."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    words = ("SQLite", "RecordExecution,", "p50 / p99", "ratio", "RecordExecutions of", "start-up", "memory", "page")
    streams = ("subscriber, WatchEntries", "subscriber, WatchChains", "to 1 watcher,", "one stalled", "UpdateMarks")
    page = ("open pages", "to a page's socket", "to a cell in Chromium")
    lab = (
        "decisions/s",
        "times the bare kernel",
        "memory of the process that runs it",
        "sweep of 10 points",
        "times as fast as 1 worker",
    )
    commands = ("rollbook positions, s", "times as long as loading the client")
    training = ("candidates, CSV, rows/s", "candidates, PARQUET, rows/s", "its worker at most", "steps/s")
    for word in words + commands + streams + page + lab + training:
        assert word in done.stdout, word
