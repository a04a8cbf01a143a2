"""What the README shows is run as it stands."""

import re
import sys
from pathlib import Path
from subprocess import run

from tests.support.server import RunningServer

README = Path(__file__).parents[2] / "README.md"


def test_the_bot_of_the_readme_runs(tmp_path: Path) -> None:
    """The README's bot records its fill and prints the chain, with nothing changed but the server's address."""
    (bot,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    with RunningServer(tmp_path / "ledger.db") as server:
        script = bot.replace(" Client(", f" Client({server.target!r}, ")
        assert script != bot
        done = run(
            [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "PositionChain(" in done.stdout
    assert "open_credit=Decimal('0.00125')" in done.stdout
