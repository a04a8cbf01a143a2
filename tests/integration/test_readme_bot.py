"""What the README of rollbook-bot shows is run as it stands."""

import os
import re
import sys
from pathlib import Path
from subprocess import run

from rollbook import Client
from tests.support.server import RunningServer

README = Path(__file__).parents[2] / "clients/bot/README.md"


def test_the_bot_of_the_readme_runs(tmp_path: Path) -> None:
    """The README's bot trades, tells and values its position with nothing changed; where its ledger and its spool are
    stands in the environment."""
    bot, *_ = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    with RunningServer(tmp_path / "ledger.db", clock="") as server:
        where = {"ROLLBOOK_TARGET": server.target, "ROLLBOOK_SPOOL": str(tmp_path / "spool")}
        done = run(
            [sys.executable, "-W", "error", "-c", bot],
            env={**os.environ, **where},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        with Client(server.target, account="default") as ledger:
            [chain] = ledger.list_chains().chains
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "simulated sold 0.1 BTC-25JUN27-150000-C at 0.0125",
        "skipped DO_NOTHING: no orders placed",
        "BTC-25JUN27-150000-C 0.1 0.0125 0.0124",
    ]
    assert (chain.strategy_name, chain.fees_estimated, chain.num_legs) == ("yearly", True, 1)
