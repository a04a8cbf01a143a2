"""The maker of the synchronous clients refuses what it cannot turn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {path.name: path.read_text() for path in (ROOT / "clients/python/rollbook").glob("_async_*.py")}
CONNECTION = "_async_connection.py"


def make(sources: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    modules = [folder / name for name in sources]
    for module in modules:
        module.write_text(sources[module.name])
    (folder / "made").mkdir()
    command = [sys.executable, str(ROOT / "protos/sync_client.py"), str(folder / "made"), *map(str, modules)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_each_asyncio_module_has_its_twin(tmp_path: Path) -> None:
    """What all of them share is turned as they are: no synchronous client takes a part of an asyncio one."""
    made = make(SOURCES, tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    twins = {path.name: path.read_text() for path in (tmp_path / "made").iterdir()}
    assert set(twins) == {"_client.py", "_connection.py", "_lab.py"}
    assert not [name for name, text in twins.items() if "import _async" in text or "._async" in text]
    assert "class Lab(Connection[Services]):" in twins["_lab.py"]


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
    more = f"{SOURCES[CONNECTION]}\n\nasync def more() -> None:\n    {addition}\n"
    made = make({**SOURCES, CONNECTION: more}, tmp_path)
    assert made.returncode == 1
    assert not [*(tmp_path / "made").iterdir()]
    assert "_async_connection: there is no rule for: " in made.stderr


def test_a_rule_that_is_out_of_use_is_refused(tmp_path: Path) -> None:
    """The rules are the ones that the clients need: one that reaches nothing is to be removed."""
    less = SOURCES[CONNECTION].replace("await asyncio.sleep(pause)", "")
    made = make({**SOURCES, CONNECTION: less}, tmp_path)
    assert made.returncode == 1
    assert r"a rule has nothing to do: \basyncio\.sleep\b" in made.stderr
