"""The maker of the synchronous client refuses what it cannot turn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "clients/python/rollbook/_async_client.py").read_text()


def make(source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    module = folder / "module.py"
    module.write_text(source)
    command = [sys.executable, str(ROOT / "protos/sync_client.py"), str(module)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "addition",
    [
        "await asyncio.gather()",
        "lock = asyncio.Lock()",
        "channel = grpc.aio.server()",
        "items = aiter(pages)",
        "pass  # for the event loop",
    ],
)
def test_what_has_no_rule_is_refused(addition: str, tmp_path: Path) -> None:
    """A word of waiting never gets into the synchronous client: its maker names the line and gives nothing."""
    made = make(f"{SOURCE}\n\nasync def more() -> None:\n    {addition}\n", tmp_path)
    assert made.returncode == 1
    assert made.stdout == ""
    assert "there is no rule for: " in made.stderr


def test_a_rule_that_is_out_of_use_is_refused(tmp_path: Path) -> None:
    """The rules are the ones that the client needs: one that reaches nothing is to be removed."""
    made = make(SOURCE.replace("await asyncio.sleep(pause)", ""), tmp_path)
    assert made.returncode == 1
    assert r"a rule has nothing to do: \basyncio\.sleep\b" in made.stderr
